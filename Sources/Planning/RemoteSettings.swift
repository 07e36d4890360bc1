public import Formats

/// The registry behind the store, which hosts share: the settings `remote` and `remote.*`.
public struct RemoteSettings: Equatable, Sendable {
    /// What this host does with the registry.
    public enum Role: ByteString, CaseIterable, Sendable {
        /// It only fetches what others have pushed.
        case reader = "reader"
        /// It fetches and pushes.
        case writer = "writer"
        /// It fetches, and pushes only what was built on the repository's default branch.
        case writerOnDefaultBranch = "writer-on-default-branch"
    }

    /// How layers get from the registry into builds.
    public enum Mode: ByteString, CaseIterable, Sendable {
        /// They are copied into the store, and builds import them from there.
        case replicate = "replicate"
        /// The engine itself imports them, without a store: for machines that live only as long as one build.
        case direct = "direct"
    }

    /// `remote`: a registry and a path in it, for sharing layers with other hosts; nil for none.
    public var prefix: ByteString?
    /// `remote.role`: whether this host only fetches layers from the registry, or pushes them, too.
    public var role = Role.reader
    /// `remote.mode`: whether layers go through the store, or the engine imports directly from the registry.
    public var mode = Mode.replicate
    /// `remote.writer`: the tag that this host pushes; nil for a name that is generated once for this user and machine.
    public var writer: ByteString?
    /// `remote.max-fetch`: how many bytes one fetch may bring for a key.
    public var maximumFetch: UInt64 = 4_000_000_000
    /// `remote.interval`: time between two background queries to the registry for a key (in nanoseconds).
    public var interval: Int64 = 600_000_000_000
    /// `remote.wait`: how long the first build of a key waits for layers from other hosts (in nanoseconds); nil for no
    /// wait.
    public var wait: Int64?
    /// `remote.insecure`: whether to talk to the registry without TLS.
    public var isInsecure = false
    /// `remote.client`: oras or crane, absolute; nil for the first one on PATH.
    public var client: ByteString?

    /// The registry from which the engine itself imports; nil if there is none.
    public var directPrefix: ByteString? { mode == .direct ? prefix : nil }

    static let longestWait: Int64 = 600_000_000_000

    /// The defaults.
    public init() {}

    /// The prefix of references, "host:port/path" without a tag, from a text that a person wrote; nil for anything
    /// else. No part of it can be mistaken for an option. It contains no credentials: docker keeps those.
    public static func prefix(_ text: ByteString) -> ByteString? {
        var text = text
        for scheme in ["oci://", "oci:"] as [ByteString] where text.hasPrefix(scheme) {
            text = text.dropFirst(scheme.count)
            break
        }
        let parts = text.split("/")
        guard let host = parts.first, text.count <= 160, isHost(host), parts.dropFirst().allSatisfy(isComponent) else {
            return nil
        }
        return text
    }

    /// Whether a text is a reference by digest below a prefix, "PREFIX/KEY@sha256:...".
    public static func isReference(_ text: ByteString, below prefix: ByteString) -> Bool {
        guard text.hasPrefix(prefix + "/"), let (name, digest) = text.dropFirst(prefix.count + 1).cut(at: "@"),
            isComponent(name)
        else { return false }
        return Digest(digest) != nil
    }

    /// A name with a dot, "localhost", or a name with a port: docker takes anything else for a path on its default
    /// registry.
    private static func isHost(_ host: ByteString) -> Bool {
        let (name, port) = host.cutLast(at: ":").map { ($0.before, $0.after as ByteString?) } ?? (host, nil)
        if let port, port.isEmpty || port.count > 5 || !port.bytes.allSatisfy(\.isDigit) { return false }
        guard let first = name.bytes.first, let last = name.bytes.last, first.isLetter || first.isDigit,
            last.isLetter || last.isDigit,
            name.bytes.allSatisfy({ $0.isLetter || $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
        else { return false }
        return port != nil || name == "localhost" || name.contains(".")
    }

    /// Source: the OCI distribution specification, "Pulling manifests": `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    public static func isComponent(_ text: ByteString) -> Bool {
        let isWord = { (byte: UInt8) in byte.isDigit || (0x61...0x7A).contains(byte) }
        guard let first = text.bytes.first, let last = text.bytes.last, isWord(first), isWord(last) else {
            return false
        }
        let separators = text.bytes.split(whereSeparator: isWord).map { ByteString($0) }
        return separators.allSatisfy { separator in
            separator == "." || separator == "_" || separator == "__"
                || separator.bytes.allSatisfy { $0 == UInt8(ascii: "-") }
        }
    }

    /// Source: the same, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    public static func isTag(_ text: ByteString) -> Bool {
        guard let first = text.bytes.first, text.count <= 128 else { return false }
        let isWord = { (byte: UInt8) in byte.isDigit || byte.isLetter || byte == UInt8(ascii: "_") }
        return isWord(first)
            && text.bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }
}

extension Settings {
    static let remoteRows: [Definition] = [
        Definition(key: "remote", expects: "a registry and a path in it, such as registry.example.com/team/cache") {
            value, settings in
            guard let prefix = RemoteSettings.prefix(value) else { return false }
            settings.remote.prefix = prefix
            return true
        } show: {
            $0.remote.prefix ?? ""
        },
        .choice(
            "remote.role", expects: "reader, writer or writer-on-default-branch", { $0.remote.role = $1 },
            { $0.remote.role }),
        .choice("remote.mode", expects: "replicate or direct", { $0.remote.mode = $1 }, { $0.remote.mode }),
        Definition(key: "remote.writer", expects: "a tag, such as ci") { value, settings in
            guard RemoteSettings.isTag(value) else { return false }
            settings.remote.writer = value
            return true
        } show: {
            $0.remote.writer ?? ""
        },
        .size(
            "remote.max-fetch", expects: "a size with a unit, such as 4GB", { $0.remote.maximumFetch = $1 },
            { $0.remote.maximumFetch }),
        Definition(key: "remote.interval", expects: "a time with a unit, such as 10m") { value, settings in
            guard let interval = TimeSpan.parse(value), interval > 0 else { return false }
            settings.remote.interval = interval
            return true
        } show: {
            TimeSpan.text($0.remote.interval)
        },
        Definition(key: "remote.wait", expects: "a time with a unit, such as 20s") { value, settings in
            guard let wait = TimeSpan.parse(value), wait > 0, wait <= RemoteSettings.longestWait else { return false }
            settings.remote.wait = wait
            return true
        } show: {
            $0.remote.wait.map(TimeSpan.text) ?? ""
        },
        .flag("remote.insecure", { $0.remote.isInsecure = $1 }, { $0.remote.isInsecure }),
        Definition(key: "remote.client", expects: "an absolute path") { value, settings in
            guard value.hasPrefix("/") else { return false }
            settings.remote.client = value
            return true
        } show: {
            $0.remote.client ?? ""
        },
    ]
}
