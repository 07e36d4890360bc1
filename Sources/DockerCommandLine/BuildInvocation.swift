public import Formats

/// A build with BuildKit's command line, by any of its names.
public struct BuildInvocation: Equatable, Sendable {
    /// How docker runs it, which decides the builder (docker/cli cmd/docker/builder.go, processBuilder).
    public enum Route: Sendable {
        /// `build`, `image build` and `builder build`: docker itself chooses between buildx and the legacy builder.
        case forwarded
        /// `buildx build`: always buildx, with its own current builder.
        case buildx
    }

    /// The options before the command word.
    public let globals: GlobalOptions
    /// How docker runs it.
    public let route: Route
    /// The index of `build` or `b`; options of the build may stand directly after it.
    public let commandWordIndex: Int
    /// The options and positionals after the command word, with their places.
    public let scan: Scan
    /// The last `--builder`, before or after the command word; an empty value differs from none.
    public let builder: ByteString?
    /// All arguments that are not options, in order.
    public let positionals: [ByteString]

    init(_ arguments: [ByteString], globals: GlobalOptions, route: Route, parent: Scan?, wordAt commandWordIndex: Int)
        throws(GrammarError)
    {
        let scan = try Scan(arguments, from: commandWordIndex + 1, table: .buildxBuild)
        self.globals = globals
        self.route = route
        self.commandWordIndex = commandWordIndex
        self.scan = scan
        builder = scan.lastValue(of: .builder) ?? parent?.lastValue(of: .builder)
        positionals = scan.positionals.map { arguments[$0] }
    }

    /// The build context: nil unless there is exactly one positional, as buildx requires.
    public var context: ByteString? { positionals.count == 1 ? positionals[0] : nil }

    /// `--file`, the last one.
    public var file: ByteString? { scan.lastValue(of: .file) }

    /// `--target`, the last one.
    public var target: ByteString? { scan.lastValue(of: .target) }

    /// Every `--platform`, not split at commas.
    public var platforms: [ByteString] { scan.values(of: .platform) }

    /// Every `--build-arg`, as `NAME=value` or `NAME`.
    public var buildArguments: [ByteString] { scan.values(of: .buildArgument) }

    /// Every `--build-context`, as `name=place`.
    public var buildContexts: [ByteString] { scan.values(of: .buildContext) }

    /// Every `--tag`.
    public var tags: [ByteString] { scan.values(of: .tag) }

    /// Every `--output`.
    public var outputs: [ByteString] { scan.values(of: .output) }

    /// Every `--cache-from`.
    public var cacheFrom: [ByteString] { scan.values(of: .cacheFrom) }

    /// Every `--cache-to`.
    public var cacheTo: [ByteString] { scan.values(of: .cacheTo) }

    /// Whether the user disabled the cache.
    public var noCache: Bool { scan.lastFlag(of: .noCache) ?? false }

    /// Whether the user disabled the cache for some stages; for all, if none is named (docker/buildx build/opt.go).
    public var hasNoCacheFilter: Bool { !scan.values(of: .noCacheFilter).isEmpty }

    /// Whether it requests more than the cache has, or is made from something that cannot be seen here.
    public var isAskedAnew: Bool {
        scan.occurrences.contains { Self.anew.contains(ByteString(stringLiteral: $0.row.name)) }
    }
    private static let anew: [ByteString] = ["no-cache", "no-cache-filter", "pull", "build-context"]

    /// Everything else, in a uniform spelling: every option but `--build-arg`, with its value, and all other
    /// arguments.
    public var others: [ByteString] {
        scan.occurrences.filter { $0.row.role != .buildArgument }.map { occurrence in
            ByteString(stringLiteral: occurrence.row.name) + "=" + occurrence.value
        } + positionals
    }

    /// Whether it requests help, a check or anything else but a build.
    public var isPassThrough: Bool { scan.isPassThrough }
}
