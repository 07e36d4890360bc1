internal import BuildCache
internal import DockerCommandLine
internal import DockerfileLint
public import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// Whether a shared builder takes the builds of a command, and which one. In doubt the engine builds as it always did.
struct SharedBuild {
    private let request: CommandRequest
    private let names: [ByteString]
    /// Whether the shim before docker has chosen, or has had a reason not to.
    private let isDecided: Bool

    /// nil where the settings name none.
    init?(_ request: CommandRequest) {
        names = request.settings.builder.names
        guard !names.isEmpty else { return nil }
        isDecided = request.role != .docker && request.settings.journal && Journal.parentHasWritten
        self.request = request
    }

    /// The command built by a shared builder; nil where none takes it, and the command's request says why. Refuses a command that names
    /// a shared builder itself: that has a cache of its own, and others' builds wait where it fetches another.
    func plan(for command: inout some BuildCommand) throws(Refusal) -> Plan? {
        do throws(EngineError) {
            return try chosen(for: &command)
        } catch {
            let note = error.note
            if note.reason == .sharedBuilderNotChosen, isShared(note.detail) {
                throw Refusal(notes: command.request.notes + [note])
            }
            if isDecided { return nil }
            // What is wrong with the route or the engine is said where caches look for the builder.
            if Self.reasons.contains(note.reason) || command.request.isEmpty {
                command.request = command.request.adding([note])
            }
            return nil
        }
    }

    private static let reasons: [Reason] = [
        .sharedBuilderSilent, .sharedBuilderNotChosen, .sharedBuilderUnsuited, .sharedBuilderLocalImage,
        .sharedBuilderUnclear, .sharedBuilderNotReady,
    ]

    private func isShared(_ name: ByteString) -> Bool {
        names.contains { $0.lowercasedASCII == name.lowercasedASCII }
    }

    private func chosen(for command: inout some BuildCommand) throws(EngineError) -> Plan {
        let deadline = request.budget.deadline
        guard !DockerProgram.isSnap(request.docker.path) else { throw EngineError(.dockerIsSnap) }
        let environment = DockerEnvironment.current()
        let route = try route(of: command, environment, until: deadline)
        if let chosen = try ownChoice(of: command, route, environment) {
            throw EngineError(.sharedBuilderNotChosen, chosen)
        }
        guard !isDecided else { throw EngineError(.alreadyApplied) }
        try look(at: command)
        let memory = SharedBuilderMemory.remembered(request.purpose)
        let builders = try SharedBuilders(named: names, for: route, memory: memory)
        guard let first = builders.builders.first else { throw EngineError(.sharedBuilderNotReady) }
        do throws(Refusal) {
            command = try command.completed(by: route.facts(of: first))
        } catch {
            throw EngineError(.sharedBuilderUnclear, "the definition")
        }
        try look(at: command)
        let images = try images(of: command)

        guard let build = command.builds.first else { throw EngineError(.sharedBuilderUnclear) }
        let began = Clock.monotonic
        let wait = request.settings.builder.wait
        let builder = try builders.choose(for: BuildIdentity.repository(of: build.description), within: wait)
        let left = wait &- (Clock.monotonic &- began)
        let engine = try route.engineInfo(memory: .remembered(request.purpose), until: deadline)
        try compare(builder, with: engine, for: command, route)
        let until = Clock.monotonic &+ left
        for image in images where try mayBeHereOnly(image, route, until: until) {
            throw EngineError(.sharedBuilderLocalImage, image)
        }
        return command.plan(on: builder.name)
    }

    private func route(
        of command: some BuildCommand, _ environment: DockerEnvironment, until deadline: Deadline
    ) throws(EngineError) -> RoutedBuild {
        var versions = BinaryVersions.remembered(for: request.docker, request.purpose)
        return try RoutedBuild.resolve(
            command.builder, environment: environment, docker: request.docker.path, versions: &versions, until: deadline
        )
    }

