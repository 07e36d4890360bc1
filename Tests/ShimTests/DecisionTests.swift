import DockerCommandLine
import Formats
import Notes
import Planning
import TestSupport
import Testing

@testable import Host
@testable import Shim

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite("Decisions that need no engine")
struct DecisionTests {
    private static let missing = Program(path: "/nonexistent/docker", isScript: false)

    @Test(
        "A command that is not a build, cannot be parsed or is excluded stays unchanged",
        arguments: [
            ("docker ps", nil, [.notEdited]), ("docker", nil, [.notEdited]), ("docker buildx ls", nil, [.notEdited]),
            ("docker image ls", nil, [.notEdited]), ("docker build --nope .", "unknown", [.commandNotUnderstood]),
            ("docker build -f", "unknown", [.commandNotUnderstood]), ("docker build --help", "build", [.helpOrCheck]),
            ("docker build", "build", [.commandNotUnderstood]), ("docker run --help", nil, [.helpOrCheck]),
            ("docker run --nope x", "unknown", [.commandNotUnderstood]), ("docker run", "run", [.commandNotUnderstood]),
            ("docker container create --privileged x", "create", [.containerSpecial]),
            ("docker run --env-file /nonexistent x", "run", [.environmentFileUnread]),
            ("docker run --env-file /dev/null x", "run", [.environmentFileUnread]),
        ] as [(ByteString, ByteString?, [Reason])])
    func unchanged(_ line: ByteString, _ command: ByteString?, _ reasons: [Reason]) {
        let arguments = line.split(" ")
        for purpose: Decision.Purpose in [.acting, .showing] {
            let decision = Decision(CommandRequest(arguments, Self.missing, LoadedSettings(), for: purpose))
            #expect(decision.plan.arguments == arguments && !decision.plan.isChanged)
            #expect(decision.plan.notes.map(\.reason) == reasons)
            #expect(decision.command == command)
        }
    }

    @Test("With the build cache off, nothing is looked up")
    func off() {
        var loaded = LoadedSettings()
        loaded.settings.buildCache = .off
        let decision = Decision(CommandRequest(["docker", "build", "."], Self.missing, loaded, for: .acting))
        #expect(decision.plan.notes == [Note(.buildCacheOff)])
    }

    @Test("With the package cache off, no engine is asked and nothing is recorded")
    func packagesOff() {
        var loaded = LoadedSettings()
        loaded.settings.packageCache = .off
        let decision = Decision(CommandRequest(["docker", "run", "x"], Self.missing, loaded, for: .acting))
        #expect(decision.plan.notes == [Note(.packageCacheOff)])
        #expect(decision.command == nil)
    }

    @Test("The sandbox profile: what it adds if the engine does not answer, and nothing for podman or if it is off")
    func sandbox() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            let docker = Program(
                path: try folder.write(script: "echo Docker version 28.5.2, build 1", to: "docker"), isScript: true)
            var loaded = LoadedSettings()
            loaded.settings.profile = .sandbox
            let arguments: [ByteString] = ["docker", "-H", "ssh://host", "run", "x"]
            let plan = Decision(CommandRequest(arguments, docker, loaded, for: .acting)).plan
            #expect(
                plan.arguments.prefix(8) == [
                    "docker", "-H", "ssh://host", "run", "--cap-drop=ALL", "--security-opt=no-new-privileges",
                    "--pids-limit=300", "--memory=4g",
                ])
            #expect(plan.arguments.last == "x" && plan.isChanged)
            #expect(plan.notes.contains(Note(.endpointNotAsked, "ssh")))
            #expect(plan.notes.contains(Note(.sandboxEngineNotAsked, "cpus")))
            try folder.write(script: "echo podman version 4.9.3", to: "docker")
            let podman = Decision(CommandRequest(arguments, docker, loaded, for: .acting)).plan
            #expect(podman.arguments == arguments && podman.notes.contains { $0.reason == .dockerIsPodman })
            let off = Decision(CommandRequest(arguments, docker, LoadedSettings(), for: .acting)).plan
            #expect(off.arguments == arguments)
        }
    }

    @Test("Names in files of variables; a pipe is not read, because docker would find it empty")
    func variablesInFiles() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("env", "A=1\n# B\nPIP_CACHE_DIR\n")
        #expect(mkfifo(folder["pipe"].lossy, 0o600) == 0)
        for (option, expected): (ByteString, [ByteString]?) in [
            (file, ["A", "PIP_CACHE_DIR"]), (folder["pipe"], nil), (folder["none"], nil), (folder.path, nil),
        ] {
            guard case .container(let container) = Invocation.parse(["docker", "run", "--env-file=" + option, "x"])
            else {
                Issue.record("no container")
                return
            }
            #expect(PackageViews.names(inFiles: container.environmentFiles, until: .never) == expected)
        }
    }

    @Test("Problems with settings come before the decision's own notes")
    func settings() {
        var loaded = LoadedSettings()
        loaded.problems = loaded.settings.apply(lines: "x", from: "/f")
        loaded.unread = [.init(path: "/g")]
        let decision = Decision(CommandRequest(["docker", "ps"], Self.missing, loaded, for: .showing))
        #expect(
            decision.plan.notes == [
                Note(.settingsNotTrusted, "/g"), Note(.settingsInvalid, "/f:1: expected `key = value`"),
                Note(.notEdited),
            ])
    }

    @Test("For a docker that is a snap or does not report its version, nothing is added or made")
    func doubtful() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            for (path, reason): (ByteString, Reason) in [
                ("/nonexistent/docker", .dockerVersionUnknown), ("/snap/bin/docker", .dockerIsSnap),
            ] {
                var loaded = LoadedSettings()
                loaded.settings.store = folder["store"]
                let docker = Program(path: path, isScript: false)
                let plan = Decision(CommandRequest(["docker", "build", "."], docker, loaded, for: .acting)).plan
                #expect(!plan.isChanged)
                #expect(plan.notes.map(\.reason).contains(reason))
                #expect((try? Files.status(folder["store"])) == nil)
            }
        }
    }
}
