import Formats
import Testing

@testable import DockerfileLint

/// What was measured on real engines, row by row: what disables a mounted cache, and what does not.
struct Measured: Sendable, CustomTestStringConvertible {
    let file: ByteString
    let codes: [ByteString]
    var testDescription: String { codes.map(\.lossy).joined(separator: " ") + ": " + file.lossy }

    init(_ lines: ByteString..., codes: [ByteString]) {
        file = lines.joined(separator: "\n") + "\n"
        self.codes = codes
    }

    private static let python: ByteString = "FROM python:3.12"
    private static let mount: ByteString = "RUN --mount=type=cache,target=/root/.cache/pip "

    /// A RUN with pip and its cache mounted.
    private static func pip(_ script: ByteString, _ codes: ByteString...) -> Measured {
        Measured(python, mount + script, codes: codes)
    }

    static let pip: [Measured] = [
        pip("pip install idna certifi"),
        pip("pip install --no-cache-dir idna", "LNT101"),
        pip("pip3 install --no-cache-dir idna", "LNT101"),
        pip("pip3.12 install idna --no-cache-dir", "LNT101"),
        pip("/opt/venv/bin/pip install --no-cache-dir idna", "LNT101"),
        pip("python3 -m pip install --no-cache-dir idna", "LNT101"),
        pip("python3.12 -I -m pip install --no-cache-dir idna", "LNT101"),
        pip("pip --no-cache-dir install idna", "LNT101"),
        pip("pip install --no-cache idna", "LNT101"),
        pip("pip install --no-ca idna", "LNT101"),
        pip("pip install --no-clean idna"),
        pip("pip install --no-color --no-compile idna"),
        pip("pip install '--no-cache-dir' idna", "LNT101"),
        pip("[\"pip\", \"install\", \"--no-cache-dir\", \"idna\"]", "LNT101"),
        pip("sh -c 'pip install --no-cache-dir idna'", "LNT101"),
        pip("bash -euxo pipefail -c \"pip install --no-cache-dir idna\"", "LNT101"),
        pip("set -eux; for one in idna six; do pip install --no-cache-dir \"$one\"; done", "LNT101"),
        pip("if true; then pip install --no-cache-dir idna; fi", "LNT101"),
        pip("(cd /app && pip install --no-cache-dir .)", "LNT101"),
        pip("echo $(pip install --no-cache-dir idna)", "LNT101"),
        pip("echo `pip install --no-cache-dir idna` done", "LNT101"),
        pip("sudo -H pip install --no-cache-dir idna", "LNT101"),
        pip("env DEBUG=1 pip install --no-cache-dir idna", "LNT101"),
        pip("xargs -n 1 pip install --no-cache-dir <list", "LNT101"),
        pip("echo pip install --no-cache-dir"),
        pip("# pip install --no-cache-dir idna"),
        pip("true # && pip install --no-cache-dir idna"),
        pip("echo \"use pip install --no-cache-dir\" && pip install idna"),
        Measured(
            python, mount + "apt-get update \\", "  # pip install --no-cache-dir", "  && pip install \\",
            "    --no-cache-dir \\",
            "    idna", codes: ["LNT101"]),
        Measured(
            python, mount + "<<EOF", "pip install --no-cache-dir idna", "pip install certifi", "EOF", codes: ["LNT101"]),
        Measured(python, mount + "bash -e <<'EOF'", "pip install --no-cache-dir idna", "EOF", codes: ["LNT101"]),
        Measured(
            python, mount + "<<EOF", "#!/usr/bin/env python3", "pip install --no-cache-dir idna", "EOF", codes: []),
        Measured(python, mount + "cat <<EOF", "pip install --no-cache-dir idna", "EOF", codes: []),
        Measured(python, "RUN pip install --no-cache-dir idna", codes: []),
        Measured(python, "RUN --mount=type=cache,target=/var/cache/apt pip install --no-cache-dir idna", codes: []),
        Measured(python, "RUN --mount=type=cache,target=/root/.cache pip install idna", codes: []),
        Measured(
            python, "RUN --mount=type=cache,target=/root/.cache pip install --no-cache-dir idna", codes: ["LNT101"]),
        Measured("# escape=`", python, mount + "pip install `", "  --no-cache-dir idna", codes: ["LNT101"]),
        Measured(python, "ONBUILD " + mount + "pip install --no-cache-dir idna", codes: ["LNT101"]),
        Measured(python, "SHELL [\"pwsh\", \"-c\"]", mount + "pip install --no-cache-dir idna", codes: []),
        pip("PIP_NO_CACHE_DIR=0 pip install idna", "LNT102"),
        pip("PIP_NO_CACHE_DIR= pip install idna"),
        pip("export PIP_NO_CACHE_DIR=1 && pip install idna", "LNT102"),
        pip("PIP_NO_CACHE_DIR=1; pip install idna"),
        pip("python3 -m venv /v && /v/bin/pip install idna"),
        Measured(python, "ENV PIP_NO_CACHE_DIR=", mount + "pip install idna", codes: []),
        Measured(python, "ENV PIP_NO_CACHE_DIR=1", mount + "PIP_NO_CACHE_DIR=0 pip install idna", codes: ["LNT102"]),
        Measured(python, "ENV PIP_NO_CACHE_DIR=1", mount + "PIP_NO_CACHE_DIR= pip install idna", codes: []),
        Measured(
            python, "ENV PIP_NO_CACHE_DIR=1", mount + "pip install --cache-dir /root/.cache/pip idna", codes: []),
        Measured(
            "FROM python:3.12 AS base", "ENV PIP_NO_CACHE_DIR=on", "FROM base", mount + "pip install a",
            codes: ["LNT102"]),
        Measured(
            "FROM python:3.12 AS base", "ARG PIP_NO_CACHE_DIR=on", "FROM base", mount + "pip install a", codes: []),
        Measured(python, "ARG PIP_NO_CACHE_DIR", mount + "pip install a", codes: []),
        Measured(python, "ENV A=1 PIP_NO_CACHE_DIR=\"no\" \\", "  B=2", mount + "pip install a", codes: ["LNT102"]),
        Measured(python, "ENV PIP_NO_CACHE_DIR off", mount + "pip install a", codes: ["LNT102"]),
        Measured(
            python, "COPY <<EOF /etc/pip.conf", "[global]", "no-cache-dir = true", "EOF", mount + "pip install a",
            codes: ["LNT103"]),
        Measured(
            python, "RUN printf '[global]\\nno-cache-dir = true\\n' >/etc/pip.conf", mount + "pip install a",
            codes: ["LNT103"]),
        pip("pip install --cache-dir /tmp/c idna", "LNT104"),
        pip("pip install --cache-dir=/tmp/c idna", "LNT104"),
        Measured(python, "ENV XDG_CACHE_HOME=/tmp", mount + "pip install a", codes: ["LNT104"]),
        Measured(python, "ENV HOME=/tmp", mount + "pip install a", codes: ["LNT104"]),
        Measured(python, "ENV PIP_CACHE_DIR=/c", "RUN --mount=type=cache,target=/c pip install a", codes: []),
        Measured(
            python, "ARG C=/c", "ENV PIP_CACHE_DIR=$C", "RUN --mount=type=cache,target=${C} pip install a", codes: []),
        Measured(python, "RUN --mount=type=cache,target=/root/.pip pip install a", codes: ["LNT105"]),
        Measured(python, "RUN --mount=type=cache,target=$HOME/.cache/pip pip install a", codes: []),
        Measured(
            python, "RUN useradd -m -u 1000 app", "USER app",
            "RUN --mount=type=cache,target=/home/app/.cache/pip,uid=1000 pip install a",
            codes: []),
        Measured(
            python, "RUN useradd -m -u 1000 app", "USER app",
            "RUN --mount=type=cache,mode=0777,target=/home/app/.cache/pip pip install a", codes: ["LNT106"]),
        Measured(python, "USER 12345", "RUN --mount=type=cache,target=/.cache/pip,uid=12345 pip install a", codes: []),
        Measured(
            "FROM team/base:1", "RUN --mount=type=cache,target=/root/.cache/pip,uid=1000 pip install a", codes: []),
        pip("pip install idna && rm -rf /root/.cache/pip/*", "LNT110"),
        pip("pip install idna; rm -rf ~/.cache/pip/*", "LNT110"),
        pip("pip install idna && rm -rf /root/.cache", "LNT011"),
        pip("pip install idna && rm -rf /root/.cache/pip", "LNT011"),
        pip("pip install idna && rm -rf /root/.cache || true", "LNT110"),
        pip("pip install idna && rm -rf /root/.cache; echo done", "LNT110"),
        pip("set -e; pip install idna; rm -rf /root/.cache; echo done", "LNT011"),
        Measured(python, mount + "pip install idna", "RUN rm -rf /root/.cache", codes: []),
        Measured(python, "RUN --mount=type=cache,sharing=private,target=/root/.cache/pip pip install a", codes: []),
    ]

