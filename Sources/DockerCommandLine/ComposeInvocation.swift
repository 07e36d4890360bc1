public import Formats

/// A compose command that builds or creates containers: `build`, `up`, `create` and `run`.
public struct ComposeInvocation: Equatable, Sendable {
    /// docker's options, before `compose`.
    public let globals: GlobalOptions
    /// compose's options, between `compose` and the command word.
    public let options: Scan
    /// "build", "up", "create" or "run".
    public let word: ByteString
    /// Its index; options of the command may stand directly after it, compose's own directly before it.
    public let commandWordIndex: Int
    /// The options and positionals after the command word, with their places.
    public let scan: Scan
    /// All arguments that are not options: services, and for `run` one service and its command.
    public let positionals: [ByteString]

    /// Nil for every other compose command.
    init?(_ arguments: [ByteString], globals: GlobalOptions, options: Scan) throws(GrammarError) {
        guard let index = options.positionals.first else { return nil }
        let table: OptionTable
        switch arguments[index] {
        case "build": table = .composeBuild
        case "up": table = .composeUp
        case "create": table = .composeCreate
        case "run": table = .composeRun
        default: return nil
        }
        let scan = try Scan(arguments, from: index + 1, table: table)
        self.globals = globals
        self.options = options
        word = arguments[index]
        commandWordIndex = index
        self.scan = scan
        positionals = scan.positionals.map { arguments[$0] }
    }

    /// Every `--file`.
    public var files: [ByteString] { options.values(of: .file) }

    /// Every `--env-file`.
    public var environmentFiles: [ByteString] { options.values(of: .environmentFile) }

    /// `--project-directory`, the last one.
    public var projectDirectory: ByteString? { options.lastValue(of: .projectDirectory) }

    /// `--builder`, the last one.
    public var builder: ByteString? { scan.lastValue(of: .builder) }

    /// Whether the user disabled the cache.
    public var noCache: Bool { scan.lastFlag(of: .noCache) ?? false }

    /// The names of the services to build; none for all.
    public var services: [ByteString] { word == "run" ? Array(positionals.prefix(1)) : positionals }

    /// Whether it certainly builds: the others build only what has no image yet.
    public var builds: Bool { word == "build" || scan.lastFlag(of: .building) == true }

    /// Whether it requests help, a check, or a dry run.
    public var isPassThrough: Bool { options.isPassThrough || scan.isPassThrough }

    /// Whether a file is standard input, or downloaded (docker/compose pkg/remote).
    public var isRemote: Bool {
        files.contains { $0 == "-" || $0.hasPrefix("oci:") || $0.hasPrefix("git@") || $0.range(of: "://") != nil }
    }

    /// Every absolute path for the engine in `run -v`.
    public var mountSources: [MountSource] {
        guard word == "run" else { return [] }
        return scan.occurrences.compactMap { occurrence in
            guard occurrence.row.role == .volume, let source = MountSource(volume: occurrence) else { return nil }
            return source.path.hasPrefix("/") ? source : nil
        }
    }
}

/// The services of a project that are built, from `compose config --format json`.
public enum ComposeProject {
    /// Each with its name and its bake target; nil if the project is not understood, or the time is up.
    ///
    /// Source: docker/compose pkg/compose/build_bake.go, doBuildBake, which turns services into targets.
    public static func builds(
        in text: ByteString, until deadline: Deadline = .never
    ) -> [(service: ByteString, target: BakeTarget)]? {
        guard let json = JSON(text, until: deadline), let services = json[key: "services"]?.members else { return nil }
        let project = json[key: "name"]?.string ?? ""
        var builds: [(service: ByteString, target: BakeTarget)] = []
        for service in services {
            guard !deadline.hasPassed else { return nil }
            guard let build = service.value[key: "build"], build != .null else { continue }
            guard let members = build.members else { return nil }
            let image = service.value[key: "image"]?.string ?? project + "-" + service.name
            var fields: [JSON.Member] = [.init(name: "tags", value: .array([.string(image)]))]
            for member in members {
                guard let name = names.first(where: { $0.compose == member.name })?.bake else { continue }
                fields.append(.init(name: name, value: member.value))
            }
            guard let target = BakeTarget(name: BakeTarget.name(of: service.name), .object(fields)) else { return nil }
            builds.append((service.name, target))
        }
        return builds
    }

    /// The fields of a service's build that matter here, with both names.
    private static let names: [(compose: ByteString, bake: ByteString)] = [
        ("context", "context"), ("dockerfile", "dockerfile"), ("dockerfile_inline", "dockerfile-inline"),
        ("target", "target"), ("args", "args"), ("additional_contexts", "contexts"), ("platforms", "platforms"),
        ("cache_from", "cache-from"), ("cache_to", "cache-to"), ("no_cache", "no-cache"),
        ("no_cache_filter", "no-cache-filter"),
    ]
}
