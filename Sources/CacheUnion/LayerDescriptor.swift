public import Formats

/// A blob as described in a manifest.
public struct LayerDescriptor: Equatable, Sendable {
    /// Its digest.
    public let digest: Digest
    /// Its size in bytes.
    public let size: Int
    /// Its declared media type, which tells above all the compression.
    public let mediaType: ByteString
    /// Sorted by name, each name once.
    let annotations: [JSON.Member]

    private static let members: [ByteString] = ["mediaType", "digest", "size", "annotations"]

    /// Whether it has no members but those that BuildKit's exporters write (cache/remotecache/export.go): a union cannot
    /// keep others, and must not drop them silently.
    let isPlain: Bool

    /// The fields as Go's encoding/json finds them; nil if it is no descriptor of a blob in a pool.
    public init?(_ json: JSON) {
        // Always SHA-256, as BuildKit writes it.
        guard let digest = json[field: "digest"]?.string.flatMap({ Digest($0) }),
            let size = json[field: "size"]?.integer, size >= 0
        else { return nil }
        self.digest = digest
        self.size = size
        mediaType = json[field: "mediaType"]?.string ?? ""
        annotations = (json[field: "annotations"]?.members ?? []).sorted { $0.name < $1.name }
        let named = json[field: "annotations"]
        isPlain =
            json.hasOnly(Self.members) && mediaType.isUTF8
            && (json[field: "mediaType"].map { $0.string != nil } ?? true)
            && (named == nil || named == .null || named?.members != nil)
            && annotations.allSatisfy { $0.name.isUTF8 && $0.value.string?.isUTF8 == true }
            && !zip(annotations, annotations.dropFirst()).contains { $0.name == $1.name }
    }

    init(digest: Digest, size: Int, mediaType: ByteString, annotations: [JSON.Member]) {
        self.digest = digest
        self.size = size
        self.mediaType = mediaType
        self.annotations = annotations
        isPlain = true
    }

    /// The members in Go's order.
    var json: JSON {
        var members: [JSON.Member] = []
        if !mediaType.isEmpty { members.append(JSON.Member(name: "mediaType", value: .string(mediaType))) }
        members.append(JSON.Member(name: "digest", value: .string(digest.name)))
        members.append(JSON.Member(name: "size", value: .integer(size)))
        if !annotations.isEmpty { members.append(JSON.Member(name: "annotations", value: .object(annotations))) }
        return .object(members)
    }

    /// Which of two descriptors of one blob a union keeps: either will do, but it must always be the same one.
    func isPreferred(to other: LayerDescriptor) -> Bool {
        self != other && json.text < other.json.text
    }
}

extension JSON {
    /// Whether it is an object in which each member has one of these names, exactly, and none occurs twice.
    func hasOnly(_ names: [ByteString]) -> Bool {
        guard let members else { return false }
        return members.allSatisfy { names.contains($0.name) }
            && names.allSatisfy { name in members.count { $0.name == name } <= 1 }
    }
}
