internal import CacheUnion
public import Formats
public import Notes

/// Decides which exports, and which of their layers, stay when a store is trimmed.
///
/// An export names every layer that its build made, had cached or imported. So the most recent export that names a
/// layer tells when the layer was last used. Exports are taken in the order of their use; each pays for the layers that
/// no earlier one has, until the budget is spent. So the least recently used chains go first, whoever named them first,
/// and shared layers are not counted twice.
public struct Retention: Equatable, Sendable {
    /// How many exports of each key stay at most, the most recently used first; nil for all.
    public var mostOfKey: Int?
    /// How many nanoseconds an export stays after its last use; nil for ever.
    public var maximumAge: Int64?
    /// How many bytes may stay, with the least recently used removed first; nil for all.
    public var maximumSize: UInt64?
    /// The only key to trim; nil for all.
    public var key: ByteString?
    /// Whether to remove everything.
    public var dropsAll = false

    /// Keeps everything that a build could find, however old and large.
    public init() {}

    /// Why an export is removed.
    public enum Cause: Equatable, Sendable {
        /// Exports of its key that were used later contain all of it, or there are enough of them.
        case superseded
        /// It does not fit into the union of its key, so no build would find it.
        case beyondUnion
        /// It has not been used for too long.
        case tooOld
        /// It does not fit into the budget.
        case overBudget
        /// Something that it needs is missing or wrong.
        case damaged(Note)
        /// Everything was to be removed.
        case asked

        /// One stable word, for programs.
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

    /// An export that is removed, or loses some of its layers.
    public struct Dropped: Equatable, Sendable {
        /// The name of its key's directory.
        public let key: ByteString
        /// The name of its own directory.
        public let export: ByteString
        /// Why.
        public let cause: Cause
    }

    /// An export that stays.
    struct Kept: Equatable {
        let name: ByteString
        /// Its new form, if not all of its layers stay.
        let shortened: ShortenedExport?
    }

    /// What was chosen.
    struct Choice {
        /// The exports that stay, by key.
        var kept: [ByteString: [Kept]] = [:]
        /// The blobs that they reach; those made for shortened exports are not in the pool yet.
        var blobs: Set<Digest> = []
        var dropped: [Dropped] = []
        /// Those of the kept exports that lose layers.
        var shortened: [Dropped] = []
        /// Bytes that stay although they exceed the budget: those of other keys than the one that is trimmed.
        var bytesOverBudget: UInt64 = 0
        /// The budget that the largest chain beyond the budget would need; 0 if there is none.
        var neededBudget: UInt64 = 0

        var keptCount: Int { kept.values.reduce(0) { $0 + $1.count } }
        /// The shortened exports to write.
        var made: [ShortenedExport] { kept.values.joined().compactMap(\.shortened) }
    }

    private struct Item {
        let key: ByteString
        let export: ExportRecord
        let mayGo: Bool
    }

    /// `graph` reads the manifest and config of an export; nil if no union can hold it.
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
            var remaining: [ExportRecord] = []
            for export in key.exports.sorted(by: { $0.isUsed(after: $1) }) {
                switch export.state {
                case .unfinished: continue
                case .damaged(let note): drop(export, .damaged(note))
                case .complete where mayGo && dropsAll: drop(export, .asked)
                case .complete:
                    if mayGo, let maximumAge, now &- export.used > maximumAge {
                        drop(export, .tooOld)
                    } else {
                        remaining.append(export)
                    }
                }
            }
            if mayGo {
                // A writer pushes what was made here. If exports from other hosts replaced its own, two writers would each rely on
                // the other, and both could stop pushing the same layers.
                let byPlace = remaining.filter { !$0.isFetched } + remaining.filter(\.isFetched)
                remaining = Self.found(byPlace, graph, drop).sorted { $0.isUsed(after: $1) }
                for export in remaining.dropFirst(mostOfKey ?? .max) { drop(export, .superseded) }
                remaining = Array(remaining.prefix(mostOfKey ?? .max))
            }
            items += remaining.map { Item(key: key.name, export: $0, mayGo: mayGo) }
        }
        fit(items, into: &choice, inventory, graph)
        return choice
    }

    /// The exports of a key in which a build would find something that the ones before them lack. The first one also
    /// counts if no union can hold it, because it is imported as it is.
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
    /// Order by use, the latest first; two exports of a key are never equal.
    func isUsed(after other: ExportRecord) -> Bool {
        (used, completed, name) > (other.used, other.completed, other.name)
    }
}
