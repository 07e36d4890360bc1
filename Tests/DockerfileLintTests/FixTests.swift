import Formats
import Testing

@testable import DockerfileLint

@Suite("What --fix does to the bytes")
struct FixTests {
    private static let head: ByteString = "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip "

    /// The script of a RUN with pip's mount, and the fixed one.
    static let scripts: [(ByteString, ByteString)] = [
        ("pip install --no-cache-dir a", "pip install a"),
        ("pip install a --no-cache-dir", "pip install a"),
        ("pip install a   --no-cache-dir   b", "pip install a   b"),
        ("pip --no-cache-dir install --no-cache-dir a", "pip install a"),
        ("pip install --no-cache-dir \\\n  a", "pip install \\\n  a"),
        ("pip install \\\n  --no-cache-dir \\\n  a", "pip install \\\n  a"),
        ("pip install \\\r\n  --no-cache-dir \\\r\n  a\r", "pip install \\\r\n  a\r"),
        ("pip install \\\n  --no-cache-dir a", "pip install \\\n  a"),
        ("pip install a \\\n  --no-cache-dir", "pip install a"),
        ("pip install a \\\n  # why\n  --no-cache-dir", "pip install a \\\n  # why\n  --no-cache-dir"),
        ("pip install \\\n  # why\n  --no-cache-dir \\\n  a", "pip install \\\n  # why\n  a"),
        ("[\"pip\", \"install\", \"--no-cache-dir\", \"a\"]", "[\"pip\", \"install\", \"a\"]"),
        ("[\"pip\", \"install\", \"a\", \"--no-cache-dir\"]", "[\"pip\", \"install\", \"a\"]"),
        ("<<EOF\n  pip install --no-cache-dir a\nEOF", "<<EOF\n  pip install a\nEOF"),
        ("<<EOF\npip install \\\n  --no-cache-dir \\\n  a\nEOF", "<<EOF\npip install \\\n  a\nEOF"),
        ("sh -c 'pip install --no-cache-dir a'", "sh -c 'pip install a'"),
        ("PIP_NO_CACHE_DIR=1 pip install a", "pip install a"),
        ("A=1 PIP_NO_CACHE_DIR=1 pip install a", "A=1 pip install a"),
        ("pip install a && pip cache purge && ls", "pip install a && ls"),
        ("pip cache purge && pip install a", "pip install a"),
        ("pip install a \\\n  && pip cache purge \\\n  && ls", "pip install a \\\n  && ls"),
        ("pip install a \\\n  # why\n  && pip cache purge", "pip install a \\\n  # why\n  && pip cache purge"),
        ("pip install a; pip cache purge", "pip install a; pip cache purge"),
        ("pip install a && pip cache purge || ls", "pip install a && pip cache purge || ls"),
        ("pip install a && rm -rf /root/.cache/pip/* /tmp/x", "pip install a && rm -rf /tmp/x"),
        ("pip install a && rm -rf /root/.cache/pip/*", "pip install a"),
        ("pip install a>=1,<2 b", "pip install \"a>=1,<2\" b"),
        ("pip install a[x]>=1", "pip install \"a[x]>=1\""),
        ("pip install a>=$V", "pip install \"a>=$V\""),
        ("sh -c 'pip install a>=1'", "sh -c 'pip install a>=1'"),
        ("pip install a>2.0", "pip install a>2.0"),
    ]

    @Test("One RUN", arguments: scripts)
    func script(_ before: ByteString, _ after: ByteString) {
        #expect(fixed(Self.head + before + "\n") == Self.head + after + "\n")
        #expect(fixed(Self.head + before) == Self.head + after)
        #expect(fixed(Self.head + after + "\n") == Self.head + after + "\n")
    }

    @Test("Only what was asked for is fixed")
    func select() {
        let file: ByteString = Self.head + "pip install --no-cache-dir a>=1\n"
        let fixed = Linter.fixed(Dockerfile(file)) { $0.rule == .pipOff }.source
        #expect(fixed == Self.head + "pip install a>=1\n")
    }

    @Test("What others need is not taken away")
    func doubt() {
        let mount: ByteString = "RUN --mount=type=cache,target=/var/cache/apt "
        let both: ByteString = "FROM debian:12\n" + mount + "apt-get install -y a\nRUN apt-get install -y b\n"
        #expect(codes(both) == ["LNT601"] && fixed(both) == both)
        let npm: ByteString =
            "FROM node:20\nRUN --mount=type=cache,target=/root/.npm npm ci --cache /tmp/x && du -s /tmp/x\n"
        #expect(codes(npm) == ["LNT204"] && fixed(npm) == npm)
        let variable: ByteString =
            "FROM python:3.12\nENV PIP_NO_CACHE_DIR=1\nRUN pip install a\n"
            + "RUN --mount=type=cache,target=/root/.cache/pip PIP_NO_CACHE_DIR=1 pip install a\n"
        #expect(codes(variable) == ["LNT102"] && fixed(variable) == variable)
        let archives: ByteString =
            "FROM debian:12\nRUN rm -f /etc/apt/apt.conf.d/docker-clean\n"
            + "RUN --mount=type=cache,target=/var/cache/apt/archives apt-get install -y a && apt-get clean\n"
        #expect(codes(archives) == ["LNT610"] && fixed(archives) == archives)
    }

    @Test("apt's docker-clean goes before all of the script")
    func dockerClean() {
        let mount: ByteString = "FROM debian:12\nRUN --mount=type=cache,target=/var/cache/apt \\\n  "
        #expect(
            fixed(mount + "apt-get update && apt-get install -y a\n")
                == mount + "rm -f /etc/apt/apt.conf.d/docker-clean; apt-get update && apt-get install -y a\n")
        let heredoc: ByteString = "FROM debian:12\nRUN --mount=type=cache,target=/var/cache/apt <<EOF\n"
        #expect(
            fixed(heredoc + "apt-get install -y a\nEOF\n")
                == heredoc + "rm -f /etc/apt/apt.conf.d/docker-clean\napt-get install -y a\nEOF\n")
    }

    @Test("Lines and columns are counted from 1, in bytes, through continuations")
    func places() throws {
        let file: ByteString =
            "FROM python:3.12\n# é\nRUN --mount=type=cache,target=/root/.cache/pip \\\n  echo é && \\\n\tpip install --no-cache-dir a\n"
        let finding = try #require(Linter.findings(in: Dockerfile(file)).first)
        #expect(finding.line == 5 && finding.column == 14)
        #expect(finding.message.hasPrefix("pip's cache is mounted, and an option switches it off: measured: "))
    }
}
