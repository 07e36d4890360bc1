internal import CacheUnion
public import Formats
internal import Host
internal import Notes
internal import Synchronization

/// A manifest that another host has pushed, parsed but not yet trusted: its sizes are known before any of its blobs
/// are fetched.
public struct FetchedManifest: Sendable {
    /// The text that it was read from.
    public let text: ByteString
    /// The digest of this manifest.
    public let digest: ByteString
    /// The digest of the pushed manifest, of which this may be a part.
    public let pushed: ByteString
    let manifest: CacheManifest
    /// The config of a partial manifest; it was never pushed.
    fileprivate let ownConfig: ByteString?

    /// The largest manifest, and the largest config, that BuildKit's importer accepts.
    public static let largest = CacheManifest.largestBlob

    /// nil if the text is not a cache manifest.
    public init?(_ text: ByteString) {
        guard let manifest = CacheManifest(text), manifest.isMergeable else { return nil }
        self.text = text
        digest = Digest(of: text).name
        pushed = digest
        self.manifest = manifest
        ownConfig = nil
    }

    private init(_ part: CacheGraph, of whole: FetchedManifest) {
        let config = part.config
        manifest = part.manifest(of: config)
        text = manifest.text
        digest = Digest(of: text).name
        pushed = whole.digest
        ownConfig = config
    }

    /// Throws unless what the registry has sent as its config is that, and can be merged with others.
    public func check(_ config: ByteString) throws(StoreError) { _ = try graph(config) }

    private func graph(_ config: ByteString) throws(StoreError) -> CacheGraph {
        guard Digest(of: config) == manifest.config.digest else { throw StoreError(.layerRejected, self.config) }
        guard let graph = CacheGraph(manifest: manifest, config: config) else {
            throw StoreError(.unionCannotHold, digest)
        }
        return graph
    }

    /// The part of it that fits into so many bytes, first steps first; nil if nothing fits. `config` is what the
    /// registry has sent as its config.
    public func part(
        within most: UInt64, config: ByteString, for store: Store
    ) throws(StoreError) -> FetchedManifest? {
        let graph = try graph(config)
        let here = digestsHere(in: try store.currentGeneration(of: store.user))
        let taken = graph.firstLayers(within: most) { here.contains($0.digest) ? 0 : UInt64($0.size) }
        let part = graph.keepingLayers { taken.contains($0.digest) }
        return part.isEmpty ? nil : FetchedManifest(part, of: self)
    }

    /// Bytes of its layers that a store lacks; each layer counts once.
    public func missingBytes(in store: Store) throws(StoreError) -> UInt64 {
        let here = digestsHere(in: try store.currentGeneration(of: store.user))
        return Self.sum(manifest.layers.filter { !here.contains($0.digest) })
    }

    fileprivate func digestsHere(in generation: Generation?) -> Set<Digest> {
        guard let generation else { return [] }
        let here = manifest.layers.filter { layer in
            (try? Preflight.checkLayer(.init(layer), in: generation)) != nil
        }
        return Set(here.map(\.digest))
    }

    /// The digest of its config.
    public var config: ByteString { manifest.config.digest.name }
    /// When the newest step in its config was made, in seconds since 1970; nil if unknown.
    public func newest(in config: ByteString) -> Int? {
        CacheGraph(manifest: manifest, config: config)?.newest.map { Int($0) }
    }
    /// The size of its config in bytes.
    public var configBytes: Int { manifest.config.size }
    /// The number of layers that it names.
    public var layerCount: Int { manifest.layers.count }
    /// The size of its layers in bytes; the largest number if the sum overflows.
    public var bytes: UInt64 { Self.sum(manifest.layers) }

    fileprivate static func sum(_ layers: [LayerDescriptor]) -> UInt64 {
        layers.reduce(0) { sum, layer in
            let (more, overflow) = sum.addingReportingOverflow(UInt64(layer.size))
            return overflow ? .max : more
        }
    }
}

/// An export from another host. It becomes an export of this user, which leases, trimming, pre-flight checks and
/// unions treat like any other.
public struct FetchedExport {
    /// An OCI layout that contains the blobs that are here already, and receives the rest.
    public var layout: ByteString { folder.layout }
    /// The number of bytes that are not here yet.
    public let missingBytes: UInt64
    /// The digests of the layers that are not here yet.
    public let missing: [ByteString]
    private let manifest: FetchedManifest
    private let writer: ByteString
    private let folder: TransferFolder
    let arriving: ArrivingBlobs

