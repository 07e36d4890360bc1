import Formats

@testable import CacheUnion

/// Configs as in a store, separated by NUL. Their manifests name every blob that occurs in them.
enum Unions {
    static func check(_ input: ByteString) {
        let texts = input.bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false).map {
            ByteString($0)
        }
        let blobs = digests(in: input)
        let graphs = texts.compactMap { text in
            CacheGraph(manifest: manifest(of: text, blobs), config: text)
        }
        if let manifest = CacheManifest(input), manifest.isMergeable {
            require(CacheManifest(manifest.text) == manifest, "a manifest is another when it is read again")
        }
        guard !graphs.isEmpty else { return }
        let union = CacheGraph.union(of: graphs).graph
        require(union == CacheGraph.union(of: graphs.reversed()).graph, "the order matters")
        require(union == CacheGraph.union(of: [union]).graph, "a union of one is another")
        require(union.recordCount <= graphs.reduce(0) { $0 + $1.recordCount }, "records appeared")
        let config = union.config
        guard let again = CacheGraph(manifest: union.manifest(of: config), config: config) else {
            return require(false, "what was written cannot be read")
        }
        require(again.config == config, "what was written is read as another")
        require(!again.hasCircle, "a circle was written")
        // Half of the layers are missing.
        let less = union.keepingLayers { $0.digest[word: 0] & 1 == 0 }
        require(less.layers.allSatisfy { $0.digest[word: 0] & 1 == 0 }, "a missing layer is named")
        require(less == less.keepingLayers { $0.digest[word: 0] & 1 == 0 }, "removing twice is not removing once")
        let bytes = union.layers.reduce(0) { $0 &+ UInt64($1.size) } / 2
        let first = union.firstLayers(within: bytes) { UInt64($0.size) }
        require(
            union.layers.filter { first.contains($0.digest) }.reduce(0) { $0 &+ UInt64($1.size) } <= bytes,
            "too many layers")
        let limit = CacheGraph.Limit(configBytes: config.count / 2, manifestBytes: 4_096, records: 8)
        let few = CacheGraph.union(of: graphs, limit: limit).graph
        require(few.config.count <= max(limit.configBytes, CacheGraph().config.count), "a union is over its limit")
    }

    private static func digests(in text: ByteString) -> [Digest] {
        let mark = Array("sha256:".utf8)
        return text.bytes.indices.compactMap { index in
            guard text.bytes[index] == mark[0], text.bytes[index...].starts(with: mark) else { return nil }
            return Digest(hex: text.bytes[index...].dropFirst(7).prefix(64))
        }
    }

    private static func manifest(of config: ByteString, _ blobs: [Digest]) -> CacheManifest {
        CacheManifest(
            config: LayerDescriptor(digest: Digest(of: config), size: config.count, mediaType: "", annotations: []),
            layers: blobs.map { LayerDescriptor(digest: $0, size: 1, mediaType: "", annotations: []) })
    }
}
