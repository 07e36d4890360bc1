internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// What engine and store offer to the builds of one command, and the leases and directories that must be there before docker
/// runs.
struct BuildLayers {
    /// One build, and what the command leaves to be asked for it.
    struct Build {
        /// bake's name for it; nil for a build by itself.
        var target: ByteString?
        var description: BuildDescription
        var imports = true
        var exports = true
        /// By what it is known again; nil where that cannot be told.
        var fingerprint: BuildFingerprint?
    }

    /// What each build's part of the plan is made from, in the order of the builds.
    var facts: [BuildCachePolicy.Facts] = []
    private let purpose: Decision.Purpose
    private static let fewestDescriptors: UInt64 = 64
    /// What a look at a context's files may take besides the time that the engine takes to answer: 2,000 of them take 4 ms.
    private static let recognition: Int64 = 5_000_000
    let settings: Settings
    private let budget: Budget
    /// For all that comes before the store, whose layers count for more than what a large tree's modes tell.
    private let before: Budget
    private let path: ByteString
    let store: Store?
    var early: StoreView?
    private var modes: Note?
    private var areModesKnown = false
    var identities: [BuildIdentity] = []
    private var lookup: CacheLookup?
    private var imports: [Bool] = []
    private var leases: [Lease] = []
    var exports: [Export?] = []
    /// Of each build of which nothing has changed; none of builds that have not been looked at.
    private var unchanged: [BuildFingerprint.Memory?] = []
    private var cache: (engine: ByteString, records: EngineCache)?
    /// Where the exports of those stand.
    private var standingExports: [ByteString?] = []
    private var own: (store: Store, generation: Generation)?
    private var isStoreFull = false
    /// How many of the builds there was time to look at.
    var looked = 0

    init(for purpose: Decision.Purpose, _ settings: Settings, within budget: Budget) {
        self.purpose = purpose
        self.settings = settings
        self.budget = budget
        before = budget.share(nanoseconds: Budget.whole * 2 / 3)
        path = settings.store ?? Locations.store ?? ""
        store = StoreLayout(root: path).map { Store($0) }
    }

    /// Whether a path lies in a store of Slipway's, whichever it is.
    static func isInStore(_ path: ByteString) -> Bool { StoreLayout.isInGeneration(path) }

    /// Finds out who will build, and disables what that builder cannot do. Builds that are known already are looked up in
    /// the store while the engine answers.
    mutating func ask(
        _ builderRequest: BuilderRequest, docker: Program, _ request: inout BuildCachePolicy.Request,
        known builds: inout [Build]
    ) -> BuilderFacts? {
        guard !DockerProgram.isSnap(docker.path) else {
            Self.deny(&request, Note(.dockerIsSnap))
            return nil
        }
        // Where docker has too few to start its plugin it builds with the legacy builder, which refuses our options.
        guard Kernel.mostDescriptors >= Self.fewestDescriptors else {
            Self.deny(&request, Note(.leaseNotKept, "too few descriptors"))
            return nil
        }
        var early: StoreView?
        var versions = BinaryVersions.remembered(for: docker, purpose)
        let target = BuildTarget.resolve(
            builderRequest, environment: .current(), docker: docker.path, versions: &versions,
            memory: .remembered(purpose), until: before.deadline
        ) {
            lookAtModes(of: &builds)
            recognize(builds)
            guard let store, !builds.isEmpty else { return }
            early = StoreView(of: store, for: builds, Kernel.architecture, settings, purpose, within: budget)
        }
        self.early = early
        switch target {
        case .untouched(let note):
            Self.deny(&request, note)
            return nil
        case .buildx(let builder):
            lookAtModes(of: &builds)
            if let obstacle = builder.obstacleToExport { Self.denyExport(&request, obstacle) }
            if Kernel.largestFile != .max { Self.denyExport(&request, Note(.filesLimited)) }
            return builder
        }
    }

    /// Looks at the modes of the tracked files around the builds' contexts, once: in what they differ, the builds then know.
    private mutating func lookAtModes(of builds: inout [Build]) {
        guard !builds.isEmpty, !areModesKnown else { return }
        areModesKnown = true
        let contexts = builds.map { build in
            if case .directory(let path) = build.description.context { path } else { nil as ByteString? }
        }
        for (index, finding) in TreeModes.look(around: contexts, settings, purpose, within: before).enumerated() {
            guard let finding, builds.indices.contains(index) else { continue }
            builds[index].description.modes = finding.difference
            modes = modes ?? finding.note
        }
    }

