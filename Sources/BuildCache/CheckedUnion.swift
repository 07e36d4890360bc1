internal import Formats
internal import Host
internal import Notes

/// A published union whose manifest and config are there, and what it names that is not.
struct CheckedUnion {
    let record: UnionRecord
    /// Of the record.
    let path: ByteString
    let generation: Generation
    /// Digests of layers.
    let missing: [ByteString]

    /// Times of files are no finer than a tick of the kernel's.
    private static let tick: Int64 = 20_000_000

    /// Throws when there is no time to look at every layer: one that was cut short fails the build that needs it.
    init(
        _ record: UnionRecord, at path: ByteString, in generation: Generation, _ preflight: inout Preflight,
        remember: Bool, until deadline: Deadline = .never
    ) throws(StoreError) {
        self.record = record
        self.path = path
        self.generation = generation
        var title = record.manifest.digest
        var changed: Int64 = 0
        for blob in [record.manifest, record.config] {
            let status = try Preflight.checkLayer(blob, in: generation)
            title += " " + ByteString(decimal: status.inode) + " " + ByteString(decimal: status.changed)
            changed = max(changed, status.changed)
        }
        title += "\n"
        let memory = path + "-checked"
        if let list = LayerList(at: memory, under: title), list.count == record.layers {
            missing = try list.missing(from: generation, until: deadline)
            return
        }
        let list = LayerList(try preflight.contents(of: record.manifest, in: generation).layers, under: title)
        missing = try list.missing(from: generation, until: deadline)
        guard missing.isEmpty, remember, Clock.now &- changed > Self.tick else { return }
        try? Files.replace(memory, with: list.text, mode: 0o600)
    }

    /// The same to be added to: read once more, and compared with its digests.
    func base(_ preflight: inout Preflight) throws(StoreError) -> UnionDraft.Base {
        UnionDraft.Base(record: record, graph: try preflight.contents(of: record.manifest, in: generation).graph)
    }
}

/// The layers of a union, as a file keeps them: a title and then a line for each, its digest's digits, a blank and its size. What it
/// says was read of a manifest and a config whose digests were right, and holds for as long as these are the same files and nobody has
/// written to them, which the title tells: a build need not read and hash them again, though the pool grows. It is looked through as it
/// is, without a copy of each digest: a union may have a thousand layers, and a build 10 ms.
private struct LayerList {
    private(set) var text: ByteString
    private let title: Int
    /// How many lines there are.
    let count: Int

    private static let digits = 64
    /// What one is read of at most: more layers than a union has.
    private static let largest = 1 << 20
    /// Layers that are looked at between two questions for the time.
    private static let step = 16

    init(_ layers: [Preflight.Blob], under title: ByteString) {
        text = title
        for layer in layers { text += layer.digest.dropFirst(7) + " " + ByteString(decimal: layer.size) + "\n" }
        self.title = title.count
        count = layers.count
    }

    /// nil where there is none, or it is of something else.
    init?(at path: ByteString, under title: ByteString) {
        guard let text = try? Files.read(path, limit: Self.largest, followLinks: false), text.hasPrefix(title) else {
            return nil
        }
        self.text = text
        self.title = title.count
        count = text.bytes[title.count...].count { $0 == UInt8(ascii: "\n") }
    }

    /// Digests of those that are not in a generation's pool as they should be. One that is no digest is not there either.
    func missing(from generation: Generation, until deadline: Deadline) throws(StoreError) -> [ByteString] {
        let pool: DirectoryDescriptor
        do throws(Errno) {
            pool = try DirectoryDescriptor(generation.poolPath)
        } catch {
            throw StoreError(.layerRejected, generation.poolPath, error)
        }
        let user = Kernel.userID
        var missing: [ByteString] = []
        // A path that ends with a zero where the blank was.
        var name = [CChar](repeating: 0, count: Self.digits + 1)
        var looked = 0
        var rest = text.bytes[title...]
        while !rest.isEmpty {
            guard looked % Self.step != 0 || !deadline.hasPassed else {
                throw StoreError(.storeSearchCut, generation.path)
            }
            looked += 1
            var isName = rest.count > Self.digits
            for (index, digit) in rest.prefix(Self.digits).enumerated() {
                name[index] = CChar(truncatingIfNeeded: digit)
                isName = isName && Hex.value(of: digit) != nil
            }
            let digits = rest.prefix(Self.digits)
            rest = rest.dropFirst(Self.digits + 1)
            var size = 0
            while let digit = rest.popFirst(), digit != UInt8(ascii: "\n") { size = size &* 10 &+ Int(digit &- 0x30) }
            let status = isName ? pool.status(name, followLinks: !generation.lenders.isEmpty) : nil
            if let status, generation.isRight(status, size: size),
                status.isReadable(to: user)
                    || Files.allows(.read, generation.poolPath.appending(path: ByteString(digits)))
            {
                continue
            }
            missing.append("sha256:" + ByteString(digits))
        }
        return missing
    }
}
