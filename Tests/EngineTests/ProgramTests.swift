import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

/// Serialized: a program cannot be started while another test's fork still holds it open for writing.
@Suite("Programs that are asked", .serialized) struct ProgramTests {
    @Suite("Versions of binaries") struct BinaryVersionsTests {
        let folder: TemporaryFolder
        let memory: ByteString

        init() throws {
            folder = try TemporaryFolder()
            memory = folder["state/slipway/versions"]
        }

        private func docker(_ path: ByteString, patience: Int64 = 60_000_000_000) -> DockerProgram {
            var versions = BinaryVersions(file: memory, patience: patience)
            return versions.docker(at: path)
        }

        private func buildx(_ path: ByteString, patience: Int64 = 60_000_000_000) -> BuildxProgram {
            var versions = BinaryVersions(file: memory, patience: patience)
            return versions.buildx(at: path)
        }

        /// A docker that counts how often it is asked.
        private func countingDocker(_ version: ByteString = "28.5.2") throws -> ByteString {
            try folder.write(
                script: "echo x >> '" + folder["calls"] + "'; echo Docker version " + version + ", build 1",
                to: "docker")
        }

        private func count() throws -> Int { try folder.read("calls").count / 2 }

        private func patch(_ field: Int, _ value: ByteString) throws {
            let lines = try Files.read(memory, limit: 65_536).split("\n").filter { !$0.isEmpty }.map { line in
                var fields = line.split(" ")
                fields[field] = value
                return fields.joined(separator: " ") + "\n"
            }
            try Files.replace(memory, with: lines.joined(separator: ""), mode: 0o600)
        }

        @Test("Asked once, with its directories created; asked again if the file has changed") func once() throws {
            let path = try countingDocker()
            #expect(docker(path) == .docker(Version(28, 5)))
            #expect(docker(path) == .docker(Version(28, 5)))
            #expect(try count() == 1)
            let status = try Files.status(memory)
            #expect(status.mode == 0o600)
            _ = try countingDocker("29.1.0")
            #expect(docker(path) == .docker(Version(29, 1)))
            #expect(try count() == 2)
        }

        @Test("A script's answer is used for an hour, and never longer") func script() throws {
            let path = try countingDocker()
            _ = docker(path)
            try patch(6, ByteString(decimal: Clock.now - 1))
            _ = docker(path)
            #expect(try count() == 2)
            // The clock was set back: the answer's time is in the future.
            try patch(5, ByteString(decimal: Clock.now + 1_000_000_000_000))
            _ = docker(path)
            #expect(try count() == 3)
            _ = docker(path)
            #expect(try count() == 3)
        }

        @Test("A real binary's answer is used as long as the file stays the same") func binary() throws {
            let path = folder["docker"]
            try folder.write("docker", Files.read("/bin/true", limit: 1 << 24), mode: 0o755)
            #expect(docker(path) == .unknown)
            // A program that reports nothing is asked again after an hour, ...
            #expect(try Files.read(memory, limit: 4096).split(" ")[6] != "0")
            try patch(7, "28.2")
            #expect(docker(path) == .docker(Version(28, 2)))
            // ... and a launcher with another name is not a docker of its own.
            try Files.makeLink(folder["link"], to: "/bin/echo")
            let echo: ByteString = try folder.write(
                "docker-echo", Files.read("/bin/echo", limit: 1 << 24), mode: 0o755)
            #expect(docker(echo) == .unknown)
            #expect(docker(folder["link"]) == .unknown)
        }

        @Test("Without a file to remember in, every question is asked") func noMemory() throws {
            let path = try countingDocker()
            let file = try folder.write("file", "")
            for place in [nil, file.appending(path: "x"), "/proc/none/x", "/dev/null/x"] as [ByteString?] {
                var versions = BinaryVersions(file: place)
                #expect(versions.docker(at: path) == .docker(Version(28, 5)))
                // Within one process it is still remembered.
                #expect(versions.docker(at: path) == .docker(Version(28, 5)))
            }
            #expect(try count() == 4)
        }