    /// Looks which builds are made from the very files of the ones before, once.
    private mutating func recognize(_ builds: [Build]) {
        guard settings.records, unchanged.isEmpty, !builds.isEmpty else { return }
        let deadline = before.share(nanoseconds: Self.recognition).deadline
        var trees = BuildFingerprint.Trees()
        unchanged = builds.map { $0.fingerprint?.recognized(among: &trees, until: deadline) }
    }

    /// Takes from builds what they have no need of: the import of what their engine has, and the export of what has been exported.
    mutating func leaveOutWhatIsKnown(
        _ builds: [Build], _ builder: BuilderFacts, _ request: BuildCachePolicy.Request
    ) {
        recognize(builds)
        guard let cache = builder.cache, let engine = builder.engine?.identifier else { return }
        self.cache = (engine, cache)
        unchanged = builds.indices.map { index in
            unchanged.indices.contains(index) && unchanged[index]?.engine == engine ? unchanged[index] : nil
        }
        standingExports = unchanged.map { known in store.flatMap { known?.standingExport(in: $0) } }
        for (index, standingExports) in standingExports.enumerated() {
            facts[index].isExported = standingExports != nil
        }
        guard request.imports, zip(builds, unchanged).contains(where: { $0.imports && $1?.records != nil }),
            let records = cache.records(within: cache.patience)
        else { return }
        for (index, (build, known)) in zip(builds, unchanged).enumerated() where build.imports {
            facts[index].isImported = known?.records.map { $0.areAmong(records) } ?? false
        }
    }

    /// Has a build that is not known to be done already join its flight. What was read of the store before it waited counts no more.
    mutating func join(
        _ flight: inout BuildFlight, _ build: Build, by builder: BuilderFacts, _ request: BuildCachePolicy.Request
    ) {
        let known = unchanged.first ?? nil
        let isKnown = known != nil && known?.engine == builder.engine?.identifier
        guard let store, request.imports, build.fingerprint != nil, !isKnown else { return }
        let platform = "linux/" + (builder.architecture ?? Kernel.architecture)
        let identity = BuildIdentity(of: build.description, platform: platform)
        flight.join(build.description, as: identity, in: store, exporting: request.exports) { early = nil }
    }

    /// Reads the store for builds that this builder will make; takes from the request what cannot be.
    mutating func look(for builds: [Build], by builder: BuilderFacts, _ request: inout BuildCachePolicy.Request) {
        facts = builds.map { _ in BuildCachePolicy.Facts() }
        exports = builds.map { _ in nil }
        guard !builds.isEmpty else { return }
        guard let store else { return Self.deny(&request, Note(.storePathUnusable, path)) }
        var builds = builds
        lookAtModes(of: &builds)
        leaveOutWhatIsKnown(builds, builder, request)
        let architecture = builder.architecture ?? Kernel.architecture
        // What there was no time for may be had now: until the engine had answered, it cost nobody anything.
        var view =
            early.flatMap { $0.architecture == architecture && ($0.isWhole || budget.isSpent) ? $0 : nil }
            ?? StoreView(of: store, for: builds, architecture, settings, purpose, within: budget)
        if request.exports && purpose == .acting && zip(builds, facts).contains(where: { $0.exports && !$1.isExported })
        {
            do throws(StoreError) { try view.opened.makeOwn() } catch { Self.denyExport(&request, error.note) }
        }
        own = view.opened.own.map { (store, $0.generation) }
        identities = view.identities
        lookup = view.lookup
        imports = zip(builds, facts).map { $0.imports && !$1.isImported }
        request.notes += (modes.map { [$0] } ?? []) + view.opened.notes
        request.notes += identities.compactMap(\.foreign).withoutRepeats.map { Note(.repositoryNotTrusted, $0) }
        looked = identities.count
        if looked < builds.count {
            let note = Note(
                .timeSpent, ByteString(decimal: looked) + " of " + ByteString(decimal: builds.count) + " builds")
            if looked > 0 { request.notes.append(note) } else { Self.deny(&request, note) }
        }
        if request.imports && imports.contains(true) {
            request.notes += view.lookup.notes
            takeImports()
        }
        for (index, (build, identity)) in zip(builds, identities).enumerated() {
            if request.exports && build.exports && !facts[index].isExported {
                if settings.exports == .auto, let loss = BuildRecorder.loss(of: build.description, identity) {
                    facts[index].notes.append(Note(.exportDoesNotPay, loss))
                } else {
                    offer(view.opened, identity, at: index, &request)
                }
            }
            facts[index].leases = facts[index].leases.withoutRepeats
        }
    }

