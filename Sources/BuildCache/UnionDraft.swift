internal import CacheUnion
internal import Formats
internal import Host
internal import Notes

/// Where the record of a union is stored: the wider its scope, the more builds share it.
public enum UnionScope: Sendable {
    /// All exports of a generation.
    case store
    /// The exports of one repository.
    case repository
    /// The exports of one key.
    case key
}

extension Generation {
    /// The record of the union that serves a key in a scope.
    func unionPath(_ scope: UnionScope, _ key: Key) -> ByteString {
        switch scope {
        case .store: path.appending(path: UnionRecord.name)
        case .repository: path.appending(path: UnionRecord.name + "-" + Slug.tag(of: key.repository, digits: 16))
        case .key where !lenders.isEmpty: path.appending(path: UnionRecord.name + "-" + key.directoryName)
        case .key: keyPath(key).appending(path: UnionRecord.name)
        }
    }
}

/// An export with an index.
struct CompleteExport: OfVariant, Equatable, Sendable {
    let generation: Generation
    /// The name of its key's directory.
    let key: ByteString
    /// The name of its own directory.
    let name: ByteString
    let variant: Variant
    let number: UInt64
    /// When its index was written, in nanoseconds since 1970.
    let completed: Int64

    /// nil as long as there is no valid index: failed builds leave none.
    init?(_ name: ByteString, number: UInt64, of key: ByteString, in generation: Generation) {
        let path = generation.exportsPath.appending(path: key).appending(path: name)
        guard let variant = ExportName(name)?.variant,
            let index = try? Files.status(path.appending(path: Export.index), followLinks: false),
            index.kind == .regular, index.owner == generation.owner, index.size > 0
        else { return nil }
        self.generation = generation
        self.key = key
        self.name = name
        self.variant = variant
        self.number = number
        completed = index.modified
    }

    var path: ByteString { generation.exportsPath.appending(path: key).appending(path: name) }
}

/// A union that has been made but not written yet.
struct UnionDraft {
    private static let limit = CacheGraph.Limit()

    let manifest: ByteString
    private let config: ByteString
    /// The digits of the layers' digests.
    private let layers: [ByteString]
    /// Whether all exports fit into it.
    let isWhole: Bool
    /// Whether its content equals that of the former union, although it is made from more exports.
    private let isWritten: Bool
    private(set) var record: UnionRecord

    /// A published union that is the base of a new one.
    struct Base {
        let record: UnionRecord
        /// nil if nothing can be added to its content.
        let graph: CacheGraph?
    }

    /// An export to be added.
    struct Added {
        let export: CompleteExport
        let graph: CacheGraph
    }

    /// Why no union was made.
    enum DraftError: Error {
        /// It would hold nothing that its base does not.
        case nothingNew
        /// The same, because its base is full.
        case noRoom
        /// It is larger than an importer should be given.
        case tooLarge
    }

    /// The combined content of `base`, or of several unions of different generations, and these exports. It leaves out
    /// layers that are `missing` from the pool, and all steps whose links lead through them. Without a base it may
    /// still replace a `former` union.
    init(
        _ base: Base?, others: [Base] = [], _ exports: [Added], without missing: [Digest] = [],
        replacing former: UnionRecord? = nil
    ) throws(DraftError) {
        var graphs = base?.graph.map { [$0] } ?? []
        let isAdding = !graphs.isEmpty
        var taken = isAdding ? base?.record.exports ?? [:] : [:]
        var oldest = isAdding ? base?.record.oldest ?? .max : .max
        for other in others {
            guard let graph = other.graph else { continue }
            graphs.append(graph)
            taken.merge(other.record.exports) { $0.union($1) }
            oldest = min(oldest, other.record.oldest)
        }
        var sources: [CompleteExport?] = graphs.map { _ in nil }
        for added in exports {
            graphs.append(added.graph)
            sources.append(added.export)
        }
        guard !graphs.isEmpty else { throw .nothingNew }
        var (union, leftOut) = CacheGraph.union(of: graphs, limit: Self.limit)
        isWhole = leftOut.isEmpty
        // Otherwise it would be unclear which of its sources it contains.
        guard leftOut.allSatisfy({ sources[$0] != nil }) else { throw .tooLarge }
        let without = Set(leftOut)
        for (place, export) in sources.enumerated() where !without.contains(place) {
            guard let export else { continue }
            taken[export.key, default: []].insert(export.number)
            oldest = min(oldest, export.completed)
        }
        guard !missing.isEmpty || taken != base?.record.exports else { throw isWhole ? .nothingNew : .noRoom }
        if !missing.isEmpty {
            let missing = Set(missing)
            union = union.keepingLayers { !missing.contains($0.digest) }
        }
        guard !union.isEmpty else { throw .nothingNew }
        layers = union.layers.map(\.digest.hex)
        config = union.config
        let manifest = union.manifest(of: config)
        self.manifest = manifest.text
        guard config.count <= Self.limit.configBytes, self.manifest.count <= Self.limit.manifestBytes else {
            throw .tooLarge
        }
        record = UnionRecord(
            manifest: Preflight.Blob(digest: Digest(of: self.manifest), size: self.manifest.count),
            config: Preflight.Blob(manifest.config),
            records: union.recordCount, layers: union.layers.count, oldest: oldest)
        record.exports = taken
        isWritten = base?.record.manifest == record.manifest
        let former = base?.record ?? former
        record.former = former?.former ?? [:]
        let now = Clock.now
        if isWritten { record.apart = base?.record.apart ?? [] }
        for blob in former?.named ?? [] { record.former[blob] = now }
        for blob in record.named { record.former[blob] = nil }
    }

    /// Its blobs besides layers.
    var texts: [(blob: Preflight.Blob, text: ByteString)] { [(record.config, config), (record.manifest, manifest)] }

    /// Forgets what was replaced before a time, and returns it.
    mutating func forget(before time: Int64) -> [Digest] {
        let old = record.former.filter { $0.value < time }.map(\.key)
        for blob in old { record.former[blob] = nil }
        return old
    }

    /// Puts the union into a generation's pool, where it is as valid as any export's manifest, and then writes its
    /// record to each place. If killed at any point, this leaves either the former union or this one.
    func write(in generation: Generation, to places: [ByteString], mostLinks: Int = .max) throws(Errno) {
        if !generation.lenders.isEmpty { try generation.link(layers, most: mostLinks) }
        let mode = try Files.status(generation.path, followLinks: false).mode
        for (blob, text) in texts {
            // Nothing is new: leave the pool's modification time unchanged, so that nobody has to walk it again.
            if isWritten { continue }
            try Files.replace(generation.blobPath(blob.digest), with: text, mode: mode & 0o444)
        }
        for place in places { try Files.replace(place, with: record.text, mode: mode & 0o644) }
    }
}
