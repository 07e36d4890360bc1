internal import CacheUnion
internal import Formats
internal import Host
internal import Notes

/// Where an OCI layout from or for another host is assembled: in the directory of an export without an index, below its
/// `ingest`. So a killed transfer leaves what a killed build leaves: it is in no union, counts as unfinished, and
/// trimming removes it. Meanwhile its lease keeps the pool in place.
final class TransferFolder {
    let export: ByteString
    let generation: Generation
    private let lease: Lease

    /// The name below an export's `ingest`.
    private static let name: ByteString = "remote"
    private static let tries: Int64 = 8
    /// No transfer takes this long (`RemoteClient`): an older one has been abandoned.
    private static let longest: Int64 = 7_200

    /// For a key in the user's own current generation; makes the folders that a build would make. `number` is the
    /// export's.
    init(for key: Key, by writer: ByteString, number: ByteString, in store: Store) throws(StoreError) {
        try store.makeOwnIfMissing()
        guard let (generation, lease) = try store.leasedGeneration(of: store.user) else {
            throw StoreError(.generationMoved, store.layout.subStore(of: store.user))
        }
        self.generation = generation
        self.lease = lease
        let now = Clock.now / 1_000_000_000
        // Another transfer in this second, running or abandoned, has the name.
        let names = (0..<Self.tries).map { later in
            ExportName(variant: Variant(fetchedFrom: writer), started: now + later, random: number).text
        }
        let home = generation.keyPath(key)
        guard let path = names.map({ home.appending(path: $0) }).first(where: { Files.isMissing($0) }) else {
            throw StoreError(.storeNotWritable, home, .fileExists)
        }
        let export = Export(path: path, generation: generation, key: key)
        self.export = export.path
        Self.removeLeft(of: key, in: generation)
        try export.prepare()
        do throws(Errno) {
            for folder in [layout, layout.appending(path: "blobs"), layout.appending(path: Generation.pool)] {
                try Files.makeDirectory(folder, mode: 0o700)
            }
        } catch {
            throw StoreError(.storeNotWritable, layout, error)
        }
    }

    var layout: ByteString { Self.layout(of: export) }

    private static func layout(of export: ByteString) -> ByteString {
        export.appending(path: "ingest").appending(path: name)
    }

    /// The layout as a generation, so that the checks of exports apply to it.
    var asGeneration: Generation { Generation(path: layout, owner: generation.owner) }

    /// Links blobs of the pool into the layout. If that fails, the client copies them.
    func link(_ digests: [Digest]) {
        for digest in digests {
            let name = digest.hex
            try? Files.makeHardLink(
                layout.appending(path: Generation.pool).appending(path: name),
                to: generation.poolPath.appending(path: name))
        }
    }

    func write(_ text: ByteString, _ name: ByteString) throws(StoreError) {
        do throws(Errno) {
            try Files.replace(layout.appending(path: name), with: text, mode: 0o600)
        } catch {
            throw StoreError(.storeNotWritable, layout, error)
        }
    }

    /// Removes the layout, and also the export unless it is complete.
    func remove() {
        try? Files.removeTree(Files.isMissing(export.appending(path: Export.index)) ? export : layout)
    }

    private static func removeLeft(of key: Key, in generation: Generation) {
        let home = generation.keyPath(key)
        for name in (try? Files.names(in: home, limit: 65_536)) ?? [] {
            guard let export = ExportName(name), export.variant.isFetched,
                Clock.now / 1_000_000_000 - export.started > longest
            else { continue }
            let path = home.appending(path: name)
            // A branch may have the same tag, but no build makes that folder.
            guard Files.isMissing(path.appending(path: Export.index)), !Files.isMissing(layout(of: path)) else {
                continue
            }
            try? Files.removeTree(path)
        }
    }
}

extension Variant {
    private static let fetched: ByteString = "remote."
    private static let noArguments: ByteString = "000"

    /// For an export that another host has pushed, by the tag under which it did. No branch has this name: names of
    /// branches in git contain no zero byte.
    init(fetchedFrom writer: ByteString) {
        self.init(
            branchTag: Self.fetched + Slug.tag(of: "\0" + writer, digits: 8), argumentsTag: Self.noArguments)
    }

    /// Whether it may be a fetched one; the record beside the export tells for certain.
    var isFetched: Bool { branch.hasPrefix(Self.fetched) && arguments == Self.noArguments }
}

extension Export {
    /// The record that marks a fetched export: the tag under which it was pushed and, for a part, the digest of the
    /// whole, one per line.
    static let remoteRecord: ByteString = "remote"

    /// The tag under which the export in a directory was pushed, and the digest of the whole if it is only a part;
    /// nil for an export that was built here.
    static func origin(of export: ByteString) -> (writer: ByteString, partOf: ByteString?)? {
        let text = try? Files.read(export.appending(path: remoteRecord), limit: 1024, followLinks: false)
        guard let lines = text?.trimmed.split("\n"), let writer = lines.first else { return nil }
        return (writer, lines.count > 1 ? lines[1] : nil)
    }
}