    private static func node(_ mount: ByteString, _ script: ByteString, _ codes: ByteString...) -> Measured {
        Measured("FROM node:20", "RUN --mount=type=cache,target=" + mount + " " + script, codes: codes)
    }

    static let node: [Measured] = [
        node("/root/.npm", "npm ci"),
        node("/root/.npm", "npm ci --prefer-online"),
        node("/root/.npm", "npm ci --cache=/tmp/x", "LNT204"),
        node("/root/.npm", "npm_config_cache=/tmp/x npm ci", "LNT204"),
        node("/root/.npm", "npm ci && npm cache clean --force", "LNT210"),
        node("/root/.npm", "npm ci && npm cache verify"),
        node("/root/.npm", "npm ci && rm -rf ~/.npm/_cacache", "LNT210"),
        node("/root/.npm", "npm ci && rm -rf ~/.npm", "LNT011"),
        node("/root/.cache/npm", "npm ci", "LNT205"),
        node("/app/node_modules", "npm ci", "LNT215"),
        node("/app/node_modules/.cache", "npm run build"),
        Measured(
            "FROM node:20", "USER node", "RUN --mount=type=cache,target=/home/node/.npm,uid=1000 npm ci", codes: []),
        node("/usr/local/share/.cache/yarn", "yarn"),
        node("/usr/local/share/.cache/yarn", "yarn build && yarn cache list"),
        node("/root/.cache/yarn", "yarn --frozen-lockfile", "LNT305"),
        node("/root/.cache/yarn", "corepack enable && yarn install"),
        node("/root/.cache/yarn", "yarn --version"),
        node("/usr/local/share/.cache/yarn", "yarn && yarn cache clean || true", "LNT310"),
    ]