    /// Reserves space for it; throws if the store has none.
    public init(
        _ manifest: FetchedManifest, from writer: ByteString, for key: Key, in store: Store, _ limits: StoreLimits
    ) throws(StoreError) {
        self.manifest = manifest
        self.writer = writer
        // A part is named after its own manifest, because a union identifies its exports by this number.
        let number = manifest.digest.dropFirst(7).prefix(16)
        folder = try TransferFolder(for: key, by: writer, number: number, in: store)
        arriving = ArrivingBlobs(in: Self.written.map(folder.layout.appending(path:)))
        let generation = folder.generation
        let known = manifest.digestsHere(in: generation)
        let layers = manifest.manifest.layers
        let missing = layers.filter { !known.contains($0.digest) }
        missingBytes = FetchedManifest.sum(missing)
        self.missing = missing.map(\.digest.name)
        do throws(StoreError) {
            try Self.checkRoom(for: missingBytes, in: generation, limits)
        } catch {
            folder.remove()
            throw error
        }
        folder.link(layers.map(\.digest).filter(known.contains))
    }

    private static func checkRoom(
        for bytes: UInt64, in generation: Generation, _ limits: StoreLimits
    ) throws(StoreError) {
        let held = PoolSize.measure(generation, now: Clock.now, remember: true)?.bytes ?? 0
        let (sum, overflow) = held.addingReportingOverflow(bytes)
        guard !overflow, sum <= limits.maximumSize else {
            throw StoreError(.storeOverBudget, ByteString(decimal: held >> 20) + " MiB in " + generation.path)
        }
        guard let space = try? Files.space(at: generation.path) else { return }
        let left = space.available.subtractingReportingOverflow(bytes)
        try limits.check(
            Files.Space(
                total: space.total, available: left.overflow ? 0 : left.partialValue,
                totalInodes: space.totalInodes, availableInodes: space.availableInodes), at: generation.path)
    }

    /// Whether a manifest was fetched for a key earlier and still exists: complete if `whole`, otherwise at least a
    /// part of it.
    public static func isHere(_ digest: ByteString, for key: Key, in store: Store, whole: Bool = false) -> Bool {
        guard let generation = (try? store.currentGeneration(of: store.user)) ?? nil,
            let number = ExportName.number(of: "x-" + digest.dropFirst(7).prefix(16))
        else { return false }
        return KeyListing(of: key.directoryName, in: [generation]).exports.contains { export in
            guard export.number == number || (!whole && ExportName(export.name)?.variant.isFetched == true) else {
                return false
            }
            let path = generation.keyPath(key).appending(path: export.name)
            guard !Files.isMissing(path.appending(path: Export.index)), let origin = Export.origin(of: path) else {
                return false
            }
            return origin.partOf == nil ? export.number == number : !whole && origin.partOf == digest
        }
    }

    /// oras writes beside the blobs, and then moves complete files.
    private static let written = ["ingest", Generation.pool]

    /// The bytes that have arrived so far, so that they can be limited while they arrive.
    public static func bytes(in layout: ByteString) -> UInt64 {
        var sum: UInt64 = 0
        for folder in written {
            let path = layout.appending(path: folder)
            for name in (try? Files.names(in: path, limit: 65_536)) ?? [] {
                guard let status = try? Files.status(path.appending(path: name), followLinks: false),
                    status.kind == .regular, status.links == 1
                else { continue }
                sum &+= UInt64(max(0, status.size))
            }
        }
        return sum
    }

    /// Calls `fetch`, which brings the blobs, and hashes what arrives meanwhile.
    public func receive(_ fetch: @escaping @Sendable () -> Void) {
        let isArriving = Mutex(true)
        ConcurrentLoop.forEach(2, bound: 2) { [arriving] part in
            guard part == 0 else { return arriving.hash { isArriving.withLock(\.self) } }
            fetch()
            isArriving.withLock { $0 = false }
        }
    }

