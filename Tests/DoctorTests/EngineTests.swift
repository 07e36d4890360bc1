import Formats
import Notes
import TestSupport
import Testing

@testable import Doctor
@testable import Engine
@testable import Host
@testable import Shim

@Suite("Docker, its plugins and the builder, judged")
struct EngineJudgeTests {
    private func builder(
        _ obstacle: Note? = nil, driver: ByteString = "docker", engine: ByteString? = nil
    ) -> BuildTarget {
        .buildx(
            BuilderFacts(
                name: "default", driver: driver, context: "default", plugin: "/p/docker-buildx", buildx: Version(0, 29),
                engine: engine.flatMap({ EngineInfo($0) }), obstacleToExport: obstacle))
    }

    private func findings(_ build: BuildTarget, _ buildx: BuildTarget, kit: ByteString? = nil) -> [Finding] {
        var facts = EngineFacts(docker: "/d/docker", program: .docker(Version(28, 5)))
        facts.routes = [.init(command: "A", target: build), .init(command: "B", target: buildx)]
        if let kit { facts.buildKits = [("dc", kit)] }
        return facts.findings()
    }

    @Test("No docker, and programs that are not docker")
    func programs() {
        #expect(EngineFacts().findings().checks == [.dockerMissing])
        #expect(EngineFacts(docker: "/d", program: .podman).findings().checks == [.dockerIsPodman])
        #expect(EngineFacts(docker: "/d", isSnap: true).findings().checks == [.dockerIsSnap])
        let unknown = EngineFacts(docker: "/d", program: .unknown).findings()
        #expect(unknown.checks == [.dockerVersionUnknown] && unknown[0].fix == "/d --version")
    }

    @Test(
        "Each of the shim's reasons has its own finding",
        arguments: [
            (.legacyBuilder, .legacyBuilder), (.dockerTooOld, .dockerTooOld), (.buildxMissing, .buildxMissing),
            (.buildxBroken, .buildxBroken), (.buildxTooOld, .buildxTooOld),
            (.dockerConfigUnreadable, .dockerConfigUnreadable), (.contextUnknown, .contextUnknown),
            (.builderUnknown, .builderUnknown), (.driverUnknown, .driverUnknown),
            (.endpointInvalid, .endpointInvalid), (.endpointNotAsked, .endpointNotAsked),
            (.engineSilent, .engineSilent), (.engineAnswerUnreadable, .engineAnswerUnreadable),
            (.engineNotLinux, .engineNotLinux), (.engineCannotExport, .engineCannotExport),
            (.engineTooOld, .engineTooOld), (.buildKitVariableInvalid, .buildKitVariableInvalid),
            (.builderAliasUnknown, .builderAliasUnknown), (.conflictingEndpoints, .routeInDoubt),
        ] as [(Reason, Check)])
    func reasons(_ reason: Reason, _ check: Check) {
        let findings = self.findings(.untouched(Note(reason, "x")), builder())
        #expect(findings.checks.filter { $0.row.severity != .ok } == [check])
        #expect(findings.details(check).allSatisfy { $0.hasPrefix("A: ") && $0.hasSuffix("x") })
        #expect(findings.details(.builderExports).allSatisfy { $0.hasPrefix("B: builder default") })
        #expect(self.findings(builder(Note(reason)), builder(Note(reason))).filter { $0.check == check }.count == 1)
    }

    @Test("A finding that needs a command other than the table's gets it")
    func fixes() {
        let denied = EngineFacts.finding(for: Note(.engineSilent, "Permission denied"), "A")
        #expect(denied.fix == "sudo usermod -aG docker \"$USER\"")
        #expect(EngineFacts.finding(for: Note(.engineSilent, "x"), "A").fix == "sudo systemctl start docker")
        let broken = EngineFacts.finding(for: Note(.buildxBroken, "/p/docker-buildx"), "A")
        #expect(broken.fix == "/p/docker-buildx docker-cli-plugin-metadata")
    }

    @Test("In order: both commands in one line, and the versions")
    func fine() {
        let findings = findings(builder(), builder())
        #expect(findings.checks == [.dockerFound, .composePassedOn, .builderExports])
        #expect(findings[0].detail == "/d/docker, version 28.5; buildx 0.29, /p/docker-buildx")
        #expect(findings[2].detail == "A and B: builder default, driver docker, context default")
    }

    @Test("The installer's record is mentioned only if it is unusable")
    func record() {
        var facts = EngineFacts()
        let program = Program(path: "/d", isScript: false)
        for record in [.missing, .docker(program)] as [DockerRecord] {
            facts.record = record
            #expect(facts.findings().checks == [.dockerMissing])
        }
        facts.record = .gone("/old/docker")
        #expect(facts.findings() == [Finding(.recordedDockerGone, "/old/docker"), Finding(.dockerMissing)])
        facts.record = .notTrusted("/p/docker")
        #expect(facts.findings().first?.fix == "ls -ld /p/docker")
    }

    @Test("The record belongs to the program's own installation")
    func recordOfProgram() throws {
        let folder = try TemporaryFolder()
        try folder.write("prefix/lib/slipway/real-docker", "/nowhere/docker\n")
        var context = ProcessContext.test(folder)
        #expect(EngineFacts.gather(context, docker: nil).record == .missing)
        context.program = folder["prefix/bin/slipway"]
        #expect(EngineFacts.gather(context, docker: nil).record == .gone("/nowhere/docker"))
    }