    static let uvAndGo: [Measured] = [
        node("/root/.cache/uv", "uv sync -n", "LNT401"),
        node("/root/.cache/uv", "uv pip install --no-cache-dir a", "LNT401"),
        node("/root/.cache/uv", "uv cache clean && uv sync", "LNT410"),
        node("/root/.cache/uv", "uv cache prune && uv sync"),
        // What was built stays in the cache: that is what the option is for.
        node("/root/.cache/uv", "uv sync; uv cache prune --ci"),
        node("/root/.cache/uv", "UV_NO_CACHE=0 uv sync"),
        Measured(
            "FROM debian:12", "ENV UV_NO_CACHE=1", "RUN --mount=type=cache,target=/root/.cache/uv uv sync",
            codes: ["LNT402"]),
        Measured("FROM golang:1.23", "RUN --mount=type=cache,target=/go/pkg/mod go mod download", codes: []),
        Measured("FROM debian:12", "RUN --mount=type=cache,target=/go/pkg/mod go mod download", codes: ["LNT505"]),
        Measured("FROM team/go:1", "RUN --mount=type=cache,target=/go/pkg/mod go mod download", codes: []),
        Measured(
            "FROM golang:1.23",
            "RUN --mount=type=cache,target=/go/pkg/mod go build ./... && go clean -modcache || true",
            codes: ["LNT510"]),
    ]