    /// Checks all that has arrived, byte for byte, and makes it an export that the next union contains. On an error it
    /// names the wrong blob and keeps nothing.
    public func publish() throws(StoreError) {
        defer { folder.remove() }
        let arrived = folder.asGeneration
        var preflight = Preflight()
        let descriptor = Preflight.Blob(digest: Digest(of: manifest.text), size: manifest.text.count)
        try write(manifest.text, as: descriptor)
        if let config = manifest.ownConfig {
            try write(config, as: Preflight.Blob(manifest.manifest.config))
        }
        // The client has its own umask; no other user can enter the layout.
        let config = arrived.blobPath(manifest.manifest.config.digest)
        if let file = try? Descriptor.open(config, followLinks: false),
            (try? file.status().links) == 1
        {
            try? file.setMode(0o600)
        }
        let contents = try preflight.contents(of: descriptor, in: arrived)
        guard contents.graph != nil else { throw StoreError(.unionCannotHold, manifest.digest) }
        let unknown = (contents.layers + [contents.config, descriptor]).filter { blob in
            (try? Preflight.checkLayer(blob, in: folder.generation)) == nil
        }
        if let wrong = firstWrong(of: unknown, in: arrived) { throw StoreError(.layerRejected, wrong) }
        do throws(Errno) {
            let mode = try Files.status(folder.generation.path, followLinks: false).mode & 0o444
            for blob in unknown { try move(blob, from: arrived, mode: mode) }
        } catch {
            throw StoreError(.storeNotWritable, folder.generation.poolPath, error)
        }
        try writeIndex()
    }

    /// Layers have many megabytes, and whoever runs the pull waits for this, so several are checked at a time.
    private static let mostAtOnce = 4

    /// The digest of a blob that is missing or has wrong content; nil if all are right. BuildKit would check only when
    /// a build needs a layer, and then fail that build.
    private func firstWrong(of blobs: [Preflight.Blob], in arrived: Generation) -> ByteString? {
        let wrong = Mutex<ByteString?>(nil)
        ConcurrentLoop.forEach(blobs.count, bound: Self.mostAtOnce) { [arriving] index in
            guard blobs.indices.contains(index),
                (try? Self.isRight(blobs[index], in: arrived, arriving)) != true
            else { return }
            wrong.withLock { $0 = blobs[index].digest.name }
        }
        return wrong.withLock { $0 }
    }

    private static func isRight(
        _ blob: Preflight.Blob, in arrived: Generation, _ arriving: ArrivingBlobs
    ) throws(Errno) -> Bool {
        let file = try Descriptor.open(arrived.blobPath(blob.digest), followLinks: false)
        let status = try file.status()
        guard status.kind == .regular, status.owner == arrived.owner, status.size == blob.size else { return false }
        // A client that has written its file in another order has confused the first answer.
        if try arriving.digest(of: status) == blob.digest { return true }
        return try file.digest() == blob.digest
    }

    private func move(_ blob: Preflight.Blob, from arrived: Generation, mode: UInt32) throws(Errno) {
        let path = arrived.blobPath(blob.digest)
        try Descriptor.open(path, followLinks: false).setMode(mode)
        try Files.rename(path, to: folder.generation.blobPath(blob.digest))
    }

    private func write(_ text: ByteString, as blob: Preflight.Blob) throws(StoreError) {
        try folder.write(text, Generation.pool.appending(path: blob.digest.hex))
    }

    private func writeIndex() throws(StoreError) {
        let index = LayoutIndex.text(of: manifest.digest, bytes: manifest.text.count)
        let origin = writer + "\n" + (manifest.ownConfig == nil ? "" : manifest.pushed + "\n")
        do throws(Errno) {
            let mode = try Files.status(folder.generation.path, followLinks: false).mode & 0o644
            for (name, text) in [
                ("oci-layout", LayoutIndex.layout), (Export.remoteRecord, origin), (Export.index, index),
            ] as [(ByteString, ByteString)] {
                try Files.replace(folder.export.appending(path: name), with: text, mode: mode)
            }
        } catch {
            throw StoreError(.storeNotWritable, folder.export, error)
        }
    }

    /// Removes what has arrived.
    public func abandon() { folder.remove() }
}

/// The two small files of an OCI layout.
enum LayoutIndex {
    static let layout: ByteString = "{\"imageLayoutVersion\":\"1.0.0\"}"

    static func text(of digest: ByteString, bytes: Int) -> ByteString {
        JSON.object([
            "schemaVersion": .integer(2), "mediaType": .string("application/vnd.oci.image.index.v1+json"),
            "manifests": .array([
                .object([
                    "mediaType": .string("application/vnd.oci.image.manifest.v1+json"),
                    "digest": .string(digest), "size": .integer(bytes),
                ])
            ]),
        ]).text
    }
}