    @Test("Attestations are mentioned if they matter, as information")
    func attestations() {
        let engine: ByteString = """
            {"ID":"x","OSType":"linux","ServerVersion":"28.5.2","Architecture":"x86_64",
            "DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}
            """
        let target = builder(engine: engine)
        #expect(findings(target, target).checks.contains(.attestations))
        #expect(findings(target, target).allSatisfy { $0.severity == .ok })
        var facts = EngineFacts(
            docker: "/d", program: .docker(Version(28, 5)), routes: [.init(command: "A", target: target)])
        facts.leavesAttestationsOut = true
        #expect(!facts.findings().checks.contains(.attestations))
        #expect(!findings(builder(), builder()).checks.contains(.attestations))
    }

    @Test(
        "BuildKit images by their tags",
        arguments: [
            ("moby/buildkit:v0.28.0", true), ("moby/buildkit:v0.28.1", false), ("moby/buildkit:v0.9.3-rootless", true),
            ("example.org/moby/buildkit:v0.27.9", true), ("moby/buildkit:v1.0.0", false),
            ("moby/buildkit:buildx-stable-1", false), ("moby/buildkit:v0.28", false), ("x/y:v0.1.0", false),
        ] as [(ByteString, Bool)])
    func images(_ image: ByteString, _ isVulnerable: Bool) {
        let findings = findings(builder(driver: "docker-container"), builder(), kit: image)
        #expect(findings.checks.contains(.buildKitVulnerable) == isVulnerable)
    }
}

extension Programs {
    @Suite("Dockers that are asked") struct EngineTests {
        let folder: TemporaryFolder

        init() throws { folder = try TemporaryFolder() }

        private func gather(_ docker: ByteString, _ entries: ByteString..., builder: ByteString? = nil) -> EngineFacts {
            var context = ProcessContext.test(folder)
            context.environment += entries
            let environment = DockerEnvironment(
                configDirectory: folder["config"], home: folder.path,
                host: "unix://" + folder["nobody.sock"], builder: builder)
            return EngineFacts.gather(
                context, docker: Program(path: docker, isScript: true), environment: environment,
                system: .init(pluginDirectories: [folder["plugins"]], hostTable: "/dev/null"))
        }

        private func docker(_ version: ByteString = "28.5.2") throws -> ByteString {
            try folder.write(script: "echo Docker version " + version + ", build 1", to: "real/docker")
        }

        private func plugin(_ name: ByteString, _ version: ByteString) throws {
            let metadata: ByteString = "{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"x\",\"Version\":\"" + version + "\"}"
            try folder.write(script: "echo '" + metadata + "'", to: "plugins/" + name)
        }

        @Test("Programs that are not docker") func programs() throws {
            #expect(gather("/snap/bin/docker").findings().checks == [.dockerIsSnap])
            #expect(gather(folder["missing"]).findings().checks == [.dockerVersionUnknown])
            let podman = try folder.write(script: "echo podman version 4.9.3", to: "real/podman")
            #expect(gather(podman).findings().checks == [.dockerIsPodman])
            #expect(EngineFacts.gather(.test(folder), docker: nil).findings().checks == [.dockerMissing])
        }

        @Test("Plugins: none, broken, good; an old docker") func plugins() throws {
            let docker = try docker()
            #expect(gather(docker).findings().checks.contains(.buildxMissing))
            try folder.write(script: "exit 1", to: "plugins/docker-buildx")
            #expect(gather(docker).findings().checks.contains(.buildxBroken))
            try plugin("docker-buildx", "v0.29.1")
            try plugin("docker-compose", "2.40.3")
            let findings = gather(docker).findings()
            #expect(findings.checks.contains(.engineSilent) && !findings.checks.contains(.buildxMissing))
            #expect(findings.details(.composePassedOn)[0].hasPrefix("2.40.3"))
            #expect(findings.details(.pluginMissing) == [folder["plugins/docker-buildx"]])
            try folder.write("config/cli-plugins/docker-buildx", "SLIPWAY-SHIM", mode: 0o755)
            let shared = gather(docker).findings()
            #expect(shared.details(.pluginInPlace) == [folder["config/cli-plugins/docker-buildx"]])
            #expect(!shared.checks.contains(.pluginMissing) && shared.checks.contains(.engineSilent))
            try folder.remove("config/cli-plugins")
            #expect(findings.details(.dockerFound)[0].range(of: "buildx 0.29") != nil)
            let old = try self.docker("20.10.24")
            #expect(gather(old).findings().checks.contains(.dockerTooOld))
        }

        @Test("A builder in a container can export, unless its BuildKit should be replaced") func container() throws {
            let docker = try docker()
            try plugin("docker-buildx", "v0.29.1")
            let image: ByteString = "moby/buildkit:v0.27.0"
            try folder.write(
                "config/buildx/instances/dc",
                "{\"Name\":\"DC\",\"Driver\":\"docker-container\",\"Nodes\":[{\"DriverOpts\":{\"image\":\"" + image
                    + "\"}}]}")
            let findings = gather(docker, builder: "dc").findings()
            #expect(findings.details(.buildKitVulnerable) == ["DC runs " + image])
            #expect(findings.checks.contains(.builderExports))
            #expect(gather(docker, "BUILDX_NO_DEFAULT_ATTESTATIONS=1").leavesAttestationsOut)
            #expect(!gather(docker, "BUILDX_NO_DEFAULT_ATTESTATIONS=x").leavesAttestationsOut)
        }
    }
}