    private static func apt(_ script: ByteString, _ codes: ByteString...) -> Measured {
        Measured(
            "FROM debian:12", "RUN rm -f /etc/apt/apt.conf.d/docker-clean",
            "RUN --mount=type=cache,target=/var/cache/apt --mount=type=cache,target=/var/lib/apt " + script,
            codes: codes)
    }

    static let apt: [Measured] = [
        apt("apt-get update && apt-get install -y curl"),
        apt("apt-get install -y curl && apt-get clean", "LNT610"),
        apt("apt-get install -y curl && rm -rf /var/lib/apt/lists/*", "LNT616"),
        apt("apt-get install -y curl && rm -rf /var/lib/apt/lists/* /tmp/*", "LNT616"),
        apt("apt install -y curl", "LNT602"),
        apt("apt-get install -y curl && rm -rf /var/cache/apt/archives/*.deb", "LNT610"),
        Measured(
            "FROM debian:12", "RUN rm -f /etc/apt/apt.conf.d/docker-clean",
            "RUN --mount=type=cache,target=/var/cache/apt/archives apt-get install -y a && rm -rf /var/cache/apt/*",
            codes: ["LNT011"]),
        Measured(
            "FROM debian:12",
            "RUN echo 'Binary::apt::APT::Keep-Downloaded-Packages \"true\";' >/etc/apt/apt.conf.d/keep",
            "RUN --mount=type=cache,target=/var/cache/apt apt-get install -y a", codes: ["LNT601"]),
        Measured(
            "FROM debian:12",
            "RUN rm -f /etc/apt/apt.conf.d/docker-clean; echo 'Binary::apt::APT::Keep-Downloaded-Packages \"true\";' >/etc/apt/apt.conf.d/keep",
            "RUN --mount=type=cache,target=/var/cache/apt apt install -y a", codes: []),
        Measured("FROM team/base:1", "RUN --mount=type=cache,target=/var/cache/apt apt-get install -y a", codes: []),
        Measured(
            "FROM debian:12", "RUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*", codes: []),
    ]

    private static func shell(_ script: ByteString, _ codes: ByteString...) -> Measured {
        Measured("FROM debian:12", "RUN " + script, codes: codes)
    }

    static let shell: [Measured] = [
        shell("pip install --upgrade pip>=24.0 setuptools", "LNT801"),
        shell("pip install 'requests>=2,<3'"),
        shell("pip install requests>=2,<3", "LNT801"),
        shell("pip install requests >log.txt"),
        shell("pip install requests>log.txt"),
        shell("pip install requests>/dev/null 2>&1"),
        shell("pip install requests 2>/dev/null"),
        shell("pip install requests>2.0", "LNT801"),
        shell("pip install -r a.txt<3", "LNT802"),
        shell("npm install left-pad@>=1.3", "LNT801"),
        shell("test 3 >2.0"),
        shell("curl -fsSL https://example.invalid/x | sh", "LNT803"),
        shell("curl -fsSL https://example.invalid/x | sudo -E bash -", "LNT803"),
        shell("wget -qO- https://example.invalid/x | bash -s -- --yes", "LNT803"),
        shell("curl https://example.invalid/x | tee x | sh", "LNT803"),
        shell("curl https://example.invalid/x | python3 -", "LNT803"),
        shell("curl https://example.invalid/x | python3 -c 'import json, sys; print(json.load(sys.stdin))'"),
        shell("bash -c \"$(curl -fsSL https://example.invalid/x)\"", "LNT803"),
        shell("bash <(curl -fsSL https://example.invalid/x)", "LNT803"),
        shell("sh -c \"`curl https://example.invalid/x`\" -- --yes", "LNT803"),
        // The script only works with what was downloaded.
        shell("bash -c \"wget $(curl https://example.invalid/index | jq -r .url) -O x\""),
        shell("bash /build.sh $(curl https://example.invalid/version)"),
        shell("bash /check.sh <(curl https://example.invalid/list)"),
        shell("curl -fsSL https://example.invalid/x | tar -xz"),
        shell("curl -fsSL https://example.invalid/x | gpg --dearmor >/etc/apt/keyrings/x.gpg"),
        shell("curl -fsSL https://example.invalid/x | bash /check.sh"),
    ]

