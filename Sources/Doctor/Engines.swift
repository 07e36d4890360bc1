internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning
internal import Shim

/// Which docker, plugins and builder commands in this place use.
struct EngineFacts {
    /// A command and what it uses.
    struct Route {
        let command: ByteString
        let target: BuildTarget
    }

    /// The path of the real docker; nil if there is none.
    var docker: ByteString?
    /// What it reports to be.
    var program = DockerProgram.unknown
    /// Whether it is a confined snap.
    var isSnap = false
    /// Empty if there is no docker to ask.
    var routes: [Route] = []
    /// The compose plugin's version, or its path if it reports none; nil if there is none.
    var compose: ByteString?
    /// The docker-buildx plugin that docker finds first, and whether it is the shim; nil if there is none.
    var firstPlugin: (path: ByteString, isShim: Bool)?
    /// The BuildKit image of each builder in a container, if the image has a version number.
    var buildKits: [(builder: ByteString, image: ByteString)] = []
    /// Whether BUILDX_NO_DEFAULT_ATTESTATIONS is on.
    var leavesAttestationsOut = false
    /// The path of docker that the installer recorded for callers without PATH.
    var record = DockerRecord.missing

    func findings() -> [Finding] { recordFindings() + dockerFindings() }

    private func recordFindings() -> [Finding] {
        switch record {
        case .missing, .docker: []
        case .gone(let path): [Finding(.recordedDockerGone, path)]
        case .notTrusted(let path): [Finding(.recordedDockerNotTrusted, path, path: path)]
        }
    }

    private func dockerFindings() -> [Finding] {
        guard let docker else { return [Finding(.dockerMissing)] }
        guard !isSnap else { return [Finding(.dockerIsSnap, docker)] }
        let version: ByteString
        switch program {
        case .podman: return [Finding(.dockerIsPodman, docker)]
        case .unknown: return [Finding(.dockerVersionUnknown, docker, path: docker)]
        case .docker(let said): version = said.text
        }
        var found = docker + ", version " + version
        if case .buildx(let builder)? = routes.map(\.target).first(where: \.isBuildx) {
            found += "; buildx " + (builder.buildx?.text ?? "without a number") + ", " + builder.plugin
        }
        var findings = [Finding(.dockerFound, found), Finding(.composePassedOn, compose ?? "not found")]
        if let firstPlugin, firstPlugin.isShim {
            findings.append(Finding(.pluginInPlace, firstPlugin.path))
        } else if let firstPlugin, compose != nil {
            findings.append(Finding(.pluginMissing, firstPlugin.path))
        }
        findings += routesFindings()
        for kit in buildKits where BuildKitImage(kit.image)?.isVulnerable == true {
            findings.append(Finding(.buildKitVulnerable, kit.builder + " runs " + kit.image, path: kit.builder))
        }
        let hasContainerdStore = routes.contains { $0.target.engine?.usesContainerdStore == true }
        if hasContainerdStore && !leavesAttestationsOut { findings.append(Finding(.attestations)) }
        return findings
    }

    /// One finding if both commands have the same.
    private func routesFindings() -> [Finding] {
        var seen: [(note: Note, commands: ByteString)] = []
        var findings: [Finding] = []
        var good: [(text: ByteString, commands: ByteString)] = []
        for route in routes {
            if let note = route.target.obstacle {
                if let index = seen.firstIndex(where: { $0.note == note }) {
                    seen[index].commands += " and " + route.command
                } else {
                    seen.append((note, route.command))
                }
            } else if case .buildx(let builder) = route.target {
                let text = Self.describe(builder)
                if let index = good.firstIndex(where: { $0.text == text }) {
                    good[index].commands += " and " + route.command
                } else {
                    good.append((text, route.command))
                }
            }
        }
        findings += seen.map { Self.finding(for: $0.note, $0.commands) }
        findings += good.map { Finding(.builderExports, $0.commands + ": " + $0.text) }
        return findings
    }

    private static func describe(_ builder: BuilderFacts) -> ByteString {
        let text = "builder " + builder.name + ", driver " + builder.driver + ", context " + builder.context
        return builder.engine?.version.map { text + ", engine " + $0.text } ?? text
    }

    /// What a reason of the shim means for the doctor.
    static func finding(for note: Note, _ commands: ByteString) -> Finding {
        let check = checks[note.reason] ?? .routeInDoubt
        var detail = commands
        if check == .routeInDoubt {
            detail += ": " + note.message
        } else if !note.detail.isEmpty {
            detail += ": " + note.detail
        }
        if check == .engineSilent, note.detail.range(of: "Permission denied") != nil {
            return Finding(check, detail, fix: "sudo usermod -aG docker \"$USER\"")
        }
        return Finding(check, detail, path: note.detail.isEmpty ? nil : note.detail)
    }

