public import Formats

/// A tool whose packages are cached.
public enum PackageTool: ByteString, Sendable, CaseIterable {
    case pip
    case npm
    case uv
    case yarn
    case go

    /// The variables that direct it to its directory below `place`. Never XDG_CACHE_HOME, although that one variable
    /// would do for all: if that directory is not writable, uv, go, poetry and pre-commit fail.
    public func variables(at place: ByteString) -> [(name: ByteString, value: ByteString)] {
        switch self {
        // Empty, it cancels an image's own setting: every other value, even "0" and "off", disables the cache.
        case .pip: [("PIP_CACHE_DIR", place.appending(path: "pip")), ("PIP_NO_CACHE_DIR", "")]
        case .npm: [("NPM_CONFIG_CACHE", place.appending(path: "npm"))]
        // No link leads out of the mount into the container's own files; without the second variable uv warns about
        // that each time.
        case .uv: [("UV_CACHE_DIR", place.appending(path: "uv")), ("UV_LINK_MODE", "copy")]
        case .yarn: [("YARN_CACHE_FOLDER", place.appending(path: "yarn"))]
        case .go: [("GOMODCACHE", place.appending(path: "go/mod")), ("GOCACHE", place.appending(path: "go/build"))]
        }
    }

    /// Whether a variable that the user sets concerns this tool's cache.
    public func isLed(by variable: ByteString) -> Bool {
        // npm accepts its variables in any case.
        if self == .npm { return variable.lowercasedASCII == "npm_config_cache" }
        if variable == "XDG_CACHE_HOME" { return true }
        return variables(at: "").contains { $0.name == variable }
            || (self == .uv && variable == "UV_NO_CACHE") || (self == .go && variable == "GOPATH")
    }

    /// The ends of the paths where the tool keeps its packages by default, below a home directory or elsewhere.
    private var usualPlaces: [ByteString] {
        switch self {
        case .pip: ["/.cache/pip"]
        case .npm: ["/.npm"]
        case .uv: ["/.cache/uv"]
        case .yarn: ["/.cache/yarn"]
        case .go: ["/go/pkg/mod", "/.cache/go-build"]
        }
    }

    /// Whether something mounted at a path may be the user's own cache for this tool: at, above or below its default
    /// place. The path is absolute and clean.
    public func isKept(at path: ByteString) -> Bool {
        if path == "/root" || path == "/home" || path.parentPath == "/home" { return true }
        return usualPlaces.contains { place in
            if path.hasSuffix(place) || (path + "/").range(of: place + "/") != nil { return true }
            var above = place.parentPath
            while above != "/" {
                if path.hasSuffix(above) { return true }
                above = above.parentPath
            }
            return false
        }
    }
}