    static let clones: [Measured] = [
        // Official images without a version, where packages are installed on top.
        Measured("FROM debian", "RUN apt-get install -y a", codes: ["LNT703"]),
        Measured("FROM docker.io/library/alpine:latest", "RUN apk add a", codes: ["LNT703"]),
        Measured("FROM golang:alpine", "RUN true", "RUN apk add a", "RUN apk add b", codes: ["LNT703"]),
        Measured("FROM python:slim", "RUN pip install a", codes: ["LNT703"]),
        Measured("FROM debian AS one", "FROM one", "RUN apt-get install -y a", codes: ["LNT703"]),
        Measured("# slipway: ignore=LNT703", "FROM debian", "RUN apt-get install -y a", codes: []),
        // Nothing dear is built on these.
        Measured("FROM debian:latest", codes: []),
        Measured("FROM busybox", "RUN mkdir /x", codes: []),
        // The author, or whoever builds, chooses what these are.
        Measured("FROM node:lts", "RUN npm ci", codes: []),
        Measured("FROM ubuntu:devel", "RUN apt-get install -y a", codes: []),
        Measured("FROM debian:trixie-slim", "RUN apt-get install -y a", codes: []),
        Measured("FROM registry.example:5000/team/app", "RUN apt-get install -y a", codes: []),
        Measured("FROM example/distroless:nonroot", "RUN apt-get install -y a", codes: []),
        Measured("ARG BASE", "FROM $BASE", "RUN apt-get install -y a", codes: []),
        Measured("ARG BASE=debian", "FROM ${BASE}", "RUN apt-get install -y a", codes: []),
        Measured("FROM scratch", codes: []),
        Measured("FROM debian@sha256:abc", "RUN apt-get install -y a", codes: []),
        Measured("FROM debian:12 AS one", "FROM one", "RUN apt-get install -y a", codes: []),
        Measured("# syntax=docker/dockerfile:1.7", "FROM scratch", codes: []),
        Measured("# syntax=docker/dockerfile:1", "FROM scratch", codes: []),
        Measured("# syntax=docker.io/docker/dockerfile:1-labs", "FROM scratch", codes: []),
        Measured("# syntax=docker/dockerfile", "FROM scratch", codes: ["LNT705"]),
        Measured("# syntax=docker/dockerfile:labs", "FROM scratch", codes: ["LNT705"]),
        Measured("# syntax=docker/dockerfile:1.7.1-labs", "FROM scratch", codes: []),
        Measured("# syntax=docker/dockerfile@sha256:abc", "FROM scratch", codes: []),
        // Who names another frontend has a reason, and what its tags promise is not known.
        Measured("# syntax=docker/dockerfile-upstream:master", "FROM scratch", codes: []),
        Measured("# syntax=example.invalid/frontend:1", "FROM scratch", codes: []),
        Measured("ARG GIT_SHA", "FROM debian:12", "RUN apt-get install -y a", codes: []),
        Measured("FROM debian:12", "ARG GIT_SHA", "RUN make", codes: []),
        Measured("FROM debian:12", "ARG VCS_REF BUILD_DATE=x", "RUN npm ci", codes: ["LNT704", "LNT704"]),
        Measured("FROM debian:12", "ARG MY_GIT_SHA1=unknown", "RUN npm ci", codes: ["LNT704"]),
        Measured("FROM debian:12", "ARG SHA", "RUN npm ci", codes: ["LNT704"]),
        Measured("FROM debian:12", "ARG BUILD_ID=", "ENV ID=$BUILD_ID", "RUN apk add a", codes: ["LNT704"]),
        // Checksums, pins, and names that only look like commits.
        Measured("FROM debian:12", "ARG NODE_SHA256", "RUN npm ci", codes: []),
        Measured("FROM debian:12", "ARG SHARED=1 HASHICORP RECOMMITTED BUILD_DATES", "RUN npm ci", codes: []),
        Measured("FROM debian:12", "ARG TINI_COMMIT=0123abcd", "RUN npm ci", codes: []),
        Measured("FROM debian:12", "ARG APP_REVISION='E3B0C44298FC1C149AFB'", "RUN npm ci", codes: []),
        Measured("FROM debian:12", "ARG CORE_GIT_REF=v4.2", "RUN npm ci", codes: []),
        Measured("FROM debian:12", "ARG INIT_BUILD_TIME_TOOLS", "RUN npm ci", codes: []),
        // What a RUN uses must come before it.
        Measured("FROM debian:12", "ARG GIT_REF", "RUN git checkout ${GIT_REF} && npm ci", codes: []),
        Measured("FROM debian:12", "ARG GIT_REF", "RUN git checkout $GIT_REF", "RUN npm ci", codes: []),
        Measured("FROM debian:12", "ARG GIT_REF", "RUN echo $GIT_REFS; npm ci", codes: ["LNT704"]),
        // This builds the sources of the commit.
        Measured("FROM debian:12", "ARG GIT_COMMIT", "RUN go install ./cmd/app", codes: []),
        Measured("FROM debian:12", "ARG GIT_COMMIT", "RUN go build ./... && pip install .", codes: []),
        Measured("FROM debian:12", "ARG GIT_COMMIT", "RUN cargo build --release", codes: []),
        Measured("FROM debian:12", "ARG GIT_COMMIT", "RUN go mod download", codes: ["LNT704"]),
        Measured("FROM debian:12", "ARG GIT_COMMIT", "RUN go install example.invalid/x@v1", codes: ["LNT704"]),
        // Two explicit IDs are two caches on purpose.
        Measured(
            "FROM debian:12", "RUN --mount=type=cache,id=one,target=/c true",
            "RUN --mount=type=cache,id=two,target=/c true", codes: []),
        Measured(
            "FROM debian:12", "RUN --mount=type=cache,id=one-$TARGETARCH,target=/c true",
            "RUN --mount=type=cache,target=/c true", codes: []),
        Measured(
            "FROM debian:12", "RUN --mount=type=cache,target=/c true",
            "RUN --mount=type=cache,id=one,target=/c true", codes: []),
        Measured(
            "FROM debian:12", "RUN --mount=type=cache,id=one,target=/c true",
            "RUN --mount=type=cache,id=one,uid=7,target=/c true", codes: ["LNT012"]),
        Measured(
            "FROM debian:12", "RUN --mount=type=cache,target=/c true",
            "RUN --mount=type=cache,mode=0777,target=/c true", codes: ["LNT012"]),
    ]
}

