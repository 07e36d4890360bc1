public import Formats

/// A tool whose packages are kept, with its directory below the mount and the variables that lead it there
/// (facts: each tool's own documentation; XDG_CACHE_HOME is never set, it breaks uv, go, poetry and pre-commit).
public enum PackageTool: ByteString, Sendable, CaseIterable {
    case pip
    case npm
    case uv
    case yarn
    case go

    /// The variables, and what comes after the mount's path in their values; nil stands for a fixed value.
    public var variables: [(name: ByteString, directory: ByteString?, fixed: ByteString)] {
        switch self {
        // Empty, it undoes an image's own: every other value, "0" and "off" among them, switches the cache off.
        case .pip: [("PIP_CACHE_DIR", "pip", ""), ("PIP_NO_CACHE_DIR", nil, "")]
        case .npm: [("NPM_CONFIG_CACHE", "npm", "")]
        // A link from the lower directory into the container's own file system is impossible.
        case .uv: [("UV_CACHE_DIR", "uv", ""), ("UV_LINK_MODE", nil, "copy")]
        case .yarn: [("YARN_CACHE_FOLDER", "yarn", "")]
        case .go: [("GOMODCACHE", "go/mod", ""), ("GOCACHE", "go/build", "")]
        }
    }
}
