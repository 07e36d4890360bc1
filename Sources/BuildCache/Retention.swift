public import Formats
public import Notes

/// Which exports stay when a store is trimmed.
public struct Retention: Equatable, Sendable {
    /// How many of the newest stay of each key and variant.
    public var newest = 3
    /// Nanoseconds after its last use that an export stays; nil for ever.
    public var maximumAge: Int64?
    /// Bytes that may stay, least recently used out first; nil for all.
    public var maximumSize: UInt64?
    /// The one key that is trimmed; nil for all.
    public var key: ByteString?
    /// Nothing stays.
    public var dropsAll = false

    /// Three of each, however old and large.
    public init() {}

    /// Why an export goes.
    public enum Cause: Equatable, Sendable {
        /// There are enough newer ones of its key and variant.
        case superseded
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
            case .tooOld: "too-old"
            case .overBudget: "over-budget"
            case .damaged: "damaged"
            case .asked: "asked"
            }
        }
    }

    /// An export that goes.
    public struct Dropped: Equatable, Sendable {
        /// Its key's directory.
        public let key: ByteString
        /// Its own directory.
        public let export: ByteString
        /// Why.
        public let cause: Cause
    }

    /// What was chosen.
    struct Choice {
        /// Names of exports that stay, by key.
        var kept: [ByteString: [ByteString]] = [:]
        var blobs: Set<Digest> = []
        var dropped: [Dropped] = []
        /// Bytes of what stays although it is more than the budget: the export that was used last stays in any case.
        var bytesOverBudget: UInt64 = 0

        var keptCount: Int { kept.values.reduce(0) { $0 + $1.count } }
    }

    private struct Item {
        let key: ByteString
        let export: ExportRecord
        let used: Int64
        let mayGo: Bool
    }

    func choose(from inventory: Inventory, now: Int64) -> Choice {
        var choice = Choice()
        var items: [Item] = []
        for key in inventory.keys {
            let mayGo = self.key == nil || self.key == key.name
            var seen: [ByteString: Int] = [:]
            for export in key.exports.sorted(by: { ($0.completed, $0.name) > ($1.completed, $1.name) }) {
                func drop(_ cause: Cause) {
                    choice.dropped.append(Dropped(key: key.name, export: export.name, cause: cause))
                }
                switch export.state {
                case .unfinished: continue
                case .damaged(let note):
                    drop(.damaged(note))
                    continue
                case .complete: break
                }
                let variant = export.variant.branch + "." + export.variant.arguments
                let newer = seen[variant, default: 0]
                seen[variant] = newer + 1
                // What a key was used for is its newest export of a variant, as far as is known.
                let used = newer == 0 ? max(export.completed, key.lastUsed) : export.completed
                if mayGo && dropsAll {
                    drop(.asked)
                } else if mayGo && newer >= newest {
                    drop(.superseded)
                } else if mayGo, let maximumAge, now &- used > maximumAge {
                    drop(.tooOld)
                } else {
                    items.append(Item(key: key.name, export: export, used: used, mayGo: mayGo))
                }
            }
        }
        fit(items, into: &choice, inventory)
        return choice
    }

    private func fit(_ items: [Item], into choice: inout Choice, _ inventory: Inventory) {
        let budget = maximumSize ?? .max
        var bytes: UInt64 = 0
        var isFull = false
        for item in items.sorted(by: { ($0.mayGo ? 1 : 0, $1.used) < ($1.mayGo ? 1 : 0, $0.used) }) {
            let added = inventory.pool.bytes(of: Set(item.export.blobs.filter { !choice.blobs.contains($0) }))
            isFull = isFull || (item.mayGo && bytes &+ added > budget && !choice.kept.isEmpty)
            // One that adds nothing costs nothing.
            if isFull && item.mayGo && added > 0 {
                choice.dropped.append(Dropped(key: item.key, export: item.export.name, cause: .overBudget))
                continue
            }
            bytes &+= added
            choice.kept[item.key, default: []].append(item.export.name)
            choice.blobs.formUnion(item.export.blobs)
        }
        choice.bytesOverBudget = bytes > budget ? bytes - budget : 0
    }
}
