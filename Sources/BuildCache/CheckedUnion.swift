internal import Formats
internal import Host
internal import Notes

/// A published union whose manifest and config exist, and the layers that it names but that are missing.
struct CheckedUnion {
    let record: UnionRecord
    /// The path of the record.
    let path: ByteString
    let generation: Generation
    /// Digests of the missing layers.
    let missing: [Digest]

    /// Modification times of files are no finer than a kernel tick.
    private static let tick: Int64 = 20_000_000

    /// Throws if there is no time to check every layer: a partial check could miss a layer, and then the build that
    /// needs the layer fails.
    init(
        _ record: UnionRecord, at path: ByteString, in generation: Generation, _ preflight: inout Preflight,
        remember: Bool, until deadline: Deadline = .never
    ) throws(StoreError) {
        self.record = record
        self.path = path
        self.generation = generation
        var title = record.manifest.digest.name
        var changed: Int64 = 0
        for blob in [record.manifest, record.config] {
            let status = try Preflight.checkLayer(blob, in: generation)
            title += " " + ByteString(decimal: status.inode) + " " + ByteString(decimal: status.changed)
            changed = max(changed, status.changed)
        }
        title += "\n"
        let memory = path + "-checked"
        if let list = LayerList(at: memory, under: title), list.count == record.layers,
            let missing = try list.missing(from: generation, until: deadline)
        {
            self.missing = missing
            return
        }
        let list = LayerList(try preflight.contents(of: record.manifest, in: generation).layers, under: title)
        guard let missing = try list.missing(from: generation, until: deadline) else {
            throw StoreError(.manifestRejected, record.manifest.digest.name)
        }
        self.missing = missing
        guard missing.isEmpty, remember, Clock.now &- changed > Self.tick else { return }
        try? Files.replace(memory, with: list.text, mode: 0o600)
    }

    /// The same union as the base of a new one, read again and checked against its digests.
    func base(_ preflight: inout Preflight) throws(StoreError) -> UnionDraft.Base {
        UnionDraft.Base(record: record, graph: try preflight.contents(of: record.manifest, in: generation).graph)
    }
}

/// The layers of a union, as stored in a file: a title, and then a line for each with the digits of its digest, a blank
/// and its size. The content comes from a manifest and a config whose digests were right. It is valid as long as these
/// are the same files and nobody has written to them, which the title tells. So a build need not read and hash them
/// again, even if the pool grows. The file is searched in place, without a copy of each digest: a union may have a
/// thousand layers, and a build has 10 ms.
private struct LayerList {
    private(set) var text: ByteString
    private let title: Int
    /// The number of lines.
    let count: Int

    private static let digits = 64
    /// The most bytes read: enough for more layers than a union has.
    private static let largest = 1 << 20
    /// The number of layers checked between two looks at the deadline.
    private static let step = 16

    init(_ layers: [Preflight.Blob], under title: ByteString) {
        text = title
        for layer in layers { text += layer.digest.hex + " " + ByteString(decimal: layer.size) + "\n" }
        self.title = title.count
        count = layers.count
    }

    /// nil if there is none, or it belongs to another union.
    init?(at path: ByteString, under title: ByteString) {
        guard let text = try? Files.read(path, limit: Self.largest, followLinks: false), text.hasPrefix(title) else {
            return nil
        }
        self.text = text
        self.title = title.count
        count = text.bytes[title.count...].count { $0 == UInt8(ascii: "\n") }
    }

    /// The digests of layers that are not in a generation's pool, or not sound there; nil if a line is not a digest.
    func missing(from generation: Generation, until deadline: Deadline) throws(StoreError) -> [Digest]? {
        let pool: DirectoryDescriptor
        do throws(Errno) {
            pool = try DirectoryDescriptor(generation.poolPath)
        } catch {
            throw StoreError(.layerRejected, generation.poolPath, error)
        }
        let user = Kernel.userID
        var missing: [Digest] = []
        // A path that ends with a zero byte in place of the blank.
        var name = [CChar](repeating: 0, count: Self.digits + 1)
        var looked = 0
        var rest = text.bytes[title...]
        while !rest.isEmpty {
            guard looked % Self.step != 0 || !deadline.hasPassed else {
                throw StoreError(.storeSearchCut, generation.path)
            }
            looked += 1
            let digits = rest.prefix(Self.digits)
            guard let digest = Digest(hex: digits) else { return nil }
            for (index, digit) in digits.enumerated() { name[index] = CChar(truncatingIfNeeded: digit) }
            rest = rest.dropFirst(Self.digits + 1)
            var size = 0
            while let digit = rest.popFirst(), digit != UInt8(ascii: "\n") { size = size &* 10 &+ Int(digit &- 0x30) }
            if let status = pool.status(name, followLinks: !generation.lenders.isEmpty),
                generation.isRight(status, size: size),
                status.isReadable(to: user)
                    || Files.allows(.read, generation.blobPath(digest))
            {
                continue
            }
            missing.append(digest)
        }
        return missing
    }
}