@Suite("What was measured")
struct MeasuredTests {
    @Test("pip", arguments: Measured.pip) func pip(_ row: Measured) { check(row) }
    @Test("npm and yarn", arguments: Measured.node) func node(_ row: Measured) { check(row) }
    @Test("uv and go", arguments: Measured.uvAndGo) func uvAndGo(_ row: Measured) { check(row) }
    @Test("apt", arguments: Measured.apt) func apt(_ row: Measured) { check(row) }
    @Test("The shell", arguments: Measured.shell) func shell(_ row: Measured) { check(row) }
    @Test("Other clones", arguments: Measured.clones) func clones(_ row: Measured) { check(row) }

    private func check(_ row: Measured) {
        #expect(codes(row.file) == row.codes)
        let once = fixed(row.file)
        #expect(fixed(once) == once)
        #expect(Dockerfile(once).printed == once)
    }

    @Test("A variable that doubles itself with each line takes no room")
    func doubling() {
        let lines = ["FROM debian:12", "ENV A=a"] + [String](repeating: "ENV A=$A$A", count: 80) + ["USER $A"]
        #expect(Linter.findings(in: Dockerfile(ByteString(lines.joined(separator: "\n")))).isEmpty)
    }

    @Test("When time is up the rest of a file is not taken apart")
    func timeIsUp() {
        let text = ByteString("FROM debian:12\n" + String(repeating: "RUN a\n", count: 10_000))
        var questions = 0
        let file = Dockerfile(text) {
            questions += 1
            return questions > 3
        }
        #expect((100..<1000).contains(file.instructions.count))
    }

