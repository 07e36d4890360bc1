public import Formats
public import Notes
public import PathMap

/// Translates the paths in a compose project for an engine that sees another file system. The project is the output of
/// `compose config --format json`; the result is an additional file that compose merges.
public enum ComposePathPolicy {
    /// A path of the project, and what it resolves to here.
    public struct Source: Equatable, Sendable {
        /// The path as the project names it: absolute.
        public let path: ByteString
        /// The path without symbolic links; nil if they cannot be followed.
        public let resolved: ByteString?

        /// From named values.
        public init(path: ByteString, resolved: ByteString?) {
            self.path = path
            self.resolved = resolved
        }
    }

    /// Every path that the engine will mount: the sources of bind mounts, and the files of secrets and configs, because
    /// compose mounts those, too.
    ///
    /// Source: docker/compose pkg/compose/create.go, buildContainerMountOptions, buildContainerSecretMounts.
    public static func sources(in project: JSON) -> [ByteString] {
        let binds = services(in: project).flatMap { volumes(of: $0.value) }.compactMap(bindSource)
        let files = ["secrets", "configs"].flatMap { project[key: $0]?.members ?? [] }.compactMap { file(of: $0.value) }
        return (binds + files).withoutRepeats
    }

    /// The additional file, and why some paths are not translated; no file if none changes.
    ///
    /// Entries of `volumes` are complete, because compose replaces the entry with the same target. `$` is doubled, as
    /// compose requires.
    public static func override(
        for project: JSON, table: PathTable, sources: [Source]
    ) -> (text: ByteString?, notes: [Note]) {
        var translation = Translation(table: table, sources: sources)
        var members: [JSON.Member] = []
        let services = services(in: project).compactMap { service -> JSON.Member? in
            let changed = translation.volumes(of: service.value)
            guard !changed.isEmpty else { return nil }
            return .init(name: service.name, value: .object([.init(name: "volumes", value: .array(changed))]))
        }
        if !services.isEmpty { members.append(.init(name: "services", value: .object(services))) }
        let built = Set(
            Self.services(in: project).flatMap { $0.value[key: "build"]?[key: "secrets"]?.array ?? [] }
                .compactMap { $0[key: "source"]?.string })
        for kind in ["secrets", "configs"] as [ByteString] {
            let changed = (project[key: kind]?.members ?? []).compactMap { member -> JSON.Member? in
                guard let path = file(of: member.value) else { return nil }
                if kind == "secrets", built.contains(member.name) {
                    translation.notes.append(Note(.secretReadByBuild, member.name))
                    return nil
                }
                guard let other = translation.engine(path)?.path, other != path else { return nil }
                return .init(name: member.name, value: .object([.init(name: "file", value: .string(doubled(other)))]))
            }
            if !changed.isEmpty { members.append(.init(name: kind, value: .object(changed))) }
        }
        return (members.isEmpty ? nil : JSON.object(members).text + "\n", translation.notes)
    }

    private static func services(in project: JSON) -> [JSON.Member] { project[key: "services"]?.members ?? [] }

    fileprivate static func volumes(of service: JSON) -> [JSON] { service[key: "volumes"]?.array ?? [] }

    fileprivate static func bindSource(_ entry: JSON) -> ByteString? {
        guard entry[key: "type"]?.string == "bind", let source = entry[key: "source"]?.string.map(halved),
            source.hasPrefix("/")
        else { return nil }
        return source
    }

    fileprivate static func target(of entry: JSON) -> ByteString? {
        (entry[key: "target"]?.string).map { halved($0).cleanedPath }
    }

    private static func file(of entry: JSON) -> ByteString? {
        guard let file = entry[key: "file"]?.string.map(halved), file.hasPrefix("/") else { return nil }
        return file
    }

    fileprivate static func halved(_ text: ByteString) -> ByteString {
        var bytes: [UInt8] = []
        var isSecond = false
        for byte in text.bytes {
            isSecond = byte == UInt8(ascii: "$") && !isSecond && bytes.last == byte
            if !isSecond { bytes.append(byte) }
        }
        return ByteString(bytes)
    }

    /// Text for a compose file, where a single "$" would begin the name of a variable.
    static func doubled(_ text: ByteString) -> ByteString { text.split("$").joined(separator: "$$") }
}

/// Translates the paths of one project.
private struct Translation {
    let table: PathTable
    /// By path: a project may have any number of mounts.
    private let sources: [ByteString: ComposePathPolicy.Source]
    var notes: [Note] = []
    private var told: Set<ByteString> = []

    init(table: PathTable, sources: [ComposePathPolicy.Source]) {
        self.table = table
        self.sources = Dictionary(sources.map { ($0.path, $0) }) { first, _ in first }
    }

    /// The engine's path for a source, and the source's resolved path here; nil if the path is not translated.
    mutating func engine(_ path: ByteString) -> (path: ByteString, resolved: ByteString)? {
        guard let resolved = sources[path]?.resolved else {
            add(Note(.pathUnresolved, path))
            return nil
        }
        let outcome = table.outcome(of: path.cleanedPath, resolved: resolved)
        if let note = outcome.note(about: path) { add(note) }
        guard case .mapped(let other, _) = outcome else { return nil }
        if other != path { add(Note(.pathsTranslated, path + " is " + other)) }
        return (other, resolved)
    }

    /// The entries of a service that change, and additional ones for nested mounts.
    mutating func volumes(of service: JSON) -> [JSON] {
        let entries = ComposePathPolicy.volumes(of: service)
        let temporary = (service[key: "tmpfs"]?.array ?? []).compactMap { $0.string?.split(":").first }
        let targets =
            (entries.compactMap(ComposePathPolicy.target) + temporary.map { ComposePathPolicy.halved($0).cleanedPath })
        var changed: [JSON] = []
        for entry in entries {
            guard let source = ComposePathPolicy.bindSource(entry), let found = engine(source), found.path != source
            else { continue }
            changed.append(Self.entry(entry, source: found.path, target: nil))
            guard table.isAutomatic, let target = ComposePathPolicy.target(of: entry),
                entry[key: "bind"]?[key: "recursive"]?.string ?? "enabled" == "enabled"
            else { continue }
            for (row, rest) in table.rows(below: found.resolved) {
                let place = target.appending(path: rest)
                guard !PathPolicy.isTaken(place, below: target, by: targets) else { continue }
                changed.append(Self.entry(entry, source: row.to, target: place))
                add(Note(.nestedMountAdded, place))
            }
        }
        return changed
    }

    private mutating func add(_ note: Note) {
        if told.insert(note.reason.code + note.detail).inserted { notes.append(note) }
    }

    /// The entry with another source, and perhaps another target.
    private static func entry(_ entry: JSON, source: ByteString, target: ByteString?) -> JSON {
        .object(
            (entry.members ?? []).map { member in
                switch member.name {
                case "source": .init(name: "source", value: .string(ComposePathPolicy.doubled(source)))
                case "target":
                    target.map { .init(name: "target", value: .string(ComposePathPolicy.doubled($0))) } ?? member
                default: member
                }
            })
    }
}
