public import Formats
internal import Host

/// Where a user's files lie: the XDG directories, which must be absolute, else those below HOME. A HOME of somebody else
/// (`sudo` that kept it) is none: files of root's there would lock its owner out.
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

    /// Settings files, the later one wins.
    static var settings: [ByteString] {
        ["/etc/slipway/slipway.conf"]
            + (folder("XDG_CONFIG_HOME", orHome: ".config").map { [$0 + "/slipway.conf"] } ?? [])
    }

    /// Whether one of the settings files may stand there; cheap, and never wrong when it says no.
    static var mayHaveSettings: Bool {
        Files.exists("/etc/slipway/slipway.conf") || Files.exists(below: "XDG_CONFIG_HOME", "/slipway/slipway.conf")
            || Files.exists(below: "HOME", "/.config/slipway/slipway.conf")
    }

    /// The journal and what was learned.
    public static var state: ByteString? { folder("XDG_STATE_HOME", orHome: ".local/state") }

    /// The store of a host whose operator mounts one, else the user's own.
    public static var store: ByteString? {
        let shared: ByteString = "/buildkit-cache"
        if (try? Files.status(shared).kind) == .directory { return shared }
        return folder("XDG_CACHE_HOME", orHome: ".cache")?.appending(path: "buildkit")
    }
}