    /// What each build imports now.
    private mutating func takeImports() {
        for lease in lookup?.leases ?? [] { hold(lease) }
        for index in facts.indices where imports.indices.contains(index) && imports[index] {
            let found = lookup.flatMap { $0.found.indices.contains(index) ? $0.found[index] : nil }
            facts[index].found = found.map {
                .init(source: $0.source.path, digest: $0.digest, extent: Self.extent($0))
            }
            if let found { facts[index].leases += found.source.leasePaths }
            facts[index].leases = facts[index].leases.withoutRepeats
        }
    }

    private static func extent(_ found: CacheLookup.Import) -> ByteString {
        func count(_ number: Int, _ noun: ByteString) -> ByteString {
            ByteString(decimal: number) + " " + noun + (number == 1 ? "" : "s")
        }
        return count(found.exports, "export") + " of " + count(found.keys, "key")
    }

    private mutating func offer(
        _ opened: OpenedStore, _ identity: BuildIdentity, at index: Int, _ request: inout BuildCachePolicy.Request
    ) {
        let limits = StoreLimits(maximumSize: settings.maximumSize, minimumFree: settings.minimumFree)
        do throws(StoreError) {
            // A lease that could not be had is in the notes: without it nothing is written there either.
            guard opened.own != nil || purpose == .showing else { return }
            let offered = try Export.offer(
                in: opened.store, own: opened.own?.generation, for: identity, limits: limits,
                remember: purpose == .acting, until: budget.deadline)
            exports[index] = offered
            facts[index].export = offered.path
            facts[index].leases.append(offered.leasePath)
            if let lease = opened.own?.lease { hold(lease) }
        } catch {
            isStoreFull = error.note.reason == .storeOverBudget
            Self.denyExport(&request, error.note)
        }
    }

    private mutating func hold(_ lease: Lease) {
        if !leases.contains(where: { $0 === lease }) { leases.append(lease) }
    }

    /// Does what the plan needs: the exports' directories, and leases that outlive exec. A failed step disables the import or export that it is for.
    mutating func reserve(_ request: inout BuildCachePolicy.Request) {
        if request.imports && facts.contains(where: { $0.found != nil }) {
            let known = lookup?.notes.count ?? 0
            lookup?.write()
            request.notes += lookup?.notes.dropFirst(known) ?? []
            takeImports()
        }
        do throws(Errno) {
            for lease in leases { try lease.outliveExec() }
        } catch {
            return Self.deny(&request, Note(.leaseNotKept, ByteString(error.description)))
        }
        do throws(StoreError) {
            for export in exports { try export?.prepare() }
        } catch {
            Self.denyExport(&request, error.note)
        }
    }

    /// Leaves the export of the only build until docker has ended, where the settings say so and that is safe. `isTold` says that the
    /// shim before docker has decided that already.
    mutating func deferExport(of build: BuildInvocation, _ known: Build, by builder: BuilderFacts, isTold: Bool) {
        guard settings.exports == .behind, facts.count == 1, facts[0].export != nil else { return }
        let obstacle = ExportBehind.obstacle(
            to: build, by: builder, isRecognizable: known.fingerprint != nil, settings)
        if let obstacle {
            facts[0].notes.append(Note(.exportNotBehind, obstacle))
        } else if isTold {
            facts[0].export = nil
            exports[0] = nil
        } else {
            facts[0].isExportedBehind = true
        }
    }

    /// Whether an export is left until docker has ended.
    var isExportedBehind: Bool { facts.contains { $0.isExportedBehind && $0.export != nil } }

