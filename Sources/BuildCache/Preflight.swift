internal import CacheUnion
internal import Formats
internal import Host
internal import Notes

/// Checks that a manifest is safe to import. A manifest with a missing or wrong layer makes builds fail and damages
/// engines, and nothing can be retried after exec: anything in doubt is left out.
struct Preflight {
    private var indexesLeft: Int
    private var bytesLeft: Int
    private let deadline: Deadline

    /// A build has limits: what takes longer to find out is not worth its time.
    init(indexes: Int = .max, bytes: Int = .max, until deadline: Deadline = .never) {
        indexesLeft = indexes
        bytesLeft = bytes
        self.deadline = deadline
    }

    private static let largestIndex = 65_536

    /// The digest that an export's index names.
    mutating func manifest(ofExport path: ByteString, in generation: Generation) throws(StoreError) -> Blob {
        indexesLeft -= 1
        let path = path.appending(path: Export.index)
        let text = try read(path, owner: generation.owner, limit: Self.largestIndex, else: .exportIncomplete)
        guard let last = JSON(text, until: deadline)?[field: "manifests"]?.array?.last else {
            throw StoreError(deadline.hasPassed ? .storeSearchCut : .exportIncomplete, path)
        }
        guard let manifest = LayerDescriptor(last) else {
            let isNamed = last[field: "digest"]?.string.map { Digest($0) == nil } ?? false
            throw StoreError(isNamed ? .manifestRejected : .exportIncomplete, path)
        }
        return Blob(manifest)
    }

    /// A blob named by a manifest or a record.
    struct Blob: Equatable {
        let digest: Digest
        let size: Int

        init(digest: Digest, size: Int) {
            self.digest = digest
            self.size = size
        }

        init(_ descriptor: LayerDescriptor) { self.init(digest: descriptor.digest, size: descriptor.size) }
    }

    /// Checks manifest, config and layers: the first two by their digests, layers by place, kind, owner, size and mode.
    /// BuildKit checks the content of layers. Returns all of them.
    @discardableResult
    mutating func check(_ manifest: Blob, in generation: Generation) throws(StoreError) -> [Blob] {
        try check(manifest, in: generation) { [deadline] (layer) throws(StoreError) in
            guard !deadline.hasPassed else { throw StoreError(.storeSearchCut, manifest.digest.name) }
            try Self.checkLayer(layer, in: generation)
        }
    }

    /// The same with another way to check a layer: a caller that has read the whole pool need not look again.
    mutating func check(
        _ manifest: Blob, in generation: Generation, checkLayer: (Blob) throws(StoreError) -> Void
    ) throws(StoreError) -> [Blob] {
        let contents = try contents(of: manifest, in: generation)
        for layer in contents.layers { try checkLayer(layer) }
        return [manifest, contents.config] + contents.layers
    }

    /// A manifest and the content of its config.
    struct Contents {
        let manifest: CacheManifest
        let configText: ByteString

        var config: Blob { Blob(manifest.config) }
        var layers: [Blob] { manifest.layers.map { Blob($0) } }
        /// nil if no union can hold it.
        var graph: CacheGraph? { CacheGraph(manifest: manifest, config: configText) }
    }

    /// Reads a manifest, and checks its digest.
    mutating func read(_ blob: Blob, in generation: Generation) throws(StoreError) -> CacheManifest {
        let text = try verified(blob, in: generation)
        guard let manifest = CacheManifest(text, until: deadline) else { throw rejection(blob.digest) }
        return manifest
    }

    /// Reads a manifest and its config, and checks their digests.
    mutating func contents(of blob: Blob, in generation: Generation) throws(StoreError) -> Contents {
        let manifest = try read(blob, in: generation)
        return Contents(manifest: manifest, configText: try verified(Blob(manifest.config), in: generation))
    }

    private mutating func verified(_ blob: Blob, in generation: Generation) throws(StoreError) -> ByteString {
        guard blob.size <= CacheManifest.largestBlob else { throw StoreError(.manifestRejected, blob.digest.name) }
        guard blob.size <= bytesLeft else { throw StoreError(.metadataBudgetSpent, blob.digest.name) }
        let path = generation.blobPath(blob.digest)
        let text = try read(path, owner: generation.owner, limit: blob.size, else: .manifestRejected)
        bytesLeft -= text.count
        var hash = SHA256()
        for start in stride(from: 0, to: text.count, by: 65_536) {
            guard !deadline.hasPassed else { throw StoreError(.storeSearchCut, blob.digest.name) }
            hash.update(Array(text.bytes[start..<min(start + 65_536, text.count)]))
        }
        guard text.count == blob.size, Digest(hex: hash.hexDigest().bytes) == blob.digest else {
            throw StoreError(.manifestRejected, path + " does not match its name")
        }
        return text
    }

    /// What is wrong with a blob, unless only the time is up.
    private func rejection(_ digest: Digest) -> StoreError {
        StoreError(deadline.hasPassed ? .storeSearchCut : .manifestRejected, digest.name)
    }

    /// Checks a layer by place, kind, owner, size and mode; returns the status of its file.
    @discardableResult
    static func checkLayer(_ layer: Blob, in generation: Generation) throws(StoreError) -> FileStatus {
        let path = generation.blobPath(layer.digest)
        do throws(Errno) {
            let status = try Files.status(path, followLinks: !generation.lenders.isEmpty)
            guard generation.isRight(status, size: layer.size) else { throw .invalid }
            try Files.check(.read, path)
            return status
        } catch {
            throw StoreError(.layerRejected, path, error)
        }
    }

    private func read(
        _ path: ByteString, owner: UInt32, limit: Int, else reason: Reason
    ) throws(StoreError) -> ByteString {
        do throws(Errno) {
            let file = try Descriptor.open(path, followLinks: false)
            let status = try file.status()
            guard status.kind == .regular, status.owner == owner, !status.isWritableByOthers else {
                throw .accessDenied
            }
            return try file.readAll(limit: limit)
        } catch {
            throw StoreError(reason, path, error)
        }
    }
}

extension Generation {
    /// Whether a file can be the blob with this size.
    func isRight(_ status: FileStatus, size: Int) -> Bool {
        status.kind == .regular && isOwner(status.owner) && !status.isWritableByOthers && status.size == size
    }
}
