internal import CacheUnion
public import Formats
internal import Host
internal import Notes

/// What a host has built of one key, as one manifest for other hosts. What it has fetched from them is none of it, or nothing would ever
/// leave the registry; what it has pushed itself, and lost, and fetched again is.
public struct ReplicatedUnion {
    /// Of the manifest.
    public let digest: ByteString
    /// Bytes of all that it names.
    public let bytes: UInt64
    /// How many exports are in it.
    public let exports: Int
    private let draft: UnionDraft
    private let layers: [Digest]
    private let key: Key
    private let writer: ByteString
    private let store: Store

    /// Exports that are looked at.
    private static let mostExports = 512

    /// nil where nothing was built. Equal exports give equal manifests, whoever makes them.
    public init?(of key: Key, by writer: ByteString, in store: Store) throws(StoreError) {
        guard let (generation, lease) = try store.leasedGeneration(of: store.user) else { return nil }
        let draft = withExtendedLifetime(lease) { Self.draft(of: key, by: writer, in: generation) }
        guard let draft, let manifest = CacheManifest(draft.manifest) else { return nil }
        self.draft = draft
        self.key = key
        self.writer = writer
        self.store = store
        layers = manifest.layers.map(\.digest)
        digest = draft.record.manifest.digest
        exports = draft.record.exportCount
        bytes = manifest.layers.reduce(0) { $0 &+ UInt64($1.size) }
    }

    private static func draft(of key: Key, by writer: ByteString, in generation: Generation) -> UnionDraft? {
        let name = key.directoryName
        let own = KeyListing(of: name, in: [generation]).complete(besides: [], name, limit: mostExports).filter {
            Export.origin(of: $0.path).map { $0.writer == writer } ?? true
        }
        let ordered = own.sorted { ($0.completed, $0.name) > ($1.completed, $1.name) }.firstOfEachVariant
        var reader = Preflight(indexes: .max, bytes: .max)
        var added: [UnionDraft.Added] = []
        for export in ordered {
            guard let manifest = try? reader.manifest(ofExport: export.path, in: generation),
                let contents = try? reader.contents(of: manifest, in: generation),
                contents.layers.allSatisfy({ (try? Preflight.checkLayer($0, in: generation)) != nil }),
                let graph = contents.graph
            else { continue }
            added.append(.init(export: export, graph: graph))
        }
        // The first ones first where not all have room.
        while !added.isEmpty {
            do throws(UnionDraft.DraftError) {
                return try UnionDraft(nil, added)
            } catch {
                guard error == .tooLarge else { return nil }
                added = Array(added.prefix(added.count / 2))
            }
        }
        return nil
    }

    /// Puts an OCI layout of it together, for as long as `body` runs.
    public func withLayout<Result>(_ body: (ByteString) -> Result) throws(StoreError) -> Result {
        let folder = try TransferFolder(
            for: key, by: writer, number: Hex.digits(of: Kernel.randomBytes(8)), in: store)
        defer { folder.remove() }
        folder.link(layers)
        for (blob, text) in draft.texts {
            try folder.write(text, Generation.pool.appending(path: blob.digest.dropFirst(7)))
        }
        try folder.write(LayoutIndex.layout, "oci-layout")
        try folder.write(LayoutIndex.text(of: digest, bytes: draft.manifest.count), Export.index)
        return body(folder.layout)
    }
}

extension Store {
    /// The keys of one's own current generation whose records say what they are.
    public var ownKeys: [Key] {
        guard let generation = (try? currentGeneration(of: user)) ?? nil else { return [] }
        return ((try? Files.names(in: generation.exportsPath, limit: 16_384)) ?? []).filter(KeyRecord.isName).sorted()
            .compactMap { name in
                let path = generation.exportsPath.appending(path: name).appending(path: Generation.keyRecord)
                let text = try? Files.read(path, limit: 65_536, followLinks: false)
                let key = text.flatMap { JSON($0) }.flatMap { Key($0) }
                return key?.directoryName == name ? key : nil
            }
    }
}
