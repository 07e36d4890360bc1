public import Formats

/// What buildx says of the image that it has built.
public struct BuiltImage: Equatable, Sendable {
    /// The digest of its configuration: its identifier in a classic store.
    public let configuration: ByteString
    /// The digest of its manifest: its identifier in a containerd store.
    public let manifest: ByteString
    private let metadata: JSON

    /// From buildx's metadata file; nil if it names no single image.
    public init?(_ text: ByteString) {
        guard let json = JSON(text), json.members != nil,
            let configuration = Self.digest(json[key: "containerimage.config.digest"]),
            let manifest = Self.digest(json[key: "containerimage.digest"])
        else { return nil }
        self.configuration = configuration
        self.manifest = manifest
        metadata = json
    }

    private static func digest(_ json: JSON?) -> ByteString? {
        guard let text = json?.string, text.hasPrefix("sha256:"), Digest(text) != nil else { return nil }
        return text
    }

    /// The image among what the engine describes; nil if it has none of that identity.
    public func found(among images: [JSON]) -> EngineImage? {
        images.lazy.compactMap(EngineImage.init).first { $0.identifier == configuration || $0.identifier == manifest }
    }

    /// The metadata file as buildx writes it after loading: names with registry and tag, and without a digest that a containerd
    /// store cannot find.
    public func metadata(of image: EngineImage, named tags: [ByteString]) -> ByteString {
        let names = tags.compactMap { ImageName($0)?.canonical }.joined(separator: ",")
        let members = (metadata.members ?? []).compactMap { member -> JSON.Member? in
            switch member.name {
            case "containerimage.config.digest" where image.identifier != configuration: nil
            case "image.name": JSON.Member(name: member.name, value: .string(names))
            default: member
            }
        }
        return JSON.object(members).text + "\n"
    }
}

/// An image that the engine has.
public struct EngineImage: Equatable, Sendable {
    /// The identifier by which the engine finds it.
    public let identifier: ByteString
    private let names: Set<ByteString>

    /// From `docker image inspect`.
    init?(_ json: JSON) {
        guard let identifier = json[field: "Id"]?.string else { return nil }
        self.identifier = identifier
        names = Set(json[field: "RepoTags"]?.array?.compactMap(\.string) ?? [])
    }

    /// Those of the names that it does not have yet.
    public func lacking(_ tags: [ByteString]) -> [ByteString] {
        tags.filter { tag in ImageName(tag).map { !names.contains($0.familiar) } ?? true }
    }
}
