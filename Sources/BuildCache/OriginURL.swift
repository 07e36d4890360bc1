public import Formats

/// A git remote's address, made one for all who mean the same repository.
public enum OriginURL {
    /// "host/path" for a network address, without credentials, default port, query, fragment and ".git"; nil for a local path, and
    /// for an address that names nothing.
    /// `https://user:token@GitHub.com/o/r.git`, `ssh://git@github.com:22/o/r` and `git@github.com:o/r` are all `github.com/o/r`.
    public static func normalized(_ url: ByteString) -> ByteString? {
        let text = url.trimmed
        if let mark = text.range(of: "://") {
            let scheme = text.prefix(mark.lowerBound).lowercasedASCII
            guard scheme != "file" else { return nil }
            let rest = withoutPasswordWithSlash(text.dropFirst(mark.upperBound))
            let (authority, path) = rest.cut(at: "/").map { ($0.before, $0.after) } ?? (rest, "")
            return name(host: withoutDefaultPort(withoutQuery(withoutUser(authority))), path: withoutQuery(path))
        }
        // git's scp form: a colon before any slash.
        guard let (host, path) = text.cut(at: ":"), !host.contains("/"), !host.isEmpty else { return nil }
        return name(host: withoutUser(host), path: path)
    }

    /// The path of a local remote: what stands after "file://", or the text itself; nil for an address of another scheme, which may
    /// hold a secret.
    static func localPath(_ url: ByteString) -> ByteString? {
        let text = url.trimmed
        guard let mark = text.range(of: "://") else { return text }
        return text.prefix(mark.lowerBound).lowercasedASCII == "file" ? text.dropFirst(mark.upperBound) : nil
    }

    private static func name(host: ByteString, path: ByteString) -> ByteString? {
        var path = path
        while path.hasPrefix("/") { path = path.dropFirst(1) }
        while path.hasSuffix("/") { path = path.dropLast(1) }
        if path.hasSuffix(".git") { path = path.dropLast(4) }
        // "user:token@host/o/r", a scheme forgotten, is git's scp form with the token in the path.
        path = path.split("/").map(withoutUser).joined(separator: "/")
        if path.isEmpty { return host.isEmpty ? nil : host.lowercasedASCII }
        return host.lowercasedASCII + "/" + path
    }

    private static func withoutUser(_ text: ByteString) -> ByteString { text.cutLast(at: "@")?.after ?? text }

    /// A password with a bare slash in it is no valid address, but it is still a password.
    private static func withoutPasswordWithSlash(_ rest: ByteString) -> ByteString {
        guard let authority = rest.cut(at: "/")?.before, !authority.contains("@"),
            let (_, port) = authority.cut(at: ":"),
            port.decimal == nil, let (_, after) = rest.cutLast(at: "@")
        else { return rest }
        return after
    }

    private static func withoutDefaultPort(_ host: ByteString) -> ByteString {
        for port: ByteString in [":443", ":80", ":22", ":9418"] where host.hasSuffix(port) {
            return host.dropLast(port.count)
        }
        return host
    }

    private static func withoutQuery(_ text: ByteString) -> ByteString {
        let withoutFragment = text.cut(at: "#")?.before ?? text
        return withoutFragment.cut(at: "?")?.before ?? withoutFragment
    }
}
