import DockerCommandLine
import DockerfileLint
import Formats
import Glibc
import Host
import Planning
import TestSupport
import Testing

@testable import Shim

@Suite("Findings in the Dockerfile of a build")
struct BuildFindingsTests {
    private static let bad: ByteString =
        "FROM debian:12\nRUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir a\n"

    /// The findings for a command line in a folder. An unoptimized build takes its time.
    private static func findings(_ words: ByteString..., within nanoseconds: Int64 = 60_000_000_000) -> BuildFindings? {
        guard case .build(let build) = Invocation.parse(["docker"] + words) else { return nil }
        return BuildFindings(of: build, nanoseconds: nanoseconds)
    }

    @Test("A command's file is read once, when its findings are first asked for, and only for docker's journal")
    func once() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            chdir(folder.path.lossy)
            let build = Invocation.parse(["docker", "build", "."])
            func findings(
                of invocation: Invocation, as role: Role = .docker, _ change: (inout Settings) -> Void = { _ in }
            ) -> BuildFindings.Once {
                var settings = Settings()
                change(&settings)
                return .init(
                    for: invocation, as: role, settings, within: Budget(nanoseconds: 60_000_000_000),
                    nanoseconds: 60_000_000_000)
            }
            let known = findings(of: build)
            try folder.write("Dockerfile", Self.bad)
            #expect(known.value?.findings.count == 1)
            try folder.write("Dockerfile", "FROM debian:12\n")
            #expect(known.value?.findings.count == 1)
            try folder.write("Dockerfile", Self.bad)
            #expect(findings(of: build, as: .plugin).value == nil && findings(of: build, as: .buildx).value == nil)
            #expect(findings(of: build) { $0.lint = .off }.value == nil)
            #expect(findings(of: build) { $0.journal = false }.value == nil)
            #expect(findings(of: Invocation.parse(["docker", "run", "i"])).value == nil)
            #expect(findings(of: build).value != nil)
        }
    }

    @Test("The findings of the file that docker would read, with codes and positions")
    func found() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            chdir(folder.path.lossy)
            try folder.write("app/Dockerfile", Self.bad)
            try folder.write("other", "FROM debian\nRUN apt-get install -y a\n")
            #expect(
                Self.findings("build", "app")?.json.text
                    == #"{"file":"app/Dockerfile","partial":false,"findings":[{"line":2,"column":60,"code":"LNT101"}]}"#
            )
            #expect(Self.findings("build", "-f", "other", "app")?.findings.map(\.rule.code) == ["LNT703"])
            #expect(Self.findings("buildx", "build", "--file=other", ".")?.file == "other")
            // Its context is examined, too.
            try folder.write("app/.git/HEAD", "x")
            try folder.write("copy", "FROM debian:12\nCOPY . .\nRUN npm ci\n")
            #expect(Self.findings("build", "-f", "copy", "app")?.findings.map(\.rule.code) == ["LNT701", "LNT702"])
            try folder.write("stages", "FROM debian:12 AS dev\nCOPY . .\nRUN npm ci\nFROM debian:12\n")
            #expect(Self.findings("build", "-f", "stages", "app") == nil)
            #expect(Self.findings("build", "-f", "stages", "--target=dev", "app")?.findings.count == 2)
            try folder.write("copy.dockerignore", ".git")
            #expect(Self.findings("build", "-f", "copy", "app") == nil)
        }
    }

    @Test("Only a small regular file in its own folder is read")
    func leftAlone() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            chdir(folder.path.lossy)
            try folder.write("Dockerfile", Self.bad)
            #expect(Self.findings("build", ".") != nil)
            #expect(Self.findings("build", "-f", "-", ".") == nil)
            #expect(Self.findings("build", "-") == nil)
            #expect(Self.findings("build", "https://example.invalid/a.git") == nil)
            #expect(Self.findings("build", "-f", "https://example.invalid/Dockerfile", ".") == nil)
            #expect(Self.findings("build", "--help", ".") == nil)
            #expect(Self.findings("build") == nil)
            #expect(Self.findings("build", "none") == nil)
            mkfifo("pipe", 0o600)
            #expect(Self.findings("build", "-f", "pipe", ".") == nil)
            try folder.makeFolder("folder")
            #expect(Self.findings("build", "-f", "folder", ".") == nil)
            let room = 65_536 - Self.bad.count
            try folder.write("just", Self.bad + ByteString("\n").repeated(room))
            #expect(Self.findings("build", "-f", "just", ".") != nil)
            try folder.write("large", Self.bad + ByteString("\n").repeated(room + 1))
            #expect(Self.findings("build", "-f", "large", ".") == nil)
        }
    }

    @Test("Findings are marked as partial when time runs out; only the linter's own time counts")
    func timeIsUp() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            chdir(folder.path.lossy)
            try folder.write("Dockerfile", Self.bad)
            let none = Self.findings("build", ".", within: 0)
            #expect(none?.isPartial == true && none?.findings.isEmpty == true)
            let before = Clock.computed
            Clock.sleep(nanoseconds: 300_000_000)
            #expect(Clock.computed - before < 300_000_000)
            var sum: UInt64 = 0
            for number in 0..<10_000 as Range<UInt64> { sum &+= number }
            #expect(sum > 0 && Clock.computed > before)
        }
    }

    @Test("A line of the journal has at most 16 findings, and no member for them if there are none")
    func journal() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            chdir(folder.path.lossy)
            try folder.write("Dockerfile", ByteString("RUM x\n").repeated(40))
            Journal.append(.unchanged([], []), command: "build", Self.findings("build", "."))
            try folder.write("Dockerfile", "FROM debian:12\n")
            Journal.append(.unchanged([], []), command: "build", Self.findings("build", "."))
            let lines = try folder.read(".local/state/slipway/journal.jsonl").split("\n")
            #expect(JSON(lines[0])?[key: "lint"]?[key: "findings"]?.array?.count == 16)
            #expect(JSON(lines[0])?[key: "lint"]?[key: "partial"]?.bool == true)
            #expect(JSON(lines[1])?[key: "lint"] == nil && JSON(lines[1]) != nil)
        }
    }
}
