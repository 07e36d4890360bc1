internal import CacheUnion
internal import Formats
internal import Host
internal import Notes

/// One export of a generation, as trimming and people see it.
struct ExportRecord: OfVariant, Sendable {
    /// Its condition.
    enum State: Sendable, Equatable {
        /// Everything that it needs exists.
        case complete
        /// It has no readable index: its build is still running, or failed.
        case unfinished
        /// Something that it needs is missing or wrong.
        case damaged(Note)
    }

    /// The name of its directory below the key's.
    let name: ByteString
    /// Branch and build arguments, as tags.
    let variant: Variant
    /// When its index was written, in nanoseconds since 1970, never later than now; without an index, when its build
    /// started.
    let completed: Int64
    /// When a build last used its layers, if known; in the same unit, and never before it was complete.
    let used: Int64
    /// Its condition.
    let state: State
    /// Manifest, layers and config, in this order; empty unless it is complete.
    let blobs: [Digest]
    /// The record files beside it.
    var records: [File] = []
    /// Whether another host made it.
    var isFetched = false

    /// A file by its inode, since equal records may be one file.
    struct File: Sendable {
        let inode: UInt64
        let bytes: UInt64
    }
}

/// The exports of one key.
struct KeyRecord: Sendable {
    /// The name of its directory among the exports.
    let name: ByteString
    /// The key in words, as the first build wrote it; nil if it cannot be read.
    let description: JSON?
    /// When a build last used it, in nanoseconds since 1970, if known.
    let lastUsed: Int64
    /// In no particular order.
    let exports: [ExportRecord]
}

/// The files in a generation's pool.
struct Pool: Sendable {
    /// A regular file named after a digest.
    struct File {
        let size: Int
        /// Whether its owner owns it and can read it, and no one else can write it.
        let isSound: Bool
    }

    private(set) var files: [Digest: File] = [:]
    /// Bytes of files that are not blobs.
    private(set) var strangers: UInt64 = 0

    init(files: [Digest: File]) { self.files = files }

    init(of generation: Generation) throws(StoreError) {
        for name in try Inventory.names(in: generation.poolPath) {
            guard let status = try Inventory.status(generation.poolPath.appending(path: name)) else { continue }
            if let digest = Digest(hex: name.bytes), status.kind == .regular {
                files[digest] = File(
                    size: max(0, status.size),
                    isSound: status.owner == generation.owner && !status.isWritableByOthers && status.mode & 0o400 != 0)
            } else {
                strangers &+= UInt64(max(0, status.size))
            }
        }
    }

    /// Bytes of all files.
    var bytes: UInt64 { bytes(of: files.keys) &+ strangers }

    /// Bytes of some blobs.
    func bytes(of digests: some Sequence<Digest>) -> UInt64 {
        digests.reduce(into: 0) { $0 &+= UInt64(files[$1]?.size ?? 0) }
    }
}

/// Everything in one generation: its exports and its pool.
struct Inventory: Sendable {
    /// The generation that was read.
    let generation: Generation
    /// The keys, by name.
    private(set) var keys: [KeyRecord] = []
    /// The blobs.
    let pool: Pool

    /// The blobs of unions in the pool that are not layers.
    let unions: Set<Digest>

    /// Reads a whole generation. Throws if its pool or its exports cannot be read: then nothing is known about it.
    init(of generation: Generation, now: Int64) throws(StoreError) {
        self.generation = generation
        unions = Set(UnionRecord.all(in: generation).flatMap(\.record.blobs))
        pool = try Pool(of: generation)
        var reader = ExportReader(generation: generation, pool: pool, now: now)
        for name in try Self.names(in: generation.exportsPath).sorted() where KeyRecord.isName(name) {
            if let key = try reader.key(name) { keys.append(key) }
        }
    }

    /// From its parts.
    init(generation: Generation, keys: [KeyRecord], pool: Pool, unions: Set<Digest> = []) {
        self.generation = generation
        self.keys = keys
        self.pool = pool
        self.unions = unions
    }

    /// The cache graph of a complete export; nil if no union can hold it. The export has been checked, so this does
    /// not check again.
    func graph(of export: ExportRecord) -> CacheGraph? {
        guard let manifest = export.blobs.first.flatMap(text).flatMap({ CacheManifest($0) }),
            let config = export.blobs.last.flatMap(text)
        else { return nil }
        return CacheGraph(manifest: manifest, config: config)
    }

    private func text(of blob: Digest) -> ByteString? {
        try? Files.read(generation.blobPath(blob), limit: CacheManifest.largestBlob, followLinks: false)
    }

