internal import Engine
public import Formats
public import Host
public import Notes
public import PathMap
public import Planning

/// How paths are translated for the engine that commands from here reach, for people.
public struct PathLookup: Equatable, Sendable {
    /// The table in force; nil if paths are not translated.
    public let table: PathTable?
    /// Why there is no table.
    public let notes: [Note]

    /// The table that commands from here would use. It remembers nothing.
    public init(_ settings: Settings, docker: Program?) {
        var table: PathTable?
        var notes: [Note] = []
        if let docker {
            var reached = ReachedEngine(EngineRequest(), docker: docker, for: .showing)
            do throws(EngineError) {
                table = try PathView.table(settings, at: &reached, for: .showing)
            } catch {
                notes.append(error.note)
            }
        } else {
            table = PathView.given(settings)
            if table == nil { notes.append(Note(.dockerNotFound)) }
        }
        self.init(table, notes)
    }

    init(_ table: PathTable?, _ notes: [Note] = []) {
        self.table = table
        self.notes = notes
    }

    /// The translation of one path.
    public struct Answer: Equatable, Sendable {
        /// The path, absolute and clean.
        public let path: ByteString
        /// What the engine gets.
        public let becomes: ByteString
        /// The row of the table that translates it; nil if none does.
        public let row: PathTable.Row?
        /// Why it is not translated.
        public let note: Note?
    }

    /// Translates one path; a relative one starts at the working directory.
    public func answer(for path: ByteString) -> Answer {
        let path = path.absolute(in: path.hasPrefix("/") ? "/" : PathView.workingDirectory ?? "/")
        func stays(_ note: Note?) -> Answer { Answer(path: path, becomes: path, row: nil, note: note) }
        guard let table else { return stays(notes.first) }
        guard let resolved = PathView.resolved(path) else { return stays(Note(.pathUnresolved, path)) }
        let outcome = table.outcome(of: path, resolved: resolved)
        guard case .mapped(let other, let row) = outcome else { return stays(outcome.note(about: path)) }
        return Answer(path: path, becomes: other, row: row, note: nil)
    }

    /// {"rows": [{"from", "to", "origin"}], "paths": [{"path", "becomes", "origin", "note"}], "notes": [...]}
    public func json(for paths: [ByteString]) -> JSON {
        let rows = (table?.rows ?? []).map { row -> JSON in
            .object(["from": .string(row.from), "to": .string(row.to), "origin": .string(row.origin.rawValue)])
        }
        let answers = paths.map { path -> JSON in
            let answer = answer(for: path)
            return .object([
                "path": .string(answer.path), "becomes": .string(answer.becomes),
                "origin": answer.row.map { .string($0.origin.rawValue) } ?? .null,
                "note": answer.note.map {
                    .object(["code": .string($0.reason.code), "message": .string($0.message)])
                } ?? .null,
            ])
        }
        return .object(["rows": .array(rows), "paths": .array(answers), "notes": Note.json(notes)])
    }

    /// For people: the table, and then a line for each path.
    public func text(for paths: [ByteString]) -> ByteString {
        var lines = (table?.rows ?? []).map { $0.from + " -> " + $0.to + "  (" + $0.origin.words + ")" }
        if table == nil {
            let why: ByteString = notes.isEmpty ? ": there is no table, and this is not a container" : ""
            lines.append("paths are not translated" + why)
        }
        lines += notes.map { "  " + $0.reason.code + "  " + $0.message }
        if !paths.isEmpty { lines.append("") }
        for path in paths {
            let answer = answer(for: path)
            lines.append(answer.path + " -> " + answer.becomes)
            if let note = answer.note { lines.append("  " + note.reason.code + "  " + note.message) }
        }
        return lines.map { $0.terminalSafe + "\n" }.joined(separator: "")
    }
}

extension PathTable.Origin {
    fileprivate var words: ByteString {
        switch self {
        case .environment: "SLIPWAY_PATH_MAP"
        case .settings: "path.map"
        case .workspace: "WORKSPACE_DIR"
        case .mounts: "this container's mounts"
        }
    }
}
