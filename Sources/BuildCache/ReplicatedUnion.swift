internal import CacheUnion
public import Formats
internal import Host
internal import Notes

/// What a host has built for one key, as one manifest for other hosts. It excludes what was fetched from them, or
/// nothing would ever leave the registry. It includes what this host had pushed itself, then lost, and fetched again.
public struct ReplicatedUnion {
    /// The digest of the manifest.
    public let digest: ByteString
    /// The bytes of everything that it names.
    public let bytes: UInt64
    /// The number of exports in it.
    public let exports: Int
    private let draft: UnionDraft
    private let layers: [Digest]
    private let key: Key
    private let writer: ByteString
    private let store: Store

    /// The most exports to consider.
    private static let mostExports = 512

    /// nil if nothing was built. Equal exports give equal manifests, whoever makes them.
    public init?(of key: Key, by writer: ByteString, in store: Store) throws(StoreError) {
        guard let (generation, lease) = try store.leasedGeneration(of: store.user) else { return nil }
        let draft = withExtendedLifetime(lease) { Self.draft(of: key, by: writer, in: generation) }
        guard let draft, let manifest = CacheManifest(draft.manifest) else { return nil }
        self.draft = draft
        self.key = key
        self.writer = writer
        self.store = store
        layers = manifest.layers.map(\.digest)
        digest = draft.record.manifest.digest.name
        exports = draft.record.exportCount
        bytes = manifest.layers.reduce(0) { $0 &+ UInt64($1.size) }
    }

    private static func draft(of key: Key, by writer: ByteString, in generation: Generation) -> UnionDraft? {
        let name = key.directoryName
        let own = KeyListing(of: name, in: [generation]).complete(besides: [], name, limit: mostExports).filter {
            Export.origin(of: $0.path).map { $0.writer == writer } ?? true
        }
        let ordered = own.sorted { ($0.completed, $0.name) > ($1.completed, $1.name) }.firstOfEachVariant
        var reader = Preflight()
        var added: [UnionDraft.Added] = []
        for export in ordered {
            guard let manifest = try? reader.manifest(ofExport: export.path, in: generation),
                let contents = try? reader.contents(of: manifest, in: generation),
                contents.layers.allSatisfy({ (try? Preflight.checkLayer($0, in: generation)) != nil }),
                let graph = contents.graph
            else { continue }
            added.append(.init(export: export, graph: graph))
        }
        // If not all fit, earlier ones take precedence.
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

    /// Assembles an OCI layout of it, which exists as long as `body` runs.
    public func withLayout<Result>(_ body: (ByteString) -> Result) throws(StoreError) -> Result {
        let folder = try TransferFolder(
            for: key, by: writer, number: Hex.digits(of: Kernel.randomBytes(8)), in: store)
        defer { folder.remove() }
        folder.link(layers)
        for (blob, text) in draft.texts {
            try folder.write(text, Generation.pool.appending(path: blob.digest.hex))
        }
        try folder.write(LayoutIndex.layout, "oci-layout")
        try folder.write(LayoutIndex.text(of: digest, bytes: draft.manifest.count), Export.index)
        return body(folder.layout)
    }
}

extension Store {
    /// The keys in the user's own current generation whose records can be read.
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
