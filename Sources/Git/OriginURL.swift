public import Formats

/// A git remote's address in a normal form, the same for all spellings of the same repository.
public enum OriginURL {
    /// "host/path" for a network address, without credentials, default port, query, fragment and ".git"; nil for a
    /// local path, and for an address without a path. `https://user:token@GitHub.com/o/r.git`,
    /// `ssh://git@github.com:22/o/r` and `git@github.com:o/r` all give `github.com/o/r`.
    public static func normalized(_ url: ByteString) -> ByteString? {
        let address = PublicAddress(url)
        guard address.scheme != "file", let host = address.host else { return nil }
        return name(host: address.scheme == nil ? host : withoutDefaultPort(host), path: address.path)
    }

    /// The path of a local remote: the part after "file://", or the text itself; nil for an address with another
    /// scheme, which may contain a secret.
    public static func localPath(_ url: ByteString) -> ByteString? {
        let text = url.trimmed
        guard let mark = text.range(of: "://") else { return PublicAddress(text).path }
        return text.prefix(mark.lowerBound).lowercasedASCII == "file" ? text.dropFirst(mark.upperBound) : nil
    }

    private static func name(host: ByteString, path: ByteString) -> ByteString? {
        var path = path
        while path.hasPrefix("/") { path = path.dropFirst(1) }
        while path.hasSuffix("/") { path = path.dropLast(1) }
        if path.hasSuffix(".git") { path = path.dropLast(4) }
        if path.isEmpty { return host.isEmpty ? nil : host.lowercasedASCII }
        return host.lowercasedASCII + "/" + path
    }

    private static func withoutDefaultPort(_ host: ByteString) -> ByteString {
        for port: ByteString in [":443", ":80", ":22", ":9418"] where host.hasSuffix(port) {
            return host.dropLast(port.count)
        }
        return host
    }
}
