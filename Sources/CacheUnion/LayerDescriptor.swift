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

    /// A descriptor with the members that BuildKit's exporters write (cache/remotecache/export.go); nil for any other:
    /// a union cannot keep unknown members, and must not drop them silently.
    init?(_ json: JSON) {
        guard let members = json.members else { return nil }
        var (digest, size): (Digest?, Int?)
        var mediaType: ByteString = ""
        var annotations: [JSON.Member] = []
        var seen = 0
        for member in members {
            let bit: Int
            switch member.name {
            case "digest":
                bit = 1
                // Always SHA-256, as BuildKit writes it: names of other forms could lead out of the pool.
                digest = member.value.string.flatMap { $0.hasPrefix("sha256:") ? Digest($0) : nil }
            case "size":
                bit = 2
                size = member.value.integer
            case "mediaType":
                bit = 4
                guard let type = member.value.string, type.isUTF8 else { return nil }
                mediaType = type
            case "annotations":
                bit = 8
                if member.value == .null { break }
                guard let list = member.value.members,
                    list.allSatisfy({ $0.name.isUTF8 && $0.value.string?.isUTF8 == true })
                else { return nil }
                annotations = list.sorted { $0.name < $1.name }
            default: return nil
            }
            guard seen & bit == 0 else { return nil }
            seen |= bit
        }
        guard let digest, let size, size >= 0 else { return nil }
        guard !zip(annotations, annotations.dropFirst()).contains(where: { $0.name == $1.name }) else { return nil }
        self.init(digest: digest, size: size, mediaType: mediaType, annotations: annotations)
    }

    init(digest: Digest, size: Int, mediaType: ByteString, annotations: [JSON.Member]) {
        self.digest = digest
        self.size = size
        self.mediaType = mediaType
        self.annotations = annotations
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
