internal import CacheUnion
public import Formats
public import Notes

/// Which exports stay when a store is trimmed, and which of their layers.
///
/// An export names every layer that its build made, had cached or imported, so the last export that names a layer tells when that was
/// used last. Exports are taken in the order of their use, each paying for what none before it has, until the budget is spent: so
/// chains go least recently used first, whoever named them first, and equal ones cost nothing twice.
public struct Retention: Equatable, Sendable {
    /// How many exports of each key stay at most, the last used; nil for all.
    public var mostOfKey: Int?
    /// Nanoseconds after its last use that an export stays; nil for ever.
    public var maximumAge: Int64?
    /// Bytes that may stay, least recently used out first; nil for all.
    public var maximumSize: UInt64?
    /// The one key that is trimmed; nil for all.
    public var key: ByteString?
    /// Nothing stays.
    public var dropsAll = false

    /// All that a build could find, however old and large.
    public init() {}

    /// Why an export goes.
    public enum Cause: Equatable, Sendable {
        /// Exports of its key that were used later hold all of it, or there are enough of them.
        case superseded
        /// The union of its key has no room for it, so no build would find it.
        case beyondUnion
        /// Not used for too long.
        case tooOld
        /// No room for it in the budget.
        case overBudget
        /// Something that it needs is missing or wrong.
        case damaged(Note)
        /// Everything was to go.
        case asked

        /// One word, stable, for programs.
        public var name: ByteString {
            switch self {
            case .superseded: "superseded"
            case .beyondUnion: "beyond-union"
            case .tooOld: "too-old"
            case .overBudget: "over-budget"
            case .damaged: "damaged"
            case .asked: "asked"
            }
        }
    }

    /// An export that goes, or loses some of its layers.
    public struct Dropped: Equatable, Sendable {
        /// Its key's directory.
        public let key: ByteString
        /// Its own directory.
        public let export: ByteString
        /// Why.
        public let cause: Cause
    }

    /// An export that stays.
    struct Kept: Equatable {
        let name: ByteString
        /// What it is from now on, where not all of its layers stay.
        let shortened: ShortenedExport?
    }

    /// What was chosen.
    struct Choice {
        /// Exports that stay, by key.
        var kept: [ByteString: [Kept]] = [:]
        /// What they reach; what is made for shortened ones is not in the pool yet.
        var blobs: Set<Digest> = []
        var dropped: [Dropped] = []
        /// Those among the kept that lose layers.
        var shortened: [Dropped] = []
        /// Bytes of what stays although it is more than the budget: other keys than the one that is trimmed.
        var bytesOverBudget: UInt64 = 0
        /// What the budget would have to be for the largest chain that is more than it; 0 where none is.
        var neededBudget: UInt64 = 0

        var keptCount: Int { kept.values.reduce(0) { $0 + $1.count } }
        /// What is made for shortened exports.
        var made: [ShortenedExport] { kept.values.joined().compactMap(\.shortened) }
    }

    private struct Item {
        let key: ByteString
        let export: ExportRecord
        let mayGo: Bool
    }

    /// `graph` reads what an export's manifest and config say; nil for what no union can hold.
    func choose(
        from inventory: Inventory, now: Int64, graph: ((ExportRecord) -> CacheGraph?)? = nil
    ) -> Choice {
        let graph = graph ?? inventory.graph
        var choice = Choice()
        var items: [Item] = []
        for key in inventory.keys {
            let mayGo = self.key == nil || self.key == key.name
            func drop(_ export: ExportRecord, _ cause: Cause) {
                choice.dropped.append(Dropped(key: key.name, export: export.name, cause: cause))
            }
            var standing: [ExportRecord] = []
            for export in key.exports.sorted(by: { $0.isUsed(after: $1) }) {
                switch export.state {
                case .unfinished: continue
                case .damaged(let note): drop(export, .damaged(note))
                case .complete where mayGo && dropsAll: drop(export, .asked)
                case .complete:
                    if mayGo, let maximumAge, now &- export.used > maximumAge {
                        drop(export, .tooOld)
                    } else {
                        standing.append(export)
                    }
                }
            }
            if mayGo {
                standing = Self.found(standing, graph, drop)
                for export in standing.dropFirst(mostOfKey ?? .max) { drop(export, .superseded) }
                standing = Array(standing.prefix(mostOfKey ?? .max))
            }
            items += standing.map { Item(key: key.name, export: $0, mayGo: mayGo) }
        }
        fit(items, into: &choice, inventory, graph)
        return choice
    }

