/// An address without secrets, fit to be stored and shown: it has no password, query or fragment, and no user except
/// for ssh, which does not work without one. Whatever stores or prints an address takes this type, which cannot hold
/// more.
public struct PublicAddress: Hashable, Sendable {
    /// The whole address. A path, or a text that is not an address, stays unchanged.
    public let text: ByteString
    /// In lower case; nil in git's scp form, and for a text that is not an address.
    public let scheme: ByteString?
    /// With its port; nil for a path, and for a text that is not an address.
    public let host: ByteString?
    /// What follows the slash or colon after the host, as given; the whole text if it is not an address.
    public let path: ByteString

    /// Removes the secrets from an address.
    public init(_ raw: ByteString) {
        let text = raw.trimmed
        let isPath = text.hasPrefix("/") || text.hasPrefix(".")
        if !isPath, let mark = text.range(of: "://") {
            self.init(scheme: Self.scheme(endingIn: text.prefix(mark.lowerBound)), text.dropFirst(mark.upperBound))
        } else if !isPath, let (host, path) = text.cut(at: ":"), !host.isEmpty, !host.contains("/") {
            self.init(host: Self.withoutUser(host), path: Self.withoutQuery(Self.withoutUsers(path)))
        } else {
            // docker's short form of an address.
            let kept = text.hasPrefix("github.com/") ? Self.withoutQuery(text) : text
            self.init(text: kept, scheme: nil, host: nil, path: kept)
        }
    }

    private init(scheme: ByteString, _ raw: ByteString) {
        let rest = Self.withoutPasswordWithSlash(raw)
        let parts = rest.cut(at: "/")
        let authority = parts?.before ?? rest
        let host = Self.withoutQuery(Self.withoutUser(authority))
        // A query that begins before the first slash covers everything after it.
        let isCut = host.count < Self.withoutUser(authority).count
        let path = isCut ? "" : Self.withoutUsers(Self.withoutQuery(parts?.after ?? ""))
        var user: ByteString = ""
        if scheme == "ssh", let (before, _) = authority.cutLast(at: "@") {
            user = (before.cut(at: ":")?.before ?? before) + "@"
        }
        let text = scheme + "://" + user + host + (isCut || parts == nil ? "" : "/") + path
        self.init(text: text, scheme: scheme, host: host, path: path)
    }

    /// git's scp form.
    private init(host: ByteString, path: ByteString) {
        self.init(text: host + ":" + path, scheme: nil, host: host, path: path)
    }

    private init(text: ByteString, scheme: ByteString?, host: ByteString?, path: ByteString) {
        self.text = text
        self.scheme = scheme
        self.host = host
        self.path = path
    }

    /// Any text may precede "://"; only its last letters are the scheme.
    private static func scheme(endingIn text: ByteString) -> ByteString {
        text.suffix(text.bytes.reversed().prefix(while: isOfScheme).count).lowercasedASCII
    }

    private static func isOfScheme(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }

    private static func withoutUser(_ text: ByteString) -> ByteString { text.cutLast(at: "@")?.after ?? text }

    /// "user:token@host/o/r", with the scheme forgotten, is git's scp form with the token in the path.
    private static func withoutUsers(_ path: ByteString) -> ByteString {
        path.split("/").map(withoutUser).joined(separator: "/")
    }

    /// A password that contains a bare slash makes the address invalid, but it is still a password.
    private static func withoutPasswordWithSlash(_ rest: ByteString) -> ByteString {
        guard let authority = rest.cut(at: "/")?.before, !authority.contains("@"),
            let (_, port) = authority.cut(at: ":"),
            port.decimal == nil, let (_, after) = rest.cutLast(at: "@")
        else { return rest }
        return after
    }

    private static func withoutQuery(_ text: ByteString) -> ByteString {
        let withoutFragment = text.cut(at: "#")?.before ?? text
        return withoutFragment.cut(at: "?")?.before ?? withoutFragment
    }
}

extension PublicAddress {
    private static let mark: ByteString = "://"

    /// A text in which each address has been made public. An address ends at a blank, a quote or a bracket.
    public static func redacting(_ text: ByteString) -> ByteString {
        guard text.range(of: mark) != nil else { return text }
        var result: [UInt8] = []
        var word: [UInt8] = []
        func end() {
            defer { word = [] }
            let address = ByteString(word)
            guard let at = address.range(of: mark) else { return result += word }
            let before = address.prefix(at.lowerBound)
            let start = before.count - before.bytes.reversed().prefix(while: isOfScheme).count
            result += word[..<start] + PublicAddress(address.dropFirst(start)).text.bytes
        }
        for byte in text.bytes {
            if isEnd(byte) {
                end()
                result.append(byte)
            } else {
                word.append(byte)
            }
        }
        end()
        return ByteString(result)
    }

    private static func isEnd(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
            || byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">")
    }
}

extension PublicAddress {
    /// Whether a text can be an image name, which holds no credentials. Any other text may be an address that
    /// does.
    ///
    /// Source: distribution/reference regexp.go.
    public static func isImageName(_ text: ByteString) -> Bool {
        guard !text.isEmpty, text.range(of: "//") == nil else { return false }
        if let (name, digest) = text.cut(at: "@"), name.isEmpty || !digest.hasPrefix("sha") || digest.contains("@") {
            return false
        }
        return text.bytes.allSatisfy { $0.isLetter || $0.isDigit || "._-/:@[]".utf8.contains($0) }
    }
}
