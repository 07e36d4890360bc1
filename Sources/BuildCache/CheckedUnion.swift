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
    ) throws(Rejection) {
        self.record = record
        self.path = path
        self.generation = generation
        var times: [Int64] = []
        for pool in generation.sources + (generation.lenders.isEmpty ? [] : [generation]) {
            times.append(try Rejection.status(pool.poolPath, followLinks: false).modified)
        }
        for blob in [record.manifest, record.config] {
            times.append(try Preflight.checkLayer(blob, in: generation).changed)
        }
        let memory = UnionMemory(of: record, times)
        if let layers = memory.layers(at: path) {
            missing = try PoolLook(generation).missing(of: layers, until: deadline)
            return
        }
        let layers = try preflight.contents(of: record.manifest, in: generation).layers
        missing = try PoolLook(generation).missing(of: layers, until: deadline)
        guard missing.isEmpty, remember, Clock.now &- (times.max() ?? 0) > Self.tick else { return }
        memory.keep(layers, at: path)
    }
}

/// What was read of a union's manifest and config when their digests were right. It holds for as long as nobody has written to them or
/// to the pools' directories, and spares a build the reading; the layers themselves are looked at each time.
private struct UnionMemory {
    private let record: UnionRecord
    private let title: ByteString

    /// What one is read of at most: more layers than a union has.
    private static let largest = 1 << 20

    init(of record: UnionRecord, _ times: [Int64]) {
        self.record = record
        title = record.manifest.digest + " " + times.map { ByteString(decimal: $0) }.joined(separator: " ") + "\n"
    }

    private func path(_ union: ByteString) -> ByteString { union + "-checked" }

    /// nil where there is none, it is of something else, or it is not whole.
    func layers(at union: ByteString) -> [Preflight.Blob]? {
        guard let text = try? Files.read(path(union), limit: Self.largest, followLinks: false), text.hasPrefix(title)
        else { return nil }
        var layers: [Preflight.Blob] = []
        layers.reserveCapacity(text.count / 72)
        for line in text.bytes[title.count...].split(separator: UInt8(ascii: "\n")) {
            guard line.count > 65, let size = ByteString(line.dropFirst(65)).decimal else { return nil }
            layers.append(Preflight.Blob(digest: "sha256:" + ByteString(line.prefix(64)), size: size))
        }
        return layers.count == record.layers ? layers : nil
    }

    func keep(_ layers: [Preflight.Blob], at union: ByteString) {
        var text = title
        for layer in layers { text += layer.digest.dropFirst(7) + " " + ByteString(decimal: layer.size) + "\n" }
        try? Files.replace(path(union), with: text, mode: 0o600)
    }
}

/// Looks at many layers of one generation. Its pool is opened once: a look by the whole path takes twice as long.
private struct PoolLook: ~Copyable {
    private let generation: Generation
    private let pool: OpenFolder

    /// Layers that are looked at between two questions for the time.
    private static let step = 16

    init(_ generation: Generation) throws(Rejection) {
        self.generation = generation
        do throws(Errno) {
            pool = try OpenFolder(generation.poolPath)
        } catch {
            throw Rejection(.layerRejected, generation.poolPath, error)
        }
    }

    /// Digests of those that are not as a manifest says.
    borrowing func missing(of layers: [Preflight.Blob], until deadline: Deadline) throws(Rejection) -> [ByteString] {
        var missing: [ByteString] = []
        for (number, layer) in layers.enumerated() {
            guard number % Self.step != 0 || !deadline.hasPassed else {
                throw Rejection(.storeSearchCut, generation.path)
            }
            if !isThere(layer) { missing.append(layer.digest) }
        }
        return missing
    }

    private borrowing func isThere(_ layer: Preflight.Blob) -> Bool {
        guard let path = generation.blobPath(layer.digest),
            let status = try? pool.status(of: layer.digest.dropFirst(7), followLinks: !generation.lenders.isEmpty),
            Preflight.isRight(status, for: layer, in: generation)
        else { return false }
        // What is one's own and has the bit may be read: only of others' the kernel is asked.
        return status.owner == Kernel.userID && status.mode & 0o400 != 0 || Files.allows(.read, path)
    }
}
