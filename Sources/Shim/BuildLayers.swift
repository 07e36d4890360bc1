internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// What engine and store offer to one build, and the leases and directories that must be there before docker runs.
struct BuildLayers {
    /// What the plan is made from.
    private(set) var facts = BuildCachePolicy.Facts()
    private let purpose: Decision.Purpose
    private var leases: [Lease] = []
    private var export: Export?
    private var own: (store: Store, generation: Generation, key: Key)?

    init(for purpose: Decision.Purpose) { self.purpose = purpose }

    /// Whether a path lies in a store of Slipway's, whichever it is.
    static func isInStore(_ path: ByteString) -> Bool { StoreLayout.isInGeneration(path) }

    /// Reads the store while the engine answers what it is; takes from the wish what cannot be.
    mutating func look(
        for build: BuildInvocation, docker: Program, _ settings: Settings, _ wish: inout BuildCachePolicy.Wish
    ) {
        guard !Self.isSnap(docker.path) else { return deny(&wish, Note(.dockerIsSnap)) }
        let path = settings.store ?? Locations.store ?? ""
        let store = StoreLayout(root: path).map { Store($0) }
        let directory = try? Kernel.workingDirectory()
        let description = directory.map { BuildDescription(build, in: $0) }

        var early: StoreView?
        let target = target(of: build, docker: docker) {
            guard let store, let description else { return }
            early = StoreView(of: store, for: description, Kernel.architecture, settings, purpose)
        }
        let builder: BuilderFacts
        switch target {
        case .untouched(let note): return deny(&wish, note)
        case .buildx(let found): builder = found
        }
        guard let store else { return deny(&wish, Note(.storePathUnusable, path)) }
        guard let description else { return deny(&wish, Note(.storeUnreadable, ".")) }
        if let obstacle = builder.obstacleToExport { denyExport(&wish, obstacle) }
        let architecture = builder.architecture ?? Kernel.architecture
        var view =
            early.flatMap { $0.architecture == architecture ? $0 : nil }
            ?? StoreView(of: store, for: description, architecture, settings, purpose)
        if wish.exports && purpose == .acting {
            do throws(Rejection) { try view.survey.makeOwn(in: store) } catch { denyExport(&wish, error.note) }
        }
        let (identity, survey) = (view.identity, view.survey)
        own = survey.own.map { (store, $0.generation, identity.key) }
        facts.notes += survey.notes
        if wish.imports {
            facts.found = survey.nearest.map { .init(source: $0.source.path, digest: $0.digest) }
            facts.leases = survey.nearest.map { [$0.source.leasePath] } ?? []
            leases = survey.lease.map { [$0] } ?? []
        }
        if wish.exports { offer(store, survey, identity, settings, &wish) }
        facts.leases = facts.leases.withoutRepeats
    }

    private mutating func offer(
        _ store: Store, _ survey: Survey, _ identity: BuildIdentity, _ settings: Settings,
        _ wish: inout BuildCachePolicy.Wish
    ) {
        let limits = StoreLimits(maximumSize: settings.maximumSize, minimumFree: settings.minimumFree)
        do throws(Rejection) {
            // A lease that could not be had is in the survey's notes: without it nothing is written there either.
            guard survey.own != nil || purpose == .showing else { return }
            let offered = try Export.offer(
                in: store, own: survey.own?.generation, for: identity, limits: limits, remember: purpose == .acting)
            export = offered
            facts.export = offered.path
            facts.leases.append(offered.leasePath)
            if let lease = survey.own?.lease, !leases.contains(where: { $0 === lease }) { leases.append(lease) }
        } catch {
            denyExport(&wish, error.note)
        }
    }

    /// Does what the plan needs: the export's directory, and leases that outlive exec. What fails is taken from the wish.
    mutating func keep(_ wish: inout BuildCachePolicy.Wish) {
        do throws(Errno) {
            for lease in leases { try lease.outliveExec() }
        } catch {
            return deny(&wish, Note(.leaseNotKept, ByteString(error.description)))
        }
        do throws(Rejection) { try export?.prepare() } catch { denyExport(&wish, error.note) }
    }

    /// Sees to one's own sub-store: what builds use stays longest, and now and then the store is trimmed behind their back.
    func tend(_ settings: Settings) {
        guard let own else { return }
        own.generation.noteUse(of: own.key)
        guard settings.trimsAutomatically, own.store.isTrimDue(interval: settings.trimInterval) else { return }
        var retention = Retention()
        retention.maximumSize = min(settings.trimmedSize, settings.maximumSize)
        own.store.trimBehind(keeping: retention, interval: settings.trimInterval)
    }

    private func deny(_ wish: inout BuildCachePolicy.Wish, _ note: Note) {
        wish.imports = false
        wish.exports = false
        wish.notes.append(note)
    }

    private func denyExport(_ wish: inout BuildCachePolicy.Wish, _ note: Note) {
        guard wish.exports else { return }
        wish.exports = false
        wish.notes.append(note)
    }

    /// A snap's docker cannot read files outside of HOME, nor hidden ones in it.
    private static func isSnap(_ docker: ByteString) -> Bool {
        docker.hasPrefix("/snap/") || (try? Files.realPath(docker))?.lastPathComponent == "snap"
    }

    private func target(of build: BuildInvocation, docker: Program, meanwhile: () -> Void) -> BuildTarget {
        let request = BuildRequest(
            route: build.route == .buildx ? .buildx : .dockerBuild, engine: EngineRequest(build.globals),
            builder: build.builder)
        var versions = BinaryVersions.remembered(for: docker, purpose)
        return BuildTarget.resolve(
            request, environment: .current(), docker: docker.path, versions: &versions,
            ourselves: try? Files.status("/proc/self/exe"), meanwhile: meanwhile)
    }
}

/// What the store holds for one build. It does not need the engine's answer, if that has the architecture that is expected:
/// read while waiting for it, it costs nothing (measured: 0.8 ms of the shim's own 2.3).
private struct StoreView {
    let architecture: ByteString
    let identity: BuildIdentity
    var survey: Survey

    init(
        of store: Store, for build: BuildDescription, _ architecture: ByteString, _ settings: Settings,
        _ purpose: Decision.Purpose
    ) {
        self.architecture = architecture
        identity = BuildIdentity(of: build, platform: "linux/" + architecture)
        let trusted = ([store.user, 0] + settings.trustedUsers).withoutRepeats
        survey = Survey(of: store, for: identity, trusted: trusted, leasing: purpose == .acting)
    }
}

extension BuildDescription {
    /// What a command line says, with what docker itself takes from the environment.
    fileprivate init(_ build: BuildInvocation, in directory: ByteString) {
        var platforms = build.platforms
        if platforms.isEmpty, let standard = Kernel.variable("DOCKER_DEFAULT_PLATFORM"),
            !standard.isEmpty
        {
            platforms = [standard]
        }
        let arguments = build.buildArguments.map { argument in
            // A bare name takes its value from the environment: docker/buildx util/buildflags, and BuildKit sees both alike.
            argument.contains("=") ? argument : argument + "=" + (Kernel.variable(named: argument) ?? "")
        }
        self.init(
            context: Self.context(build.context ?? "."), dockerfile: build.file, target: build.target,
            platforms: platforms.flatMap { $0.split(",") }.map(\.trimmed), imageNames: build.tags,
            arguments: arguments + build.buildContexts, workingDirectory: directory)
    }
}

extension Array where Element: Equatable {
    /// The elements in their order, each where it stands first.
    fileprivate var withoutRepeats: [Element] {
        reduce(into: []) { kept, element in
            if !kept.contains(element) { kept.append(element) }
        }
    }
}
