public import Formats

/// A command of compose's that builds, or makes containers: `build`, `up`, `create` and `run`.
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
    /// All arguments that are no options: services, and for `run` one service and its command.
    public let positionals: [ByteString]

    /// Nil for every other command of compose's.
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

    /// Whether the user wants no cache.
    public var noCache: Bool { scan.lastFlag(of: .noCache) ?? false }

    /// The names of the services that are built; none for all.
    public var services: [ByteString] { word == "run" ? Array(positionals.prefix(1)) : positionals }

    /// Whether it builds for certain: others build what has no image yet.
    public var builds: Bool { word == "build" || scan.lastFlag(of: .building) == true }

    /// Whether it asks for help, a check, or a rehearsal.
    public var isPassThrough: Bool { options.isPassThrough || scan.isPassThrough }

    /// Whether a file is standard input, or fetched from somewhere (docker/compose pkg/remote).
    public var isRemote: Bool {
        files.contains { $0 == "-" || $0.hasPrefix("oci:") || $0.hasPrefix("git@") || $0.range(of: "://") != nil }
    }

    /// Every absolute path of the engine's that `run -v` names.
    public var mountSources: [MountSource] {
        guard word == "run" else { return [] }
        return scan.occurrences.compactMap { occurrence in
            guard occurrence.row.role == .volume, let source = MountSource(volume: occurrence) else { return nil }
            return source.path.hasPrefix("/") ? source : nil
        }
    }
}

/// The services of a project that are built, as `compose config --format json` tells them.
public enum ComposeProject {
    /// Each with its name and what bake would call it; nil for what is not understood, and when the time is up.
    ///
    /// Source: docker/compose pkg/compose/build_bake.go, doBuildBake, which makes targets of services.
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

    /// Fields of a service's build that count here, under both names.
    private static let names: [(compose: ByteString, bake: ByteString)] = [
        ("context", "context"), ("dockerfile", "dockerfile"), ("dockerfile_inline", "dockerfile-inline"),
        ("target", "target"), ("args", "args"), ("additional_contexts", "contexts"), ("platforms", "platforms"),
        ("cache_from", "cache-from"), ("cache_to", "cache-to"), ("no_cache", "no-cache"),
        ("no_cache_filter", "no-cache-filter"),
    ]
}
