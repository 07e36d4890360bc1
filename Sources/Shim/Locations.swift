public import Formats
internal import Host

/// The directories of a user's files: the XDG directories if they are absolute, otherwise those below HOME. A HOME of
/// another user's (kept by `sudo`) is ignored: files that root made there would lock out its owner.
public enum Locations {
    private static var home: ByteString? {
        guard let home = Kernel.variable("HOME"), home.hasPrefix("/"),
            let status = try? Files.status(home), status.owner == Kernel.userID
        else { return nil }
        return home
    }

    private static func folder(_ variable: StaticString, orHome path: ByteString) -> ByteString? {
        if let folder = Kernel.variable(variable), folder.hasPrefix("/") { return folder.appending(path: "slipway") }
        return home?.appending(path: path).appending(path: "slipway")
    }

    /// The settings files; a later one overrides an earlier one.
    static var settings: [ByteString] {
        ["/etc/slipway/slipway.conf"]
            + (folder("XDG_CONFIG_HOME", orHome: ".config").map { [$0 + "/slipway.conf"] } ?? [])
    }

    /// Whether there may be a settings file; cheap, and reliable when it is false.
    static var mayHaveSettings: Bool {
        Files.exists("/etc/slipway/slipway.conf") || Files.exists(below: "XDG_CONFIG_HOME", "/slipway/slipway.conf")
            || Files.exists(below: "HOME", "/.config/slipway/slipway.conf")
    }

    /// The journal, and everything that Slipway remembers.
    public static var state: ByteString? { folder("XDG_STATE_HOME", orHome: ".local/state") }

    /// The store that the host's operator mounts, or otherwise the user's own.
    public static var store: ByteString? {
        let shared: ByteString = "/buildkit-cache"
        if (try? Files.status(shared).kind) == .directory { return shared }
        return folder("XDG_CACHE_HOME", orHome: ".cache")?.appending(path: "buildkit")
    }
}