        @Test("A memory that others can write, or a link to one, is not used") func untrusted() throws {
            let path = try countingDocker()
            _ = docker(path)
            try patch(7, "99.9")
            #expect(docker(path) == .docker(Version(99, 9)))
            #expect(chmod(memory.lossy, 0o666) == 0)
            #expect(docker(path) == .docker(Version(28, 5)))
            try patch(7, "99.9")
            try Files.rename(memory, to: folder["elsewhere"])
            try Files.makeLink(memory, to: folder["elsewhere"])
            #expect(docker(path) == .docker(Version(28, 5)))
            #expect(try Files.status(memory, followLinks: false).kind == .regular)
        }

        @Test("A memory with another owner is not used", .enabled(if: Kernel.userID == 0)) func owner() throws {
            let path = try countingDocker()
            _ = docker(path)
            try patch(7, "99.9")
            #expect(chown(memory.lossy, 12_345, 12_345) == 0)
            #expect(docker(path) == .docker(Version(28, 5)))
        }

        @Test(
            "A damaged memory is rebuilt",
            arguments: [
                "", "\n\n", "garbage", "docker 1 2 3 4 5 6", "docker 1 2 3 4 x y 28.5", "\u{0}\u{FF}",
                "a b c d e 1 0 28.5\n",
            ] as [ByteString])
        func spoilt(text: ByteString) throws {
            let path = try countingDocker()
            try Files.makeDirectories(memory.parentPath, mode: 0o755)
            try Files.replace(memory, with: text, mode: 0o600)
            #expect(docker(path) == .docker(Version(28, 5)))
            #expect(docker(path) == .docker(Version(28, 5)))
            #expect(try count() == 1)
            try patch(7, "nonsense")
            #expect(docker(path) == .docker(Version(28, 5)))
            #expect(try count() == 2)
        }

        @Test("A memory that is not a file", arguments: OddFile.allCases) func odd(kind: OddFile) throws {
            let path = try countingDocker()
            try kind.put(at: "state/slipway/versions", in: folder)
            #expect(docker(path) == .docker(Version(28, 5)))
        }

        @Test("Sixteen entries, the newest") func bound() throws {
            for number in 0..<20 {
                let name = ByteString("docker\(number)")
                try folder.write(script: ByteString("echo Docker version \(number).1, build 1"), to: name)
                #expect(docker(folder[name]) == .docker(Version(number, 1)))
            }
            let lines = try Files.read(memory, limit: 65_536).split("\n").filter { !$0.isEmpty }
            #expect(lines.count == 16)
            #expect(lines.first?.hasSuffix(" 19.1") == true)
            #expect(lines.last?.hasSuffix(" 4.1") == true)
        }

        @Test(
            "Programs that fail, hang, flood or are not programs",
            arguments: [
                "exit 1", "echo Docker version 28.5.2, build 1; exit 3", "kill -9 $$", "exec sleep 60",
                "exec cat /dev/zero", "echo Docker version dev, build 1",
            ] as [ByteString])
        func failing(body: ByteString) throws {
            let path = try folder.write(script: body, to: "docker")
            let start = Clock.monotonic
            #expect(docker(path, patience: 500_000_000) == .unknown)
            #expect(buildx(path, patience: 500_000_000) == .broken)
            #expect(Clock.monotonic - start < 30_000_000_000)
        }

        @Test("A failed question is not remembered") func transient() throws {
            let path = try folder.write(script: "exec sleep 60", to: "docker")
            #expect(docker(path, patience: 200_000_000) == .unknown)
            try folder.write(script: "kill -9 $$", to: "docker")
            #expect(docker(path) == .unknown)
            try folder.write(script: "exec cat /dev/zero", to: "docker")
            #expect(docker(path) == .unknown)
            #expect(docker(folder["none"]) == .unknown)
            #expect(docker(try folder.write("text", "", mode: 0o644)) == .unknown)
            #expect(Files.isMissing(memory))
        }

