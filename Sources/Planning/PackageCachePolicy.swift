public import DockerCommandLine
public import Formats
public import Notes

/// What a container gets of the packages that `slipway warm` has fetched on its engine.
public enum PackageCachePolicy {
    /// What the command line and the settings permit, determined before an engine is asked.
    public struct Request: Equatable, Sendable {
        /// How packages are provided.
        public let mode: Settings.PackageCache
        /// The tools that get packages; if there are none, the engine is not asked.
        public var tools: [PackageTool]
        /// Why not.
        public var notes: [Note]
    }

    /// What the engine has.
    public struct Facts: Equatable, Sendable {
        /// Slipway's volumes on the engine; nil if unknown.
        public var volumes: [PackageVolume]?
        /// The names for a view, if one is made.
        public var view: PackageView
        /// Milliseconds since 1970.
        public var now: Int
        /// What could not be determined, and why.
        public var notes: [Note]

        /// From named values.
        public init(volumes: [PackageVolume]? = nil, view: PackageView, now: Int, notes: [Note] = []) {
            self.volumes = volumes
            self.view = view
            self.now = now
            self.notes = notes
        }
    }

    /// The volumes that operators of sandboxes mount in containers, with their mount points.
    public static let sharedVolumes: [(tool: PackageTool, name: ByteString, place: ByteString)] = [
        (.pip, "slipway-pip-cache", "/cache/pip"), (.npm, "slipway-npm-cache", "/cache/npm"),
    ]

    /// The request that a command line permits. `fileVariables` are the names that the command's `--env-file`s set; nil
    /// if one of them could not be read.
    public static func request(
        of container: ContainerInvocation, _ settings: Settings, fileVariables: [ByteString]?
    ) -> Request {
        func nothing(_ note: Note) -> Request { Request(mode: settings.packageCache, tools: [], notes: [note]) }
        if container.isPassThrough { return nothing(Note(.helpOrCheck)) }
        if settings.packageCache == .off { return nothing(Note(.packageCacheOff)) }
        guard container.image != nil, let targets = container.mountTargets else {
            return nothing(Note(.commandNotUnderstood))
        }
        if let option = container.specialOption { return nothing(Note(.containerSpecial, option)) }
        guard let fileVariables else { return nothing(Note(.environmentFileUnread)) }

        let places = places(in: settings.packageCache)
        var request = Request(mode: settings.packageCache, tools: places.map(\.tool), notes: [])
        let variables = container.variables + fileVariables
        for (tool, place) in places {
            if let target = targets.first(where: { clash($0, place) || tool.isKept(at: $0) }) {
                request.leaveOut(tool, Note(.packagePlaceTaken, tool.rawValue + ": " + target))
            } else if let variable = variables.first(where: tool.isLed) {
                request.leaveOut(tool, Note(.packageVariableTaken, tool.rawValue + ": " + variable))
            }
        }
        return request
    }

    private static func places(in mode: Settings.PackageCache) -> [(tool: PackageTool, place: ByteString)] {
        switch mode {
        case .view: PackageTool.allCases.map { ($0, PackageView.place) }
        case .readOnly, .readWrite: sharedVolumes.map { ($0.tool, $0.place) }
        case .off: []
        }
    }

    /// Whether two mounts conflict: docker refuses two at the same place, and of two nested mounts one would create its
    /// mount point in the other.
    private static func clash(_ target: ByteString, _ place: ByteString) -> Bool {
        target.relative(to: place) != nil || place.relative(to: target) != nil
            || (place == PackageView.place && target.relative(to: PackageView.workPlace) != nil)
    }

    /// The command with the options that the facts permit, directly after the command word.
    public static func plan(
        _ container: ContainerInvocation, _ arguments: [ByteString], request: Request, facts: Facts
    ) -> Plan {
        let notes = request.notes + facts.notes
        guard !request.tools.isEmpty, let volumes = facts.volumes else { return .unchanged(arguments, notes) }
        let (options, more) =
            request.mode == .view
            ? view(request, volumes, facts) : shared(request, volumes, isReadOnly: request.mode == .readOnly)
        guard !options.isEmpty else { return .unchanged(arguments, notes + more) }
        return Plan(arguments, edits: [.insert(options, after: container.commandWordIndex)], notes: notes + more)
    }

    private static func view(
        _ request: Request, _ volumes: [PackageVolume], _ facts: Facts
    ) -> (options: [ByteString], notes: [Note]) {
        let generation: PackageGeneration
        switch PackageGeneration.current(among: volumes) {
        case .none: return ([], [Note(.noPackages)])
        case .damaged(let name): return ([], [Note(.packagesDamaged, name)])
        case .whole(let found): generation = found
        }
        // If `warm` could not mount a view, the container's mount would fail, too.
        guard generation.view != .none else { return ([], [Note(.viewUnsupported, generation.name)]) }
        let tools = request.tools.filter(generation.tools.contains)
        guard !tools.isEmpty else { return ([], []) }
        let mounts = facts.view.mounts(of: generation, created: facts.now).map { "--mount=" + $0 }
        return (mounts + environment(tools, at: PackageView.place), [Note(.viewAdded, generation.name)])
    }

    private static func shared(
        _ request: Request, _ volumes: [PackageVolume], isReadOnly: Bool
    ) -> (options: [ByteString], notes: [Note]) {
        var options: [ByteString] = []
        var names: [ByteString] = []
        for (tool, name, place) in sharedVolumes where request.tools.contains(tool) {
            guard volumes.contains(where: { $0.name == name && $0.kind == .shared }) else { continue }
            options.append("--volume=" + name + ":" + place + (isReadOnly ? ":ro,nocopy" : ":nocopy"))
            options += environment([tool], at: place.parentPath)
            names.append(name)
        }
        guard !names.isEmpty else { return ([], [Note(.noPackages)]) }
        return (options, [Note(.sharedCachesAdded, names.joined(separator: ", "))])
    }

    private static func environment(_ tools: [PackageTool], at place: ByteString) -> [ByteString] {
        tools.flatMap { tool -> [ByteString] in
            tool.variables(at: place).map { variable -> ByteString in "--env=" + variable.name + "=" + variable.value }
        }
    }
}

extension PackageCachePolicy.Request {
    fileprivate mutating func leaveOut(_ tool: PackageTool, _ note: Note) {
        tools.removeAll { $0 == tool }
        notes.append(note)
    }
}

extension ContainerInvocation {
    /// An option with which a view might fail to mount, or with which the container is a machine of its own: kind's
    /// nodes are privileged and would pass the mounts on to whatever runs in them.
    fileprivate var specialOption: ByteString? {
        if scan.lastFlag(of: .privileged) == true { return "--privileged" }
        for occurrence in scan.occurrences {
            switch occurrence.row.role {
            case .volumeDriver: return "--volume-driver"
            // A virtual machine, or another kernel: `warm` tried views only under the engine's default runtime.
            case .runtime: return "--runtime"
            case .userNamespace: return "--userns"
            case .otherIsolation: return "--isolation"
            case .platform where !occurrence.value.hasPrefix("linux"): return "--platform"
            default: continue
            }
        }
        return nil
    }
}
