public import Formats

/// `bake`, by any of its names: builds of the targets in a definition.
public struct BakeInvocation: Equatable, Sendable {
    /// How docker runs it, which decides the builder (docker/cli cmd/docker/builder.go, processBuilder).
    public enum Route: Sendable {
        /// `docker bake`, in docker since 28.1: the context's own builder.
        case forwarded
        /// `docker builder bake`: the same in every docker that passes it to buildx.
        case builder
        /// `buildx bake`: buildx's current builder.
        case buildx
    }

    /// The options before the command word.
    public let globals: GlobalOptions
    /// How docker runs it.
    public let route: Route
    /// The index of `bake` or `f`; options may stand directly after it.
    public let commandWordIndex: Int
    /// The options and positionals after the command word, with their places.
    public let scan: Scan
    /// The last `--builder`, before or after the command word; an empty value differs from none.
    public let builder: ByteString?
    /// The names of groups and targets, or the address of the definition.
    public let positionals: [ByteString]

    init(_ arguments: [ByteString], globals: GlobalOptions, route: Route, parent: Scan?, wordAt commandWordIndex: Int)
        throws(GrammarError)
    {
        let scan = try Scan(arguments, from: commandWordIndex + 1, table: .buildxBake)
        self.globals = globals
        self.route = route
        self.commandWordIndex = commandWordIndex
        self.scan = scan
        builder = scan.lastValue(of: .builder) ?? parent?.lastValue(of: .builder)
        positionals = scan.positionals.map { arguments[$0] }
    }

    /// Every `--file`.
    public var files: [ByteString] { scan.values(of: .file) }

    /// Every `--set`, as `PATTERN.KEY=value`.
    public var overrides: [ByteString] { scan.values(of: .override) }

    /// Whether a definition comes from standard input.
    public var readsStandardInput: Bool { files.contains("-") }

    /// Whether the user disabled the cache.
    public var noCache: Bool { scan.lastFlag(of: .noCache) ?? false }

    /// Whether it requests more than the cache has.
    public var isAskedAnew: Bool {
        scan.occurrences.contains { ["no-cache", "pull"].contains(ByteString(stringLiteral: $0.row.name)) }
    }

    /// Options that apply to all of its builds, besides the definition.
    public var others: [ByteString] {
        scan.occurrences.filter { !Self.ofDefinition.contains(ByteString(stringLiteral: $0.row.name)) }.map {
            ByteString(stringLiteral: $0.row.name) + "=" + $0.value
        }
    }
    /// Options that choose and change the definition, and those that no build depends on: compose names another
    /// metadata file each time.
    private static let ofDefinition: [ByteString] = [
        "allow", "debug", "file", "metadata-file", "progress", "set", "var",
    ]

    /// Whether it requests help, a list, a printed definition or anything else but builds.
    public var isPassThrough: Bool { scan.isPassThrough }

    /// Whether the definition, or a part of it, is downloaded: docker/buildx bake/remote.go and commands/bake.go, where
    /// the first word may be an address, and so may each file.
    public var isRemote: Bool {
        (positionals.prefix(2) + files).contains {
            $0.range(of: "://") != nil || $0.hasPrefix("git@") || $0.hasPrefix("github.com/")
        }
    }
}
