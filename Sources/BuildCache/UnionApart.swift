internal import CacheUnion
internal import Formats
internal import Host

/// A separate union for each of several builds that run in an engine at the same time (`CacheGraph.config(apart:)`):
/// manifests with the same content, which BuildKit takes for different caches.
enum UnionApart {
    /// If a command has more builds than this, the rest share the union itself.
    private static let most = 63
    /// The most bytes of manifests and configs to make from one union.
    private static let mostBytes = 8 << 20

    /// The record of a published union with as many of them as space and time allow. New ones are written to the
    /// union's record, unless another process has replaced it.
    static func made(
        _ count: Int, of record: UnionRecord, at places: [ByteString], in generation: Generation,
        until deadline: Deadline = .never
    ) -> UnionRecord {
        let size = max(1, record.manifest.size + record.config.size)
        let wanted = min(count, most, mostBytes / size)
        guard record.apart.count < wanted, !deadline.hasPassed else { return record }
        var preflight = Preflight(indexes: 1, bytes: size, until: deadline)
        guard let graph = (try? preflight.contents(of: record.manifest, in: generation))?.graph,
            let mode = try? Files.status(generation.path, followLinks: false).mode
        else { return record }
        var more = record
        func write(_ text: ByteString) throws(Errno) -> Preflight.Blob {
            let blob = Preflight.Blob(digest: Digest(of: text), size: text.count)
            try Files.replace(generation.blobPath(blob.digest), with: text, mode: mode & 0o444)
            return blob
        }
        while more.apart.count < wanted, !deadline.hasPassed {
            let config = graph.config(apart: more.apart.count + 1)
            guard let blob = try? write(config), let manifest = try? write(graph.manifest(of: config).text) else {
                break
            }
            more.apart.append(.init(manifest: manifest, config: blob))
        }
        guard more.apart.count > record.apart.count else { return record }
        for blob in more.named { more.former[blob] = nil }
        for place in places where UnionRecord.read(place, in: generation) == record {
            try? Files.replace(place, with: more.text, mode: mode & 0o644)
        }
        return more
    }
}
