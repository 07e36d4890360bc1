internal import CacheUnion
public import Formats
internal import Host
public import Notes

/// A published union, for people.
public struct UnionSummary: Sendable {
    /// Whose builds it serves: all builds, those of a repository, or those of a key.
    public enum Place: Equatable, Sendable {
        case store
        /// Some digits of the repository's digest.
        case repository(ByteString)
        /// The key's directory among the exports.
        case key(ByteString)
    }

    /// What it leaves out for one reason.
    public struct LeftOut: Equatable, Sendable {
        /// The reason.
        public let reason: Reason
        /// The number of exports, or of missing layers.
        public fileprivate(set) var count: Int
        /// One of them.
        public let example: ByteString
    }

    /// Whose builds it serves.
    public let place: Place
    /// The users whose exports may be in it.
    public let users: [UInt32]
    /// The number of exports in it.
    public let exports: Int
    /// The number of their keys.
    public let keys: Int
    /// The number of steps that it knows.
    public let records: Int
    /// The number of blobs to which these lead.
    public let layers: Int
    /// The size of its config in bytes.
    public let configBytes: Int
    /// The size of its manifest in bytes.
    public let manifestBytes: Int
    /// The number of separate manifests made from it for concurrent builds.
    public let apart: Int
    /// The size in bytes of all manifests and configs that it has in the pool.
    public let bytes: UInt64
    /// When its oldest export was completed, in nanoseconds since 1970.
    public let oldest: Int64
    /// When it was written, in nanoseconds since 1970.
    public let written: Int64
    /// The most frequent reason first.
    public private(set) var leftOut: [LeftOut] = []

    /// The unions of a generation: the wide ones, and then those of keys. `age` is how old exports of other
    /// repositories may be.
    static func all(of inventory: Inventory, othersUpTo age: Int64, now: Int64) -> [UnionSummary] {
        var reader = Preflight()
        return UnionRecord.all(in: inventory.generation).map { path, record in
            var summary = UnionSummary(record, at: path, in: inventory.generation)
            summary.noteExports(besides: record, of: inventory, othersUpTo: age, now: now, &reader)
            summary.noteLosses(of: record, in: inventory.generation, &reader)
            return summary
        }
    }

    /// The unions over several users' generations.
    static func all(over links: Generation) -> [UnionSummary] {
        var reader = Preflight()
        return UnionRecord.all(in: links).map { path, record in
            var summary = UnionSummary(record, at: path, in: links)
            summary.noteLosses(of: record, in: links, &reader)
            return summary
        }
    }

    private init(_ record: UnionRecord, at path: ByteString, in generation: Generation) {
        place = Self.place(of: path, in: generation)
        users = generation.sources.map(\.owner)
        exports = record.exportCount
        keys = record.exports.count
        records = record.records
        layers = record.layers
        configBytes = record.config.size
        manifestBytes = record.manifest.size
        apart = record.apart.count
        bytes = record.namedBlobs.reduce(0) { $0 &+ UInt64(clamping: $1.size) }
        oldest = record.oldest
        written = (try? Files.status(path, followLinks: false).modified) ?? 0
    }

    private static func place(of path: ByteString, in generation: Generation) -> Place {
        guard path.parentPath == generation.path else { return .key(path.parentPath.lastPathComponent) }
        let name = path.lastPathComponent.dropFirst(UnionRecord.name.count + 1)
        if name.isEmpty { return .store }
        return name.contains("-") ? .key(name) : .repository(name)
    }

    /// The exports that could be in it: all for the wide one, its own for that of a key. Exports of running or failed
    /// builds do not count.
    private mutating func noteExports(
        besides record: UnionRecord, of inventory: Inventory, othersUpTo age: Int64, now: Int64,
        _ reader: inout Preflight
    ) {
        for key in inventory.keys where isMade(for: key) {
            let known = record.exports[key.name] ?? []
            for export in key.exports where ExportName.number(of: export.name).map({ !known.contains($0) }) ?? false {
                let reason: Reason
                switch export.state {
                case .unfinished: continue
                case .damaged(let note): reason = note.reason
                case .complete where export.completed > written: reason = .unionNotMerged
                case .complete where place == .store && now &- export.completed > age: reason = .unionTooOld
                case .complete:
                    let path = inventory.generation.exportsPath.appending(path: key.name)
                        .appending(path: export.name)
                    reason = Self.canBeHeld(path, in: inventory.generation, &reader) ? .unionFull : .unionCannotHold
                }
                note(reason, key.name.appending(path: export.name))
            }
        }
    }

    private func isMade(for key: KeyRecord) -> Bool {
        switch place {
        case .store: return true
        case .key(let name): return key.name == name
        case .repository(let tag):
            guard let repository = key.description?[key: "repository"]?.string else { return false }
            return Slug.tag(of: repository, digits: tag.count) == tag
        }
    }

    private static func canBeHeld(_ path: ByteString, in generation: Generation, _ reader: inout Preflight) -> Bool {
        let manifest = try? reader.manifest(ofExport: path, in: generation)
        let contents = manifest.flatMap { try? reader.contents(of: $0, in: generation) }
        return contents?.graph != nil
    }

    /// Layers that it names but that no longer exist: builds do without them.
    private mutating func noteLosses(of record: UnionRecord, in generation: Generation, _ reader: inout Preflight) {
        do throws(StoreError) {
            let contents = try reader.contents(of: record.manifest, in: generation)
            for layer in contents.layers {
                do throws(StoreError) {
                    try Preflight.checkLayer(layer, in: generation)
                } catch {
                    note(error.note.reason, layer.digest.name)
                }
            }
        } catch {
            note(error.note.reason, record.manifest.digest.name)
        }
    }

    private mutating func note(_ reason: Reason, _ example: ByteString) {
        if let index = leftOut.firstIndex(where: { $0.reason == reason }) {
            leftOut[index].count += 1
        } else {
            leftOut.append(LeftOut(reason: reason, count: 1, example: example))
        }
        leftOut.sort { ($0.count, $1.reason.rawValue) > ($1.count, $0.reason.rawValue) }
    }
}
