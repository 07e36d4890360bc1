public import Formats

/// An image's name with its tag, as docker reads it from `--tag`.
///
/// Source: distribution/reference normalize.go, ParseNormalizedNamed and splitDockerDomain. Docker checks it; here only what could
/// be read in two ways is refused.
public struct ImageName: Equatable, Hashable, Sendable {
    private let host: ByteString
    private let path: ByteString
    private let tag: ByteString

    /// Nil for a name with a digest, and for what docker would refuse.
    public init?(_ text: ByteString) {
        let (name, tag) = Self.cutTag(text)
        guard !name.isEmpty, !tag.isEmpty, tag.bytes.allSatisfy({ $0.isLetter || Self.isOfNames($0) }) else {
            return nil
        }
        let (host, path) = Self.cutHost(name)
        guard !path.split("/").contains(where: \.isEmpty),
            path.bytes.allSatisfy({ Self.isOfNames($0) || $0 == UInt8(ascii: "/") }),
            host.bytes.allSatisfy({ $0.isLetter || Self.isOfNames($0) || $0 == UInt8(ascii: ":") })
        else { return nil }
        self.host = host
        self.path = host == Self.hub && path.range(of: "/") == nil ? "library/" + path : path
        self.tag = tag
    }

    private static let hub: ByteString = "docker.io"

    /// With registry and tag, as buildx writes it.
    public var canonical: ByteString { host + "/" + path + ":" + tag }

    /// As the engine shows it.
    public var familiar: ByteString {
        guard host == Self.hub else { return canonical }
        return (path.hasPrefix("library/") ? path.dropFirst(8) : path) + ":" + tag
    }

    /// A colon introduces a tag only after the last slash.
    private static func cutTag(_ text: ByteString) -> (name: ByteString, tag: ByteString) {
        guard let (name, tag) = text.cutLast(at: ":"), tag.range(of: "/") == nil else { return (text, "latest") }
        return (name, tag)
    }

    private static func cutHost(_ name: ByteString) -> (host: ByteString, path: ByteString) {
        guard let (first, rest) = name.cut(at: "/"),
            first.bytes.contains(UInt8(ascii: ".")) || first.bytes.contains(UInt8(ascii: ":")) || first == "localhost"
        else { return (hub, name) }
        return (first == "index.docker.io" ? hub : first, rest)
    }

    private static func isOfNames(_ byte: UInt8) -> Bool {
        byte.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
    }
}