    /// The builder that the user has chosen, even where that is the engine's own. docker names the engine's to its plugin.
    private func ownChoice(
        of command: some BuildCommand, _ route: RoutedBuild, _ environment: DockerEnvironment
    ) throws(EngineError) -> ByteString? {
        if let named = command.builder.builder { return named.isEmpty ? "--builder" : named }
        if let instance = route.builder { return instance }
        guard let variable = environment.builder else { return nil }
        return request.role == .docker || variable != route.contextName ? variable : nil
    }

    private func look(at command: some BuildCommand) throws(EngineError) {
        if let note = command.obstacleToSharing { throw EngineError(note.reason, note.detail) }
    }

    private func images(of command: some BuildCommand) throws(EngineError) -> [ByteString] {
        let contexts = command.namedContexts
        guard command.builds.count == command.total, contexts.count == command.total else {
            throw EngineError(.sharedBuilderUnclear, "too many targets")
        }
        var names: [ByteString] = []
        for (build, contexts) in zip(command.builds, contexts) {
            do throws(NamedImages.Unclear) {
                names += try NamedImages(
                    of: build.description, contexts: contexts, until: request.budget.deadline
                ).names
            } catch {
                throw EngineError(.sharedBuilderUnclear, error.text)
            }
        }
        var seen: Set<ByteString> = []
        return names.filter { seen.insert($0).inserted }
    }

    private func compare(
        _ builder: SharedBuilder, with engine: EngineInfo, for command: some BuildCommand, _ route: RoutedBuild
    ) throws(EngineError) {
        guard builder.architecture == engine.architecture else {
            throw EngineError(.sharedBuilderUnsuited, builder.name + " builds for " + builder.architecture)
        }
        let own = "linux/" + engine.architecture
        if let other = command.builds.flatMap(\.description.platforms).first(where: { $0.lowercasedASCII != own }) {
            throw EngineError(.sharedBuilderUnsuited, "--platform " + other)
        }
        if let option = optionThatTells(of: command, engine, route) {
            throw EngineError(.sharedBuilderUnsuited, option)
        }
    }

    /// What tells somebody of the image, and would tell something else than the engine that loads it: buildx before 0.36 gives an
    /// image's config as its id, which with containerd's store is its manifest; the builder's metadata name the manifest, which
    /// with the classic store is the config. Compose makes containers anew that seem to have another image.
    private func optionThatTells(
        of command: some BuildCommand, _ engine: EngineInfo, _ route: RoutedBuild
    ) -> ByteString? {
        if engine.usesContainerdStore {
            guard route.buildx.map({ $0 < Version(0, 36) }) ?? true else { return nil }
            return command.scan.first(of: ["iidfile", "quiet"])
        }
        if let word = request.composeWord { return word == "build" ? nil : "compose " + word }
        return command.scan.first(of: ["metadata-file"])
    }

    private func mayBeHereOnly(
        _ image: ByteString, _ route: RoutedBuild, until deadline: Int64
    ) throws(EngineError) -> Bool {
        do throws(EngineError) {
            return try route.engine.mayAloneHave(image, until: deadline)
        } catch {
            throw EngineError(.sharedBuilderUnclear, image)
        }
    }
}

extension Scan {
    /// The first of these options that is given.
    fileprivate func first(of names: [ByteString]) -> ByteString? {
        occurrences.map { ByteString(stringLiteral: $0.row.name) }.first(where: names.contains).map { "--" + $0 }
    }
}

extension SharedBuilderMemory {
    /// What this user has seen of shared builders.
    public static func remembered(_ purpose: Decision.Purpose) -> SharedBuilderMemory {
        SharedBuilderMemory(file: Locations.state?.appending(path: "builders"), isWriting: purpose == .acting)
    }
}

extension Decision {
    /// The way of a `docker buildx build` in this environment, for commands about builders.
    public static func buildRoute(for purpose: Purpose = .acting) throws(EngineError) -> RoutedBuild {
        guard let docker = RealDocker.find() else { throw EngineError(.dockerNotFound) }
        var versions = BinaryVersions.remembered(for: docker, purpose)
        return try RoutedBuild.resolve(
            BuilderRequest(route: .buildx, builder: ""),
            environment: .current(), docker: docker.path, versions: &versions)
    }
}
