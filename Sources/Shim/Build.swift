internal import BuildCache
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// One build of a command, and what the command leaves to be asked for it.
struct Build {
    /// bake's name for it; nil for a build by itself.
    var target: ByteString?
    var description: BuildDescription
    var imports = true
    var exports = true
    /// By what it is known again; nil where that cannot be told.
    var fingerprint: BuildFingerprint?

    /// Tells apart the builds of a command that may share steps: by their contexts, or because one of them is made from another.
    /// The first of each kind has the number 0.
    static func numbers(of builds: [Build]) -> [Int] {
        func isLink(_ argument: ByteString) -> Bool {
            guard let value = argument.cut(at: "=")?.after else { return false }
            return value.hasPrefix("target:") || value.hasPrefix("service:")
        }
        let isLinked = builds.contains { $0.description.arguments.contains(where: isLink) }
        var counts: [ByteString: Int] = [:]
        return builds.map { build in
            guard case .directory(let path) = build.description.context else { return 0 }
            let kind = isLinked ? "" : path
            let number = counts[kind, default: 0]
            counts[kind] = number + 1
            return number
        }
    }
}

/// The builds of a command and what is known of them before any cache is looked at: in what the modes of their files differ from
/// git's, and which are made from the very files of the ones before.
struct KnownBuilds {
    private(set) var builds: [Build]
    /// How many there are; fewer are in `builds` where time was up.
    let total: Int
    /// What there is to say of the modes.
    private(set) var modes: Note?
    /// Of each build of which nothing has changed; none of builds that have not been looked at.
    private(set) var unchanged: [BuildFingerprint.Memory?] = []
    /// The engine that builds, and what it tells of its cache.
    private(set) var engine: (identifier: ByteString, cache: EngineCache)?
    /// Where the exports of unchanged builds stand: such a build need not export.
    private(set) var standing: [ByteString?] = []
    /// Whether a build's engine has all of it still: such a build need not import.
    private(set) var isImported: [Bool]
    private var areModesKnown = false
    private let settings: Settings
    private let purpose: Decision.Purpose
    private let budget: Budget

    /// What a look at a context's files may take besides the time that the engine takes to answer: 2,000 of them take 4 ms.
    private static let recognition: Int64 = 5_000_000

    /// `budget` is for all that comes before the store.
    init(_ builds: [Build], of total: Int, _ settings: Settings, _ purpose: Decision.Purpose, within budget: Budget) {
        self.builds = builds
        self.total = total
        self.settings = settings
        self.purpose = purpose
        self.budget = budget
        isImported = builds.map { _ in false }
    }

    /// Looks at the modes of the tracked files around the builds' contexts, once: in what they differ, the builds then know.
    mutating func lookAtModes() {
        guard !builds.isEmpty, !areModesKnown else { return }
        areModesKnown = true
        let contexts = builds.map { build in
            if case .directory(let path) = build.description.context { path } else { nil as ByteString? }
        }
        for (index, finding) in TreeModes.look(around: contexts, settings, purpose, within: budget).enumerated() {
            guard let finding, builds.indices.contains(index) else { continue }
            builds[index].description.modes = finding.difference
            modes = modes ?? finding.note
        }
    }

    /// Looks which builds are made from the very files of the ones before, once.
    mutating func recognize() {
        guard settings.records, unchanged.isEmpty, !builds.isEmpty else { return }
        let deadline = budget.share(nanoseconds: Self.recognition).deadline
        var trees = BuildFingerprint.Trees()
        unchanged = builds.map { $0.fingerprint?.recognized(among: &trees, until: deadline) }
    }

    /// Finds out which builds have no need of an import, for their engine has it, or of an export, for it has been made.
    mutating func compare(with builder: BuilderFacts, _ request: CacheRequest, exportingTo store: Store?) {
        recognize()
        guard let cache = builder.cache, let engine = builder.engine?.identifier else { return }
        self.engine = (engine, cache)
        unchanged = builds.indices.map { index in
            unchanged.indices.contains(index) && unchanged[index]?.engine == engine ? unchanged[index] : nil
        }
        standing = unchanged.map { known in store.flatMap { known?.standingExport(in: $0) } }
        guard request.imports, zip(builds, unchanged).contains(where: { $0.imports && $1?.records != nil }),
            let records = cache.records(within: cache.patience)
        else { return }
        for (index, (build, known)) in zip(builds, unchanged).enumerated() where build.imports {
            isImported[index] = known?.records.map { $0.areAmong(records) } ?? false
        }
    }

    /// Whether nothing has changed since this engine built the first of them.
    func isFirstUnchanged(on builder: BuilderFacts) -> Bool {
        let known = unchanged.first ?? nil
        return known != nil && known?.engine == builder.engine?.identifier
    }

    /// Whether the export of a build has been made already.
    func isExported(_ index: Int) -> Bool { standing.indices.contains(index) && standing[index] != nil }

    /// What is left behind of a build for the next one of its kind; nil where that cannot be known again.
    func keeper(at index: Int, exportingTo export: ByteString?) -> FingerprintKeeper? {
        guard let fingerprint = builds[index].fingerprint, let engine else { return nil }
        return FingerprintKeeper(
            fingerprint: fingerprint, engine: engine.identifier, cache: engine.cache,
            former: unchanged.indices.contains(index) ? unchanged[index] : nil, export: export,
            standing: standing.indices.contains(index) ? standing[index] : nil)
    }
}