    private static let checks: [Reason: Check] = [
        .dockerIsPodman: .dockerIsPodman, .dockerVersionUnknown: .dockerVersionUnknown, .dockerIsSnap: .dockerIsSnap,
        .legacyBuilder: .legacyBuilder, .dockerTooOld: .dockerTooOld, .buildxMissing: .buildxMissing,
        .buildxBroken: .buildxBroken, .buildxTooOld: .buildxTooOld,
        .dockerConfigUnreadable: .dockerConfigUnreadable, .contextUnknown: .contextUnknown,
        .builderUnknown: .builderUnknown, .driverUnknown: .driverUnknown, .endpointInvalid: .endpointInvalid,
        .endpointNotAsked: .endpointNotAsked, .engineSilent: .engineSilent,
        .engineAnswerUnreadable: .engineAnswerUnreadable, .engineNotLinux: .engineNotLinux,
        .engineCannotExport: .engineCannotExport, .engineTooOld: .engineTooOld,
        .buildKitVariableInvalid: .buildKitVariableInvalid, .builderAliasUnknown: .builderAliasUnknown,
    ]
}

extension BuildTarget {
    fileprivate var isBuildx: Bool { if case .buildx = self { true } else { false } }

    fileprivate var engine: EngineInfo? { if case .buildx(let builder) = self { builder.engine } else { nil } }

    /// Why no options are added, or why nothing is exported.
    fileprivate var obstacle: Note? {
        switch self {
        case .untouched(let note): note
        case .buildx(let builder): builder.obstacleToExport
        }
    }
}

/// The version in the name of a BuildKit image, "moby/buildkit:v0.12.3-rootless".
struct BuildKitImage: Equatable {
    let numbers: [Int]

    /// Nil for a name without three numbers.
    init?(_ image: ByteString) {
        guard let (name, tag) = image.cutLast(at: ":"), name.hasSuffix("moby/buildkit"), tag.hasPrefix("v") else {
            return nil
        }
        let core = tag.dropFirst(1).cut(at: "-")?.before ?? tag.dropFirst(1)
        let numbers = core.split(".").compactMap(\.decimal)
        guard numbers.count == 3, core.split(".").count == 3 else { return nil }
        self.numbers = numbers
    }

    /// CVE-2026-33747 is fixed in 0.28.1.
    var isVulnerable: Bool { numbers.lexicographicallyPrecedes([0, 28, 1]) }
}

extension EngineFacts {
    /// Asks docker and its plugins what they are, and the engine what it supports.
    static func gather(
        _ context: ProcessContext, docker: Program?, environment: DockerEnvironment = .current(),
        system: BuildTarget.SystemFiles = .standard
    ) -> EngineFacts {
        var facts = EngineFacts()
        facts.record = DockerRecord.read(DockerRecord.path(for: context.program))
        guard let docker else { return facts }
        facts.docker = docker.path
        facts.isSnap = DockerProgram.isSnap(docker.path)
        guard !facts.isSnap else { return facts }
        // A script that searches for the next docker must not call itself for ever.
        var versions = BinaryVersions(file: nil) {
            EnvironmentChange.apply(RealDocker.changes(for: docker), to: context.environment)
        }
        facts.program = versions.docker(at: docker.path)
        for (command, route) in [("docker build", .dockerBuild), ("docker buildx build", .buildx)]
            as [(ByteString, BuilderRequest.Route)]
        {
            let target = BuildTarget.resolve(
                BuilderRequest(route: route), environment: environment, docker: docker.path, versions: &versions,
                system: system)
            facts.routes.append(Route(command: command, target: target))
        }
        facts.leavesAttestationsOut =
            context.variable("BUILDX_NO_DEFAULT_ATTESTATIONS").flatMap(Bool.init(goText:)) == true
        facts.lookAtFiles(environment, system)
        return facts
    }

    private mutating func lookAtFiles(_ environment: DockerEnvironment, _ system: BuildTarget.SystemFiles) {
        guard
            let directory = try? DockerConfiguration.directory(for: EngineRequest(), environment),
            let configuration = try? DockerConfiguration.read(in: directory)
        else { return }
        let folders = BuildxPlugin.directories(configuration, system: system.pluginDirectories)
        firstPlugin = folders.map { $0.appending(path: "docker-buildx") }.first(where: ProcessContext.isProgram).map {
            ($0, ProgramSearch.isShim($0))
        }
        let plugins = folders.map { $0.appending(path: "docker-compose") }
        compose = plugins.first(where: ProcessContext.isProgram).map(Self.versionOfCompose)

        let buildx = environment.buildxDirectory ?? directory.appending(path: "buildx")
        for route in routes {
            guard case .buildx(let builder) = route.target, builder.driver == "docker-container" else { continue }
            let file = buildx.appending(path: "instances").appending(path: builder.name.lowercasedASCII)
            guard let text = try? Files.read(file, limit: 1 << 20), let nodes = JSON(text)?[field: "Nodes"]?.array
            else { continue }
            for image in nodes.compactMap({ $0[field: "DriverOpts"]?[key: "image"]?.string })
            where !buildKits.contains(where: { $0.builder == builder.name && $0.image == image }) {
                buildKits.append((builder.name, image))
            }
        }
    }

    /// Source: docker/cli cli-plugins/metadata, Metadata.
    private static func versionOfCompose(_ path: ByteString) -> ByteString {
        let answer = try? Execution.ask(
            path, arguments: ["docker-compose", "docker-cli-plugin-metadata"], nanoseconds: 3_000_000_000,
            limit: 65_536)
        return answer.flatMap { JSON($0.output)?[field: "Version"]?.string } ?? path
    }
}