    @Test("The context: .dockerignore, .git, and what installs behind the copy")
    func context() {
        let file: ByteString = "FROM debian:12\nCOPY . /src\nRUN npm ci\n"
        func of(_ ignore: ByteString?, git: Bool) -> [ByteString] {
            codes(file, ContextFacts(ignoreFile: ignore, hasGit: git))
        }
        #expect(of(nil, git: false) == ["LNT701"])
        #expect(of(nil, git: true) == ["LNT701", "LNT702"])
        #expect(of("node_modules\n", git: true) == ["LNT702"])
        for pattern in [".git", "/.git/", "**/.git", ".*", "*", ".git*", "**", ".git/**", "# x\n.g?t"] as [ByteString] {
            #expect(of(pattern, git: true) == [], "\(pattern)")
        }
        #expect(of(".git\n!.git\n", git: true) == ["LNT702"])
        #expect(of("*\n!src\n", git: true) == [])
        #expect(codes(file) == [])
        let none = ContextFacts(ignoreFile: nil, hasGit: true)
        #expect(codes("FROM debian:12\nRUN npm ci\nCOPY . .\n", none) == [])
        // Only stages that the last one depends on.
        let stages: ByteString = "FROM debian:12 AS dev\nCOPY . .\nRUN npm ci\n"
        for last in [
            "FROM debian:12\n", "FROM debian:12\nCOPY --from=other /x /\n", "FROM dev2:1\n",
            "FROM debian:12 AS Mid\nFROM mid\n", "FROM $OTHER AS unused\nFROM debian:12\n",
        ] as [ByteString] {
            #expect(codes(stages + last, none) == [], "\(last)")
        }
        for last in [
            "FROM dev\n", "FROM debian:12\nCOPY --from=DEV /x /\n", "FROM debian:12\nCOPY --link --from=0 /x /\n",
            "FROM debian:12\nRUN --mount=from=dev,target=/x true\n", "FROM debian:12\nCOPY --from=$STAGE /x /\n",
            "FROM dev AS mid\nFROM debian:12\nCOPY --from=1 /x /\n", "FROM $OTHER\n",
        ] as [ByteString] {
            #expect(codes(stages + last, none) == ["LNT701", "LNT702"], "\(last)")
        }
        #expect(codes("FROM debian:12\nCOPY --from=x . .\nRUN npm ci\n", none) == [])
        #expect(codes("FROM debian:12\nCOPY package.json .\nRUN npm ci\n", none) == [])
        #expect(codes("FROM debian:12\nCOPY [\".\", \"/a b\"]\nRUN make\n", none) == ["LNT702"])
        #expect(codes("ARG BASE=debian:12\n" + stages + "FROM ${BASE}\n", none) == [])
        #expect(codes("ARG BASE=dev\n" + stages + "FROM ${BASE}\n", none) == ["LNT701", "LNT702"])
        // The target that a build names is another last stage.
        let staged = Dockerfile(stages + "FROM debian:12 AS run\nRUN true\n")
        for (target, wanted) in [("DEV", 2), ("0", 2), ("run", 0), ("1", 0), ("none", 0), (nil, 0)]
            as [(ByteString?, Int)]
        {
            #expect(Linter.findings(in: staged, context: none, target: target).count == wanted, "\(target ?? "-")")
        }
    }