        @Test("The plugin is asked directly, not as docker's child") func plugin() throws {
            setenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker", 1)
            defer { unsetenv("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND") }
            let path = try folder.write(
                script: #"""
                    [ "$1" = docker-cli-plugin-metadata ] && [ -z "${DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND+set}" ] || exit 1
                    echo '{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v0.29.1"}'
                    """#, to: "docker-buildx")
            #expect(buildx(path) == .plugin(Version(0, 29)))
            #expect(buildx(path) == .plugin(Version(0, 29)))
            try patch(7, "unnumbered")
            #expect(buildx(path) == .plugin(nil))
            try patch(7, "broken")
            #expect(buildx(path) == .broken)
        }
    }

    @Suite("Build targets") struct BuildTargetTests {
        let folder: TemporaryFolder
        let docker: ByteString
        let server: TestServer

        init() throws {
            folder = try TemporaryFolder()
            docker = try folder.write(script: "echo Docker version 28.5.2, build 1", to: "bin/docker")
            try folder.write(script: Self.plugin("v0.29.1"), to: "system/docker-buildx")
            server = try Self.engine(at: folder["sock"])
        }

        private static func engine(at path: ByteString, greeting: ByteString = BuildKitText.greeting) throws
            -> TestServer
        {
            try TestServer(
                at: path, .send(greeting + BuildKitText.upgrade), .receive,
                .send(BuildKitText.frames(BuildKitText.worker())))
        }

        private static func plugin(_ version: ByteString) -> ByteString {
            #"echo '{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":""# + version + #""}'"#
        }

        private func resolve(
            _ route: BuilderRequest.Route = .dockerBuild, context: ByteString? = nil, hosts: [ByteString]? = nil,
            builder: ByteString? = nil, buildKit: ByteString? = nil, home: ByteString? = "home"
        ) -> BuildTarget {
            let request = BuilderRequest(
                route: route,
                engine: EngineRequest(
                    context: context, hosts: hosts ?? (context == nil ? ["unix://" + folder["sock"]] : [])),
                builder: builder)
            let environment = DockerEnvironment(home: home.map { folder[$0] }, buildKit: buildKit)
            var versions = BinaryVersions(file: folder["versions"])
            return BuildTarget.resolve(
                request, environment: environment, docker: docker, versions: &versions,
                system: .init(pluginDirectories: [folder["system"]], hostTable: "/etc/hosts"))
        }

        private func instance(_ name: ByteString, driver: ByteString) throws {
            let json: JSON = .object(["Name": .string(name), "Driver": .string(driver)])
            try folder.write("home/.docker/buildx/instances/" + name.lowercasedASCII, json.text)
        }

        @Test("A plain build on an engine with containerd's store") func plain() throws {
            let facts = try #require(resolve().facts)
            #expect(facts.driver == "docker")
            #expect(facts.name == "default")
            #expect(facts.canExport)
            #expect(facts.architecture == "amd64")
            #expect(facts.engine?.identifier == "sppm0a4si6n32hjbq7uzvw9ou")
            #expect(facts.buildx == Version(0, 29))
            #expect(facts.plugin == folder["system/docker-buildx"])
            #expect(server.received.count == 2)
        }

        @Test("`docker build` ignores `buildx use`; buildx does not, and the engine is not asked") func use() throws {
            try instance("Rem", driver: "remote")
            try folder.write(
                "home/.docker/buildx/current", #"{"Key":"unix://"# + folder["sock"] + #"","Name":"Rem","Global":false}"#
            )
            #expect(resolve().facts?.driver == "docker")
            let facts = try #require(resolve(.buildx).facts)
            #expect(facts.driver == "remote")
            #expect(facts.name == "Rem")
            #expect(facts.canExport)
            #expect(facts.engine == nil)
            #expect(resolve(builder: "").facts?.driver == "remote")
            try folder.write("home/.docker/config.json", #"{"aliases":{"builder":"buildx"}}"#)
            #expect(resolve().facts?.driver == "remote")
            #expect(resolve(.buildx, hosts: ["unix:///other"]).facts?.driver == "docker")
            #expect(server.received.count == 2)
        }

        @Test(
            "Drivers",
            arguments: [
                ("docker-container", nil), ("kubernetes", nil), ("remote", nil), ("cloud", .driverUnknown),
                ("", .driverUnknown), ("docker", .driverUnknown), ("Remote", .driverUnknown),
            ] as [(ByteString, Reason?)])
        func drivers(driver: ByteString, reason: Reason?) throws {
            try instance("b", driver: driver)
            let target = resolve(builder: "B")
            #expect(target.reason == reason)
            #expect(target.facts?.canExport == (reason == nil ? true : nil))
        }

        @Test("A builder of another context, or a missing one, is left to buildx to report") func unknown() throws {
            #expect(resolve(builder: "nobody") == .untouched(Note(.builderUnknown, "nobody")))
            #expect(resolve(builder: "default").facts?.driver == "docker")
            let meta: ByteString = #"{"Name":"c","Endpoints":{"docker":{"Host":"unix://"# + folder["sock"] + #""}}}"#
            try folder.write("home/.docker/contexts/meta/" + SHA256.hexDigest(of: "c") + "/meta.json", meta)
            #expect(resolve(context: "c").facts?.name == "c")
            #expect(resolve(context: "c").facts?.canExport == true)
            #expect(resolve(context: "c", builder: "default").reason == .builderUnknown)
            #expect(resolve(builder: "c").reason == .builderUnknown)
            #expect(resolve(context: "d").reason == .contextUnknown)
        }

        @Test(
            "An engine that may be unable to export gets imports only",
            arguments: [
                ([.send("garbage")], .engineAnswerUnreadable), ([.answer("{}")], .engineAnswerUnreadable),
                ([], .engineAnswerUnreadable),
                ([.answer(infoText(snapshotter: false))], .engineCannotExport),
                ([.answer(infoText(version: "20.10.24"))], .engineTooOld),
            ] as [([TestServer.Step], Reason)])
        func importOnly(steps: [TestServer.Step], reason: Reason) throws {
            let server = try TestServer(at: folder["other"], steps.first ?? .close)
            let facts = try #require(resolve(hosts: ["unix://" + folder["other"]]).facts)
            #expect(facts.obstacleToExport?.reason == reason)
            #expect(!facts.canExport)
            // BuildKit is asked first.
            #expect(server.received.count == 2)
        }

        @Test("Engines that are not asked, or dead") func notAsked() {
            #expect(resolve(hosts: ["ssh://h"]).facts?.obstacleToExport == Note(.endpointNotAsked, "ssh"))
            #expect(resolve(hosts: ["unix:///none"]).facts?.obstacleToExport?.reason == .engineSilent)
        }

        @Test("A Windows engine is left alone") func windows() throws {
            let server = try TestServer(at: folder["other"], .answer(infoText(system: "windows")))
            #expect(resolve(hosts: ["unix://" + folder["other"]]).reason == .engineNotLinux)
            #expect(server.received.count == 2)
            let greeting = try Self.engine(
                at: folder["greeting"], greeting: BuildKitText.greeting("Docker/28.5.2 (windows)"))
            #expect(resolve(hosts: ["unix://" + folder["greeting"]]).reason == .engineNotLinux)
            #expect(greeting.received.count == 2)
        }

        @Test("Commands that do not reach buildx") func untouched() throws {
            #expect(resolve(buildKit: "0").reason == .legacyBuilder)
            #expect(resolve(.buildx, buildKit: "0").facts != nil)
            #expect(resolve(buildKit: "perhaps").reason == .buildKitVariableInvalid)
            #expect(resolve(hosts: ["a", "b"]).reason == .conflictingEndpoints)
            #expect(resolve(hosts: ["http://a"]).reason == .endpointInvalid)
            #expect(resolve(home: nil).reason == .dockerConfigUnreadable)
            try Files.remove(folder["system/docker-buildx"])
            #expect(resolve().reason == .buildxMissing)
            try folder.write(script: "exit 1", to: "system/docker-buildx")
            #expect(resolve().reason == .buildxBroken)
            try folder.write(script: Self.plugin("v0.8.2"), to: "system/docker-buildx")
            #expect(resolve().facts?.obstacleToExport?.reason == .buildxTooOld)
            try folder.write("home/.docker/config.json", "{")
            #expect(resolve().reason == .dockerConfigUnreadable)
        }

        @Test(
            "Programs that are not a current docker",
            arguments: [
                ("echo podman version 4.9.3", .dockerIsPodman), ("echo hello", .dockerVersionUnknown),
                ("echo Docker version 20.10.24, build 1", .dockerTooOld), ("exit 1", .dockerVersionUnknown),
            ] as [(ByteString, Reason)])
        func programs(script: ByteString, reason: Reason) throws {
            try folder.write(script: script, to: "bin/docker")
            #expect(resolve().reason == reason)
        }
    }
}

extension BuildTarget {
    fileprivate var facts: BuilderFacts? { if case .buildx(let facts) = self { facts } else { nil } }
    fileprivate var reason: Reason? { if case .untouched(let note) = self { note.reason } else { nil } }
}