    /// Throws if a directory cannot be read to its end: what is missing from an inventory gets deleted.
    fileprivate static func names(in path: ByteString) throws(StoreError) -> [ByteString] {
        do throws(Errno) {
            return try Files.names(in: path, limit: .max)
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }

    /// nil if nothing exists there any more; throws if that cannot be determined.
    fileprivate static func status(_ path: ByteString) throws(StoreError) -> FileStatus? {
        do throws(Errno) {
            return try Files.status(path, followLinks: false)
        } catch {
            guard error == .noSuchFile || error == .notDirectory else {
                throw StoreError(.storeUnreadable, path, error)
            }
            return nil
        }
    }

    /// The blobs that these exports reach.
    func reached(by exports: some Sequence<ExportRecord>) -> Set<Digest> {
        exports.reduce(into: []) { $0.formUnion($1.blobs) }
    }

    /// Whether builds that started before a time, in nanoseconds since 1970, have left exports without an index.
    func holdsFailures(before time: Int64) -> Bool {
        keys.contains { $0.exports.contains { $0.state == .unfinished && $0.completed < time } }
    }

    /// Bytes in the pool.
    var bytes: UInt64 { pool.bytes }

    /// Bytes that complete exports and their unions reach.
    var liveBytes: UInt64 { pool.bytes(of: reached(by: keys.lazy.flatMap(\.exports)).union(unions)) }
}

extension KeyRecord {
    /// Whether a name can be a key's: anything else among the exports is foreign.
    static func isName(_ name: ByteString) -> Bool {
        name.count <= 64 && !name.hasPrefix(".")
            && name.bytes.allSatisfy {
                (0x61...0x7A).contains($0) || $0.isDigit || [0x2D, 0x2E, 0x5F].contains($0)
            }
    }
}

/// Reads exports; a manifest that many exports share is checked only once.
private struct ExportReader {
    let generation: Generation
    let pool: Pool
    let now: Int64
    private var preflight = Preflight()
    private var checked: [Digest: Result<[Digest], StoreError>] = [:]

    init(generation: Generation, pool: Pool, now: Int64) {
        self.generation = generation
        self.pool = pool
        self.now = now
    }

    mutating func key(_ name: ByteString) throws(StoreError) -> KeyRecord? {
        let path = generation.exportsPath.appending(path: name)
        guard let status = try Inventory.status(path), status.kind == .directory, status.owner == generation.owner
        else {
            return nil
        }
        var exports: [ExportRecord] = []
        for name in try Inventory.names(in: path) {
            guard let export = ExportName(name) else { continue }
            exports.append(try record(name, export, at: path.appending(path: name)))
        }
        let words = try? Files.read(path.appending(path: Generation.keyRecord), limit: 65_536, followLinks: false)
        let lastUsed = exports.filter { $0.state == .complete }.map(\.used).max() ?? 0
        return KeyRecord(
            name: name, description: words.flatMap { JSON($0) }, lastUsed: lastUsed, exports: exports)
    }

    private mutating func record(
        _ name: ByteString, _ export: ExportName, at path: ByteString
    ) throws(StoreError) -> ExportRecord {
        let index = try Inventory.status(path.appending(path: Export.index))
        let completed = min(index?.modified ?? export.started &* 1_000_000_000, now)
        func record(_ state: ExportRecord.State, _ blobs: [Digest] = [], used: Int64? = nil) -> ExportRecord {
            ExportRecord(
                name: name, variant: export.variant, completed: completed,
                used: max(completed, min(used ?? completed, now)),
                state: state, blobs: blobs)
        }
        do throws(StoreError) {
            let used = try? Files.status(path.appending(path: Export.usedRecord), followLinks: false)
            var record = record(.complete, try blobs(ofExport: path), used: used?.modified)
            record.isFetched = export.variant.isFetched && Export.origin(of: path) != nil
            record.records = Export.recordNames.compactMap { name in
                let file = try? Files.status(path.appending(path: name), followLinks: false)
                return file.map { ExportRecord.File(inode: $0.inode, bytes: UInt64(max(0, $0.size))) }
            }
            return record
        } catch {
            // BuildKit writes the index in place, so an incomplete one may still be in progress.
            return record(error.note.reason == .exportIncomplete ? .unfinished : .damaged(error.note))
        }
    }

    private mutating func blobs(ofExport path: ByteString) throws(StoreError) -> [Digest] {
        let manifest = try preflight.manifest(ofExport: path, in: generation)
        let digest = manifest.digest
        if let known = checked[digest] { return try known.get() }
        do throws(StoreError) {
            var blobs = [digest]
            let all = try preflight.check(manifest, in: generation) { [pool] (layer) throws(StoreError) in
                guard let file = pool.files[layer.digest], file.isSound, file.size == layer.size else {
                    throw StoreError(.layerRejected, layer.digest.name)
                }
                blobs.append(layer.digest)
            }
            // The second is the cache's config.
            blobs += all.dropFirst().prefix(1).map(\.digest)
            checked[digest] = .success(blobs)
            return blobs
        } catch {
            checked[digest] = .failure(error)
            throw error
        }
    }
}