    /// Those of a key's exports of which a build would find something that it does not find in the others. The last used one is imported
    /// as it is where no union can hold it.
    private static func found(
        _ exports: [ExportRecord], _ graph: (ExportRecord) -> CacheGraph?, _ drop: (ExportRecord, Cause) -> Void
    ) -> [ExportRecord] {
        guard exports.count > 1 else { return exports }
        var coverage = CacheGraph.Coverage()
        var manifests: Set<Digest> = []
        var found: [ExportRecord] = []
        for (place, export) in exports.enumerated() {
            guard let manifest = export.blobs.first, manifests.insert(manifest).inserted else {
                drop(export, .superseded)
                continue
            }
            let graph = graph(export)
            let isNew = graph.map { coverage.add($0) }
            if place == 0 || isNew == true {
                found.append(export)
            } else {
                drop(export, isNew == false ? .superseded : .beyondUnion)
            }
        }
        guard !coverage.fits() else { return found }
        let ordered = found.firstOfEachVariant
        let leftOut = CacheGraph.union(of: ordered.map { graph($0) ?? CacheGraph() }, limit: .init()).leftOut
        let names = Set(leftOut.filter { $0 > 0 }.map { ordered[$0].name })
        return found.filter { export in
            guard names.contains(export.name) else { return true }
            drop(export, .beyondUnion)
            return false
        }
    }

    private func fit(
        _ items: [Item], into choice: inout Choice, _ inventory: Inventory, _ graph: (ExportRecord) -> CacheGraph?
    ) {
        var ledger = Ledger(budget: maximumSize ?? .max, pool: inventory.pool)
        var isFull = false
        for item in items.sorted(by: { $0.mayGo == $1.mayGo ? $0.export.isUsed(after: $1.export) : !$0.mayGo }) {
            let isNew = !item.export.blobs.allSatisfy { ledger.blobs.contains($0) }
            let cost = ledger.cost(of: item.export, item.export.blobs)
            if !item.mayGo || (ledger.bytes &+ cost <= ledger.budget && !(isFull && isNew)) {
                ledger.take(item.export, item.export.blobs, cost)
                choice.kept[item.key, default: []].append(Kept(name: item.export.name, shortened: nil))
                continue
            }
            let dropped = Dropped(key: item.key, export: item.export.name, cause: .overBudget)
            guard !isFull else {
                choice.dropped.append(dropped)
                continue
            }
            let fitting = ledger.fitting(item.export, graph(item.export))
            choice.neededBudget = max(choice.neededBudget, fitting.neededBudget)
            isFull = fitting.isFull
            if let shortened = fitting.shortened {
                ledger.take(item.export, shortened)
                choice.kept[item.key, default: []].append(Kept(name: item.export.name, shortened: shortened))
                choice.shortened.append(dropped)
            } else {
                choice.dropped.append(dropped)
            }
        }
        choice.blobs = ledger.blobs
        choice.bytesOverBudget = ledger.bytes > ledger.budget ? ledger.bytes - ledger.budget : 0
    }
}

extension ExportRecord {
    /// Order by use, the last first; never equal for two exports of a key.
    func isUsed(after other: ExportRecord) -> Bool {
        (used, completed, name) > (other.used, other.completed, other.name)
    }
}