    /// Begins what is done once the builds have ended. Returns whether it will be. `command` is the only build and its words, where
    /// its export may be left until then.
    @discardableResult
    func follow(
        _ builds: [Build], docker: ByteString, _ globals: GlobalOptions, _ request: BuildCachePolicy.Request,
        command: (build: BuildInvocation, words: [ByteString])? = nil, inheriting flight: [Detached.Inheritance] = []
    ) -> Bool {
        guard builds.count >= looked, identities.count == looked else { return false }
        if let own { for build in identities { PendingExport.supersede(build, in: own.generation) } }
        let exported = zip(identities, exports).filter { request.exports && $0.1 != nil }.map(\.0.key)
        let behind = command.flatMap { exportBehind($0.build, $0.words, builds, docker: docker, request) }
        let aftermath = Aftermath(
            store: store, settings: settings, globals: globals, identities: identities, exported: exported,
            apart: Self.numbers(of: builds).max() ?? 0,
            recorder: settings.records && looked > 0 ? recorder(of: builds, docker: docker, globals, request) : nil,
            export: behind)
        // Docker's leases end with docker.
        return aftermath.begin(inheriting: behind == nil ? [] : leases.map(\.inheritance) + flight)
    }

    private func exportBehind(
        _ build: BuildInvocation, _ words: [ByteString], _ builds: [Build], docker: ByteString,
        _ request: BuildCachePolicy.Request
    ) -> ExportBehind? {
        guard isExportedBehind, request.exports, let identity = identities.first, let export = exports.first ?? nil,
            let directory = builds.first?.description.workingDirectory
        else { return nil }
        let imported = request.imports ? facts[0].found.map(BuildCachePolicy.option(importing:)) : nil
        return ExportBehind(
            build, words, as: identity, docker: docker, directory: directory, importing: imported,
            exportingTo: export, settings)
    }

    private func recorder(
        of builds: [Build], docker: ByteString, _ globals: GlobalOptions, _ request: BuildCachePolicy.Request
    ) -> BuildRecorder {
        let parts = (0..<looked).map { index in
            let found = request.imports && facts.indices.contains(index) ? facts[index].found : nil
            let newest = lookup.flatMap { $0.newest.indices.contains(index) ? $0.newest[index] : nil }
            return BuildRecorder.Part(
                target: builds[index].target, description: builds[index].description, identity: identities[index],
                hasImported: found != nil, relative: found == nil ? nil : newest,
                export: request.exports ? exports[index] : nil,
                keeper: keeper(of: builds, at: index, request))
        }
        return BuildRecorder(parts, docker: docker, globals, settings)
    }

    private func keeper(of builds: [Build], at index: Int, _ request: BuildCachePolicy.Request) -> FingerprintKeeper? {
        guard let fingerprint = builds[index].fingerprint, let cache else { return nil }
        return FingerprintKeeper(
            fingerprint: fingerprint, engine: cache.engine, cache: cache.records,
            former: unchanged.indices.contains(index) ? unchanged[index] : nil,
            export: request.exports ? exports[index]?.path : nil,
            standing: standingExports.indices.contains(index) ? standingExports[index] : nil)
    }

    /// Sees to one's own sub-store: what builds use stays longest, and now and then a background trim begins.
    func scheduleMaintenance() {
        guard let own else { return }
        for standingExports in standingExports.compactMap({ $0 }) { Generation.noteUse(of: standingExports) }
        for (build, (export, facts)) in zip(identities, zip(exports, facts)) where export == nil && facts.found != nil {
            own.generation.noteUse(by: build)
        }
        // Until it is trimmed nobody exports.
        let interval = isStoreFull ? min(settings.trimInterval, Self.fullInterval) : settings.trimInterval
        guard settings.trimsAutomatically, own.store.isTrimDue(interval: interval) else { return }
        var retention = Retention()
        retention.maximumSize = settings.trimBudget
        own.store.trimBehind(keeping: retention, interval: interval)
    }

    /// Between two trims of a store that is over its size.
    private static let fullInterval: Int64 = 300_000_000_000

    private static func deny(_ request: inout BuildCachePolicy.Request, _ note: Note) {
        request.imports = false
        request.exports = false
        request.notes.append(note)
    }

    private static func denyExport(_ request: inout BuildCachePolicy.Request, _ note: Note) {
        guard request.exports else { return }
        request.exports = false
        request.notes.append(note)
    }
}
