internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// Where the builds of a command are built.
enum Resolution {
    /// By the builder that the command reaches, with what caches have for it.
    case here(BuildDecision)
    /// By a shared builder.
    case elsewhere(Plan)
}

/// The back ends of one command, and the builder that they serve.
struct Caches {
    private let request: CommandRequest
    private let local: LocalStore
    /// nil for a command with several builds: only a single build imports directly from the registry.
    private let registry: DirectRegistry?
    private static let fewestDescriptors: UInt64 = 64

    init(_ request: CommandRequest) {
        self.request = request
        local = LocalStore(request.settings, request.purpose, within: request.budget)
        if case .build(let build) = request.invocation {
            registry = DirectRegistry(request.settings, build.globals, beside: local.store)
        } else {
            registry = nil
        }
    }

    /// Whether a value in an option came from one of this command's back ends.
    func owns(_ value: ByteString) -> Bool { local.owns(value) || registry?.owns(value) ?? false }

    /// Finds out who will build, and what the caches offer for it; the caches read while the engine is being asked. A
    /// shared builder has caches of its own.
    func resolve(_ command: some BuildCommand) throws(Refusal) -> Resolution {
        var command = command
        if let shared = SharedBuild(request), var plan = try shared.plan(for: &command) {
            var known = knownBuilds(of: command, within: request.budget)
            known.lookAtModes()
            plan.notes += known.modes.map { [$0] } ?? []
            return .elsewhere(plan.limitedToArgMax())
        }
        guard !command.request.isEmpty else { throw Refusal(notes: command.request.notes) }
        if let registry { return .here(try resolve(command, from: registry)) }
        return .here(try resolve(command, from: local))
    }

    private func resolve(
        _ command: some BuildCommand, from backend: some CacheBackend
    ) throws(Refusal) -> BuildDecision {
        // A limit for everything that comes before the store: layers are worth more than knowing the modes in a large
        // tree.
        let before = request.budget.share(nanoseconds: Budget.whole * 2 / 3)
        var (command, backend, known) = (command, backend, knownBuilds(of: command, within: before))
        let builder = try builder(for: command, until: before.deadline) { wait in
            known.lookAtModes()
            known.recognize()
            if request.purpose == .acting { _ = request.findings.value }
            // The store is read while the engine works on its answer: it takes longer than a greeting.
            if wait == .answer { backend.read(known.builds) }
        }
        known.lookAtModes()
        var asked = command.request
        for note in backend.limits(with: builder) { asked = asked.withoutExport(note) }
        do throws(Refusal) {
            command = try command.completed(by: builder)
        } catch {
            throw Refusal(notes: asked.notes + error.notes)
        }
        if known.builds.isEmpty { known = knownBuilds(of: command, within: before) }
        var wait = BuildWait(request.settings)
        if request.purpose == .acting, request.role == .docker, let build = command.single {
            let hasExport = backend.hasExport
            wait.join(build, known, asked, by: builder, in: local.store, hasExport: hasExport) { backend.forget() }
        }
        let timing = command.single?.timing(by: builder) ?? .withBuild
        let offers = backend.offers(for: &known, asked, by: builder, timing)
        return BuildDecision(command, known, offers, wait)
    }

    private func knownBuilds(of command: some BuildCommand, within before: Budget) -> KnownBuilds {
        KnownBuilds(command.builds, of: command.total, request.settings, request.purpose, within: before)
    }

    /// Finds out who will build. `meanwhile` runs while the engine works on its answer; it does not run if no engine is
    /// asked.
    private func builder(
        for command: some BuildCommand, until deadline: Deadline, meanwhile: (EngineWait) -> Void
    ) throws(Refusal) -> BuilderFacts {
        func refusal(_ note: Note) -> Refusal { Refusal(notes: command.request.notes + [note]) }
        let docker = request.docker
        guard !DockerProgram.isSnap(docker.path) else { throw refusal(Note(.dockerIsSnap)) }
        // With fewer, docker cannot start its plugin and uses the legacy builder, which refuses our options.
        guard Kernel.mostDescriptors >= Self.fewestDescriptors else {
            throw refusal(Note(.leaseNotKept, "too few file descriptors"))
        }
        var versions = BinaryVersions.remembered(for: docker, request.purpose)
        let target = BuildTarget.resolve(
            command.builder, environment: .current(), docker: docker.path, versions: &versions,
            memory: .remembered(request.purpose), until: deadline, meanwhile: meanwhile)
        switch target {
        case .untouched(let note): throw refusal(note)
        case .buildx(let builder): return builder
        }
    }
}

/// What a build waited for before its caches were read: layers from other hosts, and an equal build that started
/// earlier.
struct BuildWait {
    private let settings: Settings
    private var waited: [Note] = []
    private(set) var flight: BuildFlight

    var notes: [Note] { waited + flight.notes }

    init(_ settings: Settings) {
        self.settings = settings
        flight = BuildFlight(settings)
    }

    /// `forget` discards what has been read: after a wait it would be outdated, and its leases would hold up others
    /// meanwhile.
    mutating func join(
        _ build: SingleBuild, _ known: KnownBuilds, _ asked: CacheRequest, by builder: BuilderFacts, in store: Store?,
        hasExport: Bool, forgetting forget: () -> Void
    ) {
        guard let store, asked.imports, let first = known.builds.first else { return }
        func identity() -> BuildIdentity { BuildIdentity(of: first.description, platform: builder.platform) }
        if settings.remote.wait != nil, settings.remote.mode == .replicate, !hasExport {
            forget()
            Budget.excusing {
                waited += RemoteUpkeep.wait(for: identity(), settings, build.globals).map { [$0] } ?? []
            }
        }
        guard first.fingerprint != nil, !known.isFirstUnchanged(on: builder), flight.isWanted else { return }
        flight.join(first.description, as: identity(), in: store, exporting: asked.exports, beforeWaiting: forget)
    }
}
