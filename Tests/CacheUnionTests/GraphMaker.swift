import CacheUnion
import Formats
import TestSupport

/// A world of steps, from which it makes exports as exporters do: each engine has seen a part, with its own results.
struct GraphMaker {
    private var random: Repeatable
    private let world: [Step]

    /// A step, and for each input the links to it.
    private struct Step {
        let digest: String
        let inputs: [[Way]]
    }

    private struct Way {
        let selector: String
        let link: Int
    }

    init(seed: UInt64, steps: Int = 24) {
        var random = Repeatable(seed: seed)
        var world: [Step] = []
        for place in 0..<steps {
            let arity = place < 4 ? 0 : Int.random(in: 0...3, using: &random)
            let inputs = (0..<arity).map { _ in
                (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    Way(
                        selector: ["", "", "", "/s1", "/s2"].randomElement(using: &random) ?? "",
                        link: Int.random(in: 0..<place, using: &random))
                }
            }
            // Few digests: many steps differ only in what they depend on.
            world.append(Step(digest: digest("step \(arity == 0 ? place : place % 5)"), inputs: inputs))
        }
        self.random = random
        self.world = world
    }

    /// What one engine would export: some steps, some links to each, and results of its own or of others.
    mutating func export() -> (manifest: ByteString, config: ByteString) {
        var layers: [(blob: String, parent: Int)] = []
        var records: [String] = []
        var places: [Int: Int] = [:]
        for (index, step) in world.enumerated() {
            guard Int.random(in: 0...9, using: &random) > 1 else { continue }
            var groups: [String] = []
            var isWhole = true
            for ways in step.inputs {
                var known = ways.filter { places[$0.link] != nil }
                if known.count > 1, Bool.random(using: &random) { known.removeLast() }
                if known.isEmpty { isWhole = false }
                let texts = known.map { way in
                    let selector = way.selector.isEmpty ? "" : "\"selector\":\"\(way.selector)\","
                    return "{\(selector)\"link\":\(places[way.link] ?? 0)}"
                }
                groups.append("[" + texts.joined(separator: ",") + "]")
            }
            guard isWhole else { continue }
            var fields = ["\"digest\":\"\(step.digest)\""]
            if !groups.isEmpty { fields.append("\"inputs\":[\(groups.joined(separator: ","))]") }
            if Int.random(in: 0...3, using: &random) > 0 {
                let engine = Int.random(in: 0...2, using: &random)
                let parent = layers.isEmpty ? -1 : Int.random(in: -1..<layers.count, using: &random)
                layers.append((digest("layer \(index) \(engine)"), parent))
                let created = "2026-11-2\(engine)T10:00:0\(index % 10).5Z"
                fields.append("\"layers\":[{\"layer\":\(layers.count - 1),\"createdAt\":\"\(created)\"}]")
            }
            if Int.random(in: 0...9, using: &random) == 0, !layers.isEmpty {
                fields.append(
                    "\"chains\":[{\"layers\":[0,\(layers.count - 1)],\"createdAt\":\"2026-11-20T10:00:00Z\"}]")
            }
            places[index] = records.count
            records.append("{" + fields.joined(separator: ",") + "}")
        }
        let layerTexts = layers.map { "{\"blob\":\"\($0.blob)\",\"parent\":\($0.parent)}" }
        let config = ByteString(
            "{\"layers\":[\(layerTexts.joined(separator: ","))],\"records\":[\(records.joined(separator: ","))]}")
        return (imageManifest(config, layers.map(\.blob)), config)
    }

    /// Several exports, parsed.
    mutating func graphs(_ count: Int) -> [CacheGraph] {
        (0..<count).compactMap { _ in
            let (manifest, config) = export()
            return CacheManifest(manifest).flatMap { CacheGraph(manifest: $0, config: config) }
        }
    }
}

/// The digest of a text, in the form used in manifests.
func digest(_ text: String) -> String { "sha256:" + SHA256.hexDigest(of: ByteString(text)).lossy }

/// An image manifest for a config and blobs.
func imageManifest(_ config: ByteString, _ blobs: [String], annotation: String = "x") -> ByteString {
    let layers = blobs.map {
        """
        {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\($0)","size":7,\
        "annotations":{"buildkit/createdat":"\(annotation)"}}
        """
    }
    return ByteString(
        """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":\
        "application/vnd.buildkit.cacheconfig.v0","digest":"\(digest(config.lossy))","size":\(config.count)},\
        "layers":[\(layers.joined(separator: ","))]}
        """)
}