    @Test("What builds the context itself installs no packages")
    func sources() {
        let none = ContextFacts(ignoreFile: nil, hasGit: false)
        for script in [
            "pip install .", "pip install -e .[dev]", "pip install --no-deps /src", "gem install ./a-*.gem",
            "cargo install --path .", "go build ./...", "go install ./cmd/a", "cargo build", "npm run build",
            "bundle exec rake install", "uv run a", "yarn build", "pip install './[all]'",
        ] as [ByteString] {
            #expect(codes("FROM debian:12\nCOPY . .\nRUN " + script + "\n", none) == [], "\(script)")
        }
        for script in [
            "pip install -r requirements.txt", "pip install -r ./requirements.txt .", "pip install a", "npm ci", "yarn",
            "apt-get -o A::B=1 -qq install ./a.deb b", "apk add --no-cache a", "bundle install", "go mod download",
            "cargo chef cook --release", "uv sync", "uv pip install --system a", "conda env create -f a.yml",
            "composer install", "npm install -g a",
        ] as [ByteString] {
            #expect(codes("FROM debian:12\nCOPY . .\nRUN " + script + "\n", none) == ["LNT701"], "\(script)")
        }
    }

    @Test("A .git that a step may read is no finding")
    func usedGit() {
        let git = ContextFacts(ignoreFile: "node_modules", hasGit: true)
        for file in [
            "FROM debian:12\nCOPY . .\nRUN make\n", "FROM golang:1.25-alpine\nCOPY . .\nRUN go build ./...\n",
            "FROM python:3.12-slim AS a\nFROM a\nCOPY . .\nRUN pip install .\n",
            "FROM python:3.12\nCOPY . .\nRUN mkdir /x && pip install -r requirements.txt\n",
            "FROM team/base:1\nCOPY . .\nRUN npm ci\n",
        ] as [ByteString] {
            #expect(codes(file, git) == ["LNT702"], "\(file)")
        }
        for file in [
            // A program is there that reads it.
            "FROM golang:1.25\nCOPY . .\nRUN go build ./...\n", "FROM python:3.12\nCOPY . .\nRUN pip install .\n",
            "FROM python:3.12\nCOPY . .\nRUN pip install -r requirements.txt\nRUN make\n",
            "FROM debian:12\nRUN apt-get install -y git=1:2.*\nCOPY . .\nRUN make\n",
            "FROM alpine:3 AS a\nRUN apk add git\nFROM a\nCOPY . .\nRUN make\n",
            "FROM debian:12\nCOPY . .\nRUN git describe >version\n",
            "FROM debian:12\nCOPY . .\nRUN <<E\ngit describe >version\nE\n",
            "FROM rust:1-slim\nCOPY . .\nRUN cargo build\n",
            // What is not read may read it.
            "FROM python:3.12\nCOPY . .\nRUN <<E\n#!/usr/bin/env python3\nprint()\nE\n",
            "FROM python:3.12\nCOPY . .\nSHELL [\"pwsh\"]\nRUN x\nSHELL [\"sh\"]\nRUN pip install -r a.txt\n",
            // Whether it is there is not known.
            "FROM team/base:1\nCOPY . .\nRUN make\n", "FROM nixos/nix:2\nADD . .\nRUN nix build .\n",
            // No step follows.
            "FROM debian:12\nRUN true\nCOPY . .\n",
        ] as [ByteString] {
            #expect(codes(file, git) == [], "\(file)")
        }
    }

    @Test("A build can read neither a template nor a part of a Dockerfile")
    func buildable() {
        for text in [
            "{{ if .Slim }}\nFROM debian:12\n{{ end }}\n", "FROM golang:{{ .Version }}\n", "<% if x %>\nFROM a\n",
            "# x\n{%- set a = 1 %}\nFROM debian:12\n", "FROM registry/<%= name %>\n", "ENV A=1\n    B=2\n", "",
        ] as [ByteString] { #expect(!Dockerfile(text).isBuildable, "\(text)") }
        for text in [
            "FROM debian:12\nRUN docker inspect --format '{{.Id}}' x\n", "RUM {{x}}\nFROM a\n", "FROM ${A%b}\n",
            "FROM debian:12\nRUN <<E\n{{x}}\nE\n",
        ] as [ByteString] { #expect(Dockerfile(text).isBuildable, "\(text)") }
    }
}
