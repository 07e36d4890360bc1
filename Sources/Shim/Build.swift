internal import BuildCache
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// One build of a command, and what the command permits for it.
struct Build {
    /// Its target's name in bake; nil for a single build.
    var target: ByteString?
    var description: BuildDescription
    var imports = true
    var exports = true
    /// What later builds recognize it by; nil if it cannot be recognized.
    var fingerprint: BuildFingerprint?

    /// Numbers the builds of a command that may share steps, because they have the same context or because one is made
    /// from another. The first of each group is number 0.
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

/// The builds of a command, and what is known about them before any cache is read: how the modes of their files differ
/// from git's, and which of them have not changed since an earlier build.
struct KnownBuilds {
    private(set) var builds: [Build]
    /// How many builds the command makes; `builds` has fewer if time ran out.
    let total: Int
    /// The note about modes, if there is one.
    private(set) var modes: Note?
    /// For each build that has not changed, what is remembered of the earlier one; empty until `recognize` has run.
    private(set) var unchanged: [BuildFingerprint.Memory?] = []
    /// The engine that builds, and its cache.
    private(set) var engine: (identifier: ByteString, cache: EngineCache)?
    /// For each unchanged build, where its earlier export is now; such a build does not export again.
    private(set) var standing: [ByteString?] = []
    /// Whether the engine still has everything that a build would import.
    private(set) var isImported: [Bool]
    private var areModesKnown = false
    private let settings: Settings
    private let purpose: Decision.Purpose
    private let budget: Budget

    /// Time limit for comparing the files of contexts, in nanoseconds, not counting the time that the engine takes to
    /// answer: 2,000 files take 4 ms.
    private static let recognition: Int64 = 5_000_000

    /// `budget` covers everything that comes before reading the store.
    init(_ builds: [Build], of total: Int, _ settings: Settings, _ purpose: Decision.Purpose, within budget: Budget) {
        self.builds = builds
        self.total = total
        self.settings = settings
        self.purpose = purpose
        self.budget = budget
        isImported = builds.map { _ in false }
    }

    /// Compares the modes of the tracked files around the builds' contexts with git's, once, and stores the differences
    /// in the builds.
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

    /// Finds, once, the builds whose files have not changed since an earlier build.
    mutating func recognize() {
        guard settings.records, unchanged.isEmpty, !builds.isEmpty else { return }
        let deadline = budget.share(nanoseconds: Self.recognition).deadline
        var trees = BuildFingerprint.Trees()
        unchanged = builds.map { $0.fingerprint?.recognized(among: &trees, until: deadline) }
    }

    /// Finds the builds that need no import, because the engine has everything, and those that need no export, because
    /// it exists.
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

    /// Whether nothing in the first build has changed since this engine last built it.
    func isFirstUnchanged(on builder: BuilderFacts) -> Bool {
        let known = unchanged.first ?? nil
        return known != nil && known?.engine == builder.engine?.identifier
    }

    /// Whether a build's export already exists.
    func isExported(_ index: Int) -> Bool { standing.indices.contains(index) && standing[index] != nil }

    /// What records a build for the next one of its kind; nil if the next one could not recognize it.
    func keeper(at index: Int, exportingTo export: ByteString?) -> FingerprintKeeper? {
        guard let fingerprint = builds[index].fingerprint, let engine else { return nil }
        return FingerprintKeeper(
            fingerprint: fingerprint, engine: engine.identifier, cache: engine.cache,
            former: unchanged.indices.contains(index) ? unchanged[index] : nil, export: export,
            standing: standing.indices.contains(index) ? standing[index] : nil)
    }
}
