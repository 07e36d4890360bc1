public import DockerCommandLine
public import Formats
public import Notes
public import PathMap

/// What becomes of the engine's paths in a command that is given where another file system is seen.
public enum PathPolicy {
    /// A source of the command and where it leads here.
    public struct Source: Equatable, Sendable {
        /// The source.
        public let source: MountSource
        /// What docker makes of it: absolute and clean.
        public let path: ByteString
        /// The same without symbolic links; nil where they cannot be followed.
        public let resolved: ByteString?

        /// Everything by name.
        public init(_ source: MountSource, path: ByteString, resolved: ByteString?) {
            self.source = source
            self.path = path
            self.resolved = resolved
        }
    }

    /// What the process turned out to see.
    public struct Facts: Equatable, Sendable {
        /// The table in force; nil where there is none.
        public var table: PathTable?
        /// The sources that docker will hand to the engine as absolute paths.
        public var sources: [Source]
        /// What was in doubt.
        public var notes: [Note]

        /// Everything by name.
        public init(table: PathTable? = nil, sources: [Source] = [], notes: [Note] = []) {
            self.table = table
            self.sources = sources
            self.notes = notes
        }
    }

    /// How a version of docker reads a source that begins with a dot.
    public enum RelativeSources: Sendable {
        /// It does not (before 23).
        case none
        /// "." and "./..." (before 28.2).
        case here
        /// Whatever begins with a dot.
        case all

        /// Whether docker makes a source absolute itself.
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

    /// The command with every source that the table is about as the engine's path, in its own place, and with what is mounted
    /// below a translated directory, directly after the command word.
    public static func plan(_ container: ContainerInvocation, _ arguments: [ByteString], facts: Facts) -> Plan {
        let targets = container.takesVolumesFromOthers ? nil : container.mountTargets
        return plan(arguments, after: container.commandWordIndex, targets: targets, facts)
    }

    /// The same for a volume.
    public static func plan(_ volume: VolumeInvocation, _ arguments: [ByteString], facts: Facts) -> Plan {
        plan(arguments, after: volume.commandWordIndex, targets: nil, facts)
    }

    /// The same for `compose run -v`. What is mounted below comes along in its containers only where the service mounts nothing
    /// else, which nobody here knows: so it does not.
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

    /// Mounts at every place below the target where something is mounted below the source, but where the user has a mount of their
    /// own there or above.
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
            // Where the user's own mounts are not known, one more might be a second at the same place, which docker refuses.
            guard isTaken != nil, let option = source.option(mounting: row.to, at: place) else {
                notes.append(Note(.nestedMountLeftOut, row.from))
                continue
            }
            options.append(option)
            notes.append(Note(.nestedMountAdded, place))
        }
        return options
    }

    /// Whether the user mounts something between a target and a place below it, or there.
    static func isTaken(_ place: ByteString, below target: ByteString, by targets: [ByteString]) -> Bool {
        targets.contains { $0 != target && $0.relative(to: target) != nil && place.relative(to: $0) != nil }
    }
}

extension PathTable.Outcome {
    /// Why a path stays as it is; nil where it does not.
    public func note(about path: ByteString) -> Note? {
        switch self {
        case .mapped: nil
        case .already(let row): Note(.pathTranslatedAlready, row.to)
        case .hidden(let place): Note(.pathHidden, place)
        case .outside: Note(.pathOutside, path)
        }
    }
}
