public import Formats

/// A cache manifest in either form: an image manifest whose config is the cache's config, or (buildx 0.13) an index
/// whose entries are the layers and the config.
public struct CacheManifest: Equatable, Sendable {
    /// The records: which step made which layer.
    public let config: LayerDescriptor
    /// The blobs that the config may refer to, in the order of the manifest, each once.
    public let layers: [LayerDescriptor]

    /// BuildKit's importer refuses a larger manifest or config (cache/remotecache/import.go, readBlob).
    public static let largestBlob = 1 << 20

    /// The media type of a cache config (cache/remotecache/v1/spec.go).
    static let configType: ByteString = "application/vnd.buildkit.cacheconfig.v0"
    static let imageManifestType: ByteString = "application/vnd.oci.image.manifest.v1+json"
    private static let indexTypes: [ByteString] = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]

    /// Reads a manifest; nil if it is not one, or has unknown members.
    public init?(_ text: ByteString) {
        guard text.count <= Self.largestBlob, let members = JSON(text)?.members else { return nil }
        var (type, version): (ByteString?, Int?)
        var (config, entries): (LayerDescriptor?, [JSON]?)
        var isIndex = false
        var seen = 0
        for member in members {
            let bit: Int
            switch member.name {
            case "schemaVersion":
                bit = 1
                version = member.value.integer
            case "mediaType":
                bit = 2
                guard let text = member.value.string else { return nil }
                type = text
            case "config":
                bit = 4
                guard let descriptor = LayerDescriptor(member.value) else { return nil }
                config = descriptor
            case "layers", "manifests":
                bit = 8
                isIndex = member.name == "manifests"
                guard let list = member.value.array else { return nil }
                entries = list
            default: return nil
            }
            guard seen & bit == 0 else { return nil }
            seen |= bit
        }
        guard version == 2, let type, let entries else { return nil }
        guard isIndex ? Self.indexTypes.contains(type) && config == nil : type == Self.imageManifestType else {
            return nil
        }
        var layers: [LayerDescriptor] = []
        layers.reserveCapacity(entries.count)
        for entry in entries {
            guard let descriptor = LayerDescriptor(entry) else { return nil }
            if isIndex && descriptor.mediaType == Self.configType {
                guard config == nil else { return nil }
                config = descriptor
            } else {
                layers.append(descriptor)
            }
        }
        guard let config, config.mediaType == Self.configType else { return nil }
        self.init(config: config, layers: layers)
    }

    /// A blob that occurs in several chains is listed for each of them; the last entry counts, as in BuildKit's map.
    init(config: LayerDescriptor, layers: [LayerDescriptor]) {
        self.config = config
        var order = Array(layers.indices)
        order.sort { (layers[$0].digest, $0) < (layers[$1].digest, $1) }
        var last: [Int] = []
        for index in order {
            if let before = last.last, layers[before].digest == layers[index].digest { last.removeLast() }
            last.append(index)
        }
        last.sort()
        self.layers = last.map { layers[$0] }
    }

    /// The manifest as bytes, always an image manifest: engines from BuildKit 0.12 on read it.
    public var text: ByteString {
        JSON.object([
            "schemaVersion": .integer(2), "mediaType": .string(Self.imageManifestType), "config": config.json,
            "layers": .array(layers.map(\.json)),
        ]).text
    }
}
