public import Formats

/// `bake`, by whichever of its names: builds of what a definition says.
public struct BakeInvocation: Equatable, Sendable {
    /// How docker comes to run it, which decides the builder (docker/cli cmd/docker/builder.go, processBuilder).
    public enum Route: Sendable {
        /// `docker bake`, which docker has since 28.1: the context's own builder.
        case forwarded
        /// `docker builder bake`: the same in every docker that hands it to buildx.
        case builder
        /// `buildx bake`: buildx's current builder.
        case buildx
    }

    /// The options before the command word.
    public let globals: GlobalOptions
    /// How docker comes to run it.
    public let route: Route
    /// The index of `bake` or `f`; options may stand directly after it.
    public let commandWordIndex: Int
    /// The options and positionals after the command word, with their places.
    public let scan: Scan
    /// `--builder`, the last one, before or after the command word; empty is not the same as none.
    public let builder: ByteString?
    /// The names of groups and targets, or an address where the definition lies.
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

    /// Whether a definition stands on standard input.
    public var readsStandardInput: Bool { files.contains("-") }

    /// Whether the user wants no cache.
    public var noCache: Bool { scan.lastFlag(of: .noCache) ?? false }

    /// Whether it asks for more than the cache has.
    public var isAskedAnew: Bool {
        scan.occurrences.contains { ["no-cache", "pull"].contains(ByteString(stringLiteral: $0.row.name)) }
    }

    /// What it says about all of its builds besides their definition.
    public var others: [ByteString] {
        scan.occurrences.filter { !Self.ofDefinition.contains(ByteString(stringLiteral: $0.row.name)) }.map {
            ByteString(stringLiteral: $0.row.name) + "=" + $0.value
        }
    }
    /// What chooses and changes the definition, and what no build depends on: compose names another metadata file each time.
    private static let ofDefinition: [ByteString] = [
        "allow", "debug", "file", "metadata-file", "progress", "set", "var",
    ]

    /// Whether it asks for help, a list, a printed definition or anything else but builds.
    public var isPassThrough: Bool { scan.isPassThrough }

    /// Whether the definition, or a part of it, is fetched from somewhere: docker/buildx bake/remote.go and commands/bake.go,
    /// where the first word may be an address, and so may each file.
    public var isRemote: Bool {
        (positionals.prefix(2) + files).contains {
            $0.range(of: "://") != nil || $0.hasPrefix("git@") || $0.hasPrefix("github.com/")
        }
    }
}
