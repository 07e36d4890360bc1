public import DockerCommandLine
public import Formats
public import Notes
public import PathMap

/// Translates the paths in a command for an engine that sees another file system.
public enum PathPolicy {
    /// A source of the command, and what it resolves to here.
    public struct Source: Equatable, Sendable {
        /// The source.
        public let source: MountSource
        /// The path that docker makes of it: absolute and clean.
        public let path: ByteString
        /// The path without symbolic links; nil if they cannot be followed.
        public let resolved: ByteString?

        /// From named values.
        public init(_ source: MountSource, path: ByteString, resolved: ByteString?) {
            self.source = source
            self.path = path
            self.resolved = resolved
        }
    }

    /// What this process sees.
    public struct Facts: Equatable, Sendable {
        /// The table in force; nil if there is none.
        public var table: PathTable?
        /// The sources that docker will send to the engine as absolute paths.
        public var sources: [Source]
        /// What could not be determined, and why.
        public var notes: [Note]

        /// From named values.
        public init(table: PathTable? = nil, sources: [Source] = [], notes: [Note] = []) {
            self.table = table
            self.sources = sources
            self.notes = notes
        }
    }

    /// Which sources that begin with a dot a version of docker makes absolute.
    public enum RelativeSources: Sendable {
        /// None (before 23).
        case none
        /// "." and "./..." (before 28.2).
        case here
        /// Everything that begins with a dot.
        case all

        /// Whether docker makes a source absolute.
        ///
        /// Source: docker/cli cli/command/container/opts.go, parse; opts/mount.go, Set.
        public func takes(_ path: ByteString) -> Bool {
            switch self {
            case .none: false
            case .here: path == "." || path.hasPrefix("./")
            case .all: path.hasPrefix(".")
            }
        }
    }

    /// The command with the engine's path in place of every source that the table covers, and with options for mounts
    /// nested below a translated directory, directly after the command word.
    public static func plan(_ container: ContainerInvocation, _ arguments: [ByteString], facts: Facts) -> Plan {
        let targets = container.takesVolumesFromOthers ? nil : container.mountTargets
        return plan(arguments, after: container.commandWordIndex, targets: targets, facts)
    }

    /// The same for a volume.
    public static func plan(_ volume: VolumeInvocation, _ arguments: [ByteString], facts: Facts) -> Plan {
        plan(arguments, after: volume.commandWordIndex, targets: nil, facts)
    }

    /// The same for `compose run -v`, without nested mounts: they would be safe only if the service mounts nothing else
    /// there, which cannot be known here.
    public static func plan(_ compose: ComposeInvocation, _ arguments: [ByteString], facts: Facts) -> Plan {
        plan(arguments, after: compose.commandWordIndex, targets: nil, bringingNested: false, facts)
    }

    private static func plan(
        _ arguments: [ByteString], after index: Int, targets: [ByteString]?, bringingNested: Bool = true, _ facts: Facts
    ) -> Plan {
        guard let table = facts.table else { return .unchanged(arguments, facts.notes) }
        var plan = Plan.unchanged(arguments, facts.notes)
        var more: [ByteString] = []
        for found in facts.sources {
            guard let resolved = found.resolved else {
                plan.notes.append(Note(.pathUnresolved, found.path))
                continue
            }
            let outcome = table.outcome(of: found.path, resolved: resolved)
            if let note = outcome.note(about: found.path) { plan.notes.append(note) }
            guard case .mapped(let path, _) = outcome else { continue }
            if path != found.path {
                let argument = found.source.argument
                guard arguments.indices.contains(argument),
                    let word = found.source.argument(
                        plan.edits.replacement(of: argument) ?? arguments[argument], with: path)
                else {
                    plan.notes.append(Note(.pathUnwritable, path))
                    continue
                }
                plan.edits.append(.replace(argument, with: word))
                plan.notes.append(Note(.pathsTranslated, found.path + " is " + path))
            }
            if table.isAutomatic && bringingNested {
                more += nested(found.source, table.rows(below: resolved), targets, &plan.notes)
            }
        }
        if !more.isEmpty { plan.edits.append(.insert(more, after: index)) }
        return plan
    }

    /// Options for every mount nested below the source, except where the user has a mount of their own at that place or
    /// above it.
    private static func nested(
        _ source: MountSource, _ rows: [(row: PathTable.Row, rest: ByteString)], _ targets: [ByteString]?,
        _ notes: inout [Note]
    ) -> [ByteString] {
        guard let target = source.target, source.form == .volume || source.form == .mount else { return [] }
        var options: [ByteString] = []
        for (row, rest) in rows {
            let place = target.appending(path: rest)
            let isTaken = targets.map { Self.isTaken(place, below: target, by: $0) }
            if isTaken == true { continue }
            // The user's own mounts are unknown, so this might be a second mount at the same place, which docker
            // refuses.
            guard isTaken != nil, let option = source.option(mounting: row.to, at: place) else {
                notes.append(Note(.nestedMountLeftOut, row.from))
                continue
            }
            options.append(option)
            notes.append(Note(.nestedMountAdded, place))
        }
        return options
    }

    /// Whether the user mounts something at a place below a target, or between the two.
    static func isTaken(_ place: ByteString, below target: ByteString, by targets: [ByteString]) -> Bool {
        targets.contains { $0 != target && $0.relative(to: target) != nil && place.relative(to: $0) != nil }
    }
}

extension PathTable.Outcome {
    /// Why a path is not translated; nil if it is.
    public func note(about path: ByteString) -> Note? {
        switch self {
        case .mapped: nil
        case .already(let row): Note(.pathTranslatedAlready, row.to)
        case .hidden(let place): Note(.pathHidden, place)
        case .outside: Note(.pathOutside, path)
        }
    }
}
