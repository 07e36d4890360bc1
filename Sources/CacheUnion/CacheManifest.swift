public import Formats

/// A cache manifest in either form: an image manifest whose config is the cache's config, or (buildx 0.13) an index
/// whose entries are the layers and the config.
public struct CacheManifest: Equatable, Sendable {
    /// The records: which step made which layer.
    public let config: LayerDescriptor
    /// The blobs that the config may refer to, in the order of the manifest, each once.
    public let layers: [LayerDescriptor]
    /// Whether a union can hold it: it has only the members that BuildKit's exporters write, because a union could
    /// neither keep nor understand others.
    public let isMergeable: Bool

    /// BuildKit's importer refuses a larger manifest or config (cache/remotecache/import.go, readBlob).
    public static let largestBlob = 1 << 20

    /// The media type of a cache config (cache/remotecache/v1/spec.go).
    static let configType: ByteString = "application/vnd.buildkit.cacheconfig.v0"
    static let imageManifestType: ByteString = "application/vnd.oci.image.manifest.v1+json"
    private static let indexTypes: [ByteString] = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]

    private static let members: [ByteString] = ["schemaVersion", "mediaType", "config", "layers", "manifests"]

    /// Reads a manifest as BuildKit's importer does; nil if it is not one, or if the time is up.
    public init?(_ text: ByteString, until deadline: Deadline = .never) {
        guard text.count <= Self.largestBlob, let json = JSON(text, until: deadline),
            let entries = (json[field: "layers"] ?? json[field: "manifests"])?.array
        else { return nil }
        var config = json[field: "config"].flatMap { LayerDescriptor($0) }
        var layers: [LayerDescriptor] = []
        layers.reserveCapacity(entries.count)
        for entry in entries {
            guard let descriptor = LayerDescriptor(entry) else { return nil }
            if config == nil && descriptor.mediaType == Self.configType {
                config = descriptor
            } else {
                layers.append(descriptor)
            }
        }
        guard let config else { return nil }
        let isIndex = json[field: "manifests"] != nil
        let types = isIndex ? Self.indexTypes : [Self.imageManifestType]
        let isPlain =
            json.hasOnly(Self.members) && json[field: "schemaVersion"]?.integer == 2
            && json[field: "mediaType"]?.string.map(types.contains) == true
            && (isIndex ? json[field: "layers"] == nil && json[field: "config"] == nil : json[field: "config"] != nil)
            && config.mediaType == Self.configType && ([config] + layers).allSatisfy(\.isPlain)
            && !(isIndex && layers.contains { $0.mediaType == Self.configType })
        self.init(config: config, layers: layers, isMergeable: isPlain)
    }

    /// A blob that occurs in several chains is listed for each of them; the last entry counts, as in BuildKit's map.
    init(config: LayerDescriptor, layers: [LayerDescriptor], isMergeable: Bool = true) {
        self.config = config
        self.isMergeable = isMergeable
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
