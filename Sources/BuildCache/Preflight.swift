internal import Formats
internal import Host
internal import Notes

/// Checks that a manifest is safe to import. A manifest with a missing or wrong layer makes builds fail and damages
/// engines, and nothing can be retried after exec: anything in doubt is left out.
struct Preflight {
    private var indexesLeft: Int
    private var bytesLeft: Int
    private let deadline: Deadline

    /// With the limits for one build: what takes longer to find out is not worth a build's time. Trimming has no
    /// limits.
    init(indexes: Int = 8, bytes: Int = 2 << 20, until deadline: Deadline = .never) {
        indexesLeft = indexes
        bytesLeft = bytes
        self.deadline = deadline
    }

    /// BuildKit's importer refuses a larger manifest or config (buildkit cache/remotecache/import.go, readBlob).
    private static let largestBlob = 1 << 20
    private static let largestIndex = 65_536
    /// BuildKit client/llb's media type for the records that say which step made which layer.
    private static let cacheConfigType: ByteString = "application/vnd.buildkit.cacheconfig.v0"

    /// Whether no further index may be read for this build.
    var isSpent: Bool { indexesLeft <= 0 || bytesLeft <= 0 || deadline.hasPassed }

    /// The digest that an export's index names.
    mutating func manifest(ofExport path: ByteString, in generation: Generation) throws(StoreError) -> Blob {
        indexesLeft -= 1
        let path = path.appending(path: Export.index)
        let text = try read(path, owner: generation.owner, limit: Self.largestIndex, else: .exportIncomplete)
        guard let manifests = JSON(text, until: deadline)?[field: "manifests"]?.array, let last = manifests.last,
            let blob = Blob(last)
        else { throw StoreError(deadline.hasPassed ? .storeSearchCut : .exportIncomplete, path) }
        return blob
    }

    /// A blob named by a manifest.
    struct Blob: Equatable {
        let digest: ByteString
        let size: Int
        let mediaType: ByteString

        init(digest: ByteString, size: Int, mediaType: ByteString = "") {
            self.digest = digest
            self.size = size
            self.mediaType = mediaType
        }

        init?(_ json: JSON) {
            guard let digest = json[field: "digest"]?.string, let size = json[field: "size"]?.integer, size >= 0 else {
                return nil
            }
            self.digest = digest
            self.size = size
            mediaType = json[field: "mediaType"]?.string ?? ""
        }
    }

    /// Checks manifest, config and layers: the first two by their digests, layers by place, kind, owner, size and mode.
    /// BuildKit checks the content of layers. Returns all of them.
    @discardableResult
    mutating func check(_ manifest: Blob, in generation: Generation) throws(StoreError) -> [Blob] {
        try check(manifest, in: generation) { [deadline] (layer) throws(StoreError) in
            guard !deadline.hasPassed else { throw StoreError(.storeSearchCut, manifest.digest) }
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

    /// The content of a manifest and its config.
    struct Contents {
        let manifestText: ByteString
        let config: Blob
        let configText: ByteString
        let layers: [Blob]
    }

    /// Reads a manifest and its config, and checks their digests.
    mutating func contents(of manifest: Blob, in generation: Generation) throws(StoreError) -> Contents {
        let text = try verified(manifest, in: generation)
        guard let json = JSON(text, until: deadline) else { throw rejection(manifest.digest) }
        var layers: [Blob] = []
        var config = json[field: "config"].flatMap(Blob.init)
        // Two formats: an image manifest, or (buildx 0.13) an index whose entries are the layers and the config.
        guard let entries = (json[field: "layers"] ?? json[field: "manifests"])?.array else {
            throw StoreError(.manifestRejected, manifest.digest)
        }
        for entry in entries {
            guard let blob = Blob(entry) else { throw StoreError(.manifestRejected, manifest.digest) }
            if config == nil && blob.mediaType == Self.cacheConfigType {
                config = blob
            } else {
                layers.append(blob)
            }
        }
        guard let config else { throw StoreError(.manifestRejected, manifest.digest + " has no cache config") }
        return Contents(
            manifestText: text, config: config, configText: try verified(config, in: generation), layers: layers)
    }

    private mutating func verified(_ blob: Blob, in generation: Generation) throws(StoreError) -> ByteString {
        guard let path = generation.blobPath(blob.digest), blob.size <= Self.largestBlob else {
            throw StoreError(.manifestRejected, blob.digest)
        }
        guard blob.size <= bytesLeft else { throw StoreError(.metadataBudgetSpent, blob.digest) }
        let text = try read(path, owner: generation.owner, limit: blob.size, else: .manifestRejected)
        bytesLeft -= text.count
        var hash = SHA256()
        for start in stride(from: 0, to: text.count, by: 65_536) {
            guard !deadline.hasPassed else { throw StoreError(.storeSearchCut, blob.digest) }
            hash.update(Array(text.bytes[start..<min(start + 65_536, text.count)]))
        }
        guard text.count == blob.size, "sha256:" + Hex.digits(of: hash.digest()) == blob.digest else {
            throw StoreError(.manifestRejected, path + " does not match its name")
        }
        return text
    }

    /// What is wrong with a blob, unless only the time is up.
    private func rejection(_ digest: ByteString) -> StoreError {
        StoreError(deadline.hasPassed ? .storeSearchCut : .manifestRejected, digest)
    }

    /// Checks a layer by place, kind, owner, size and mode; returns the status of its file.
    @discardableResult
    static func checkLayer(_ layer: Blob, in generation: Generation) throws(StoreError) -> FileStatus {
        guard let path = generation.blobPath(layer.digest) else { throw StoreError(.manifestRejected, layer.digest) }
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
