public import Formats

/// Where the directories of this process lie for an engine that sees another file system.
public struct PathTable: Equatable, Sendable {
    /// One directory or file, here and there.
    public struct Row: Equatable, Sendable {
        /// The path as it was given, absolute and clean.
        public let from: ByteString
        /// The engine's path of the same, absolute and clean.
        public let to: ByteString
        /// Who said so.
        public let origin: Origin
        /// `from` without symbolic links: what paths without links are compared with.
        public var resolved: ByteString

        /// A row; `resolved` is `from` unless there is a link in it.
        public init(from: ByteString, to: ByteString, origin: Origin, resolved: ByteString? = nil) {
            self.from = from
            self.to = to
            self.origin = origin
            self.resolved = resolved ?? from
        }
    }

    /// Where a row comes from.
    public enum Origin: ByteString, Equatable, Sendable {
        /// SLIPWAY_PATH_MAP
        case environment
        /// `path.map` in a settings file
        case settings
        /// WORKSPACE_DIR and `path.workspace`
        case workspace
        /// the engine's answer about this container
        case mounts
    }

    /// What becomes of a path.
    public enum Outcome: Equatable, Sendable {
        /// The engine's path of it.
        case mapped(ByteString, Row)
        /// It is a path of the engine's already, or may be.
        case already(Row)
        /// Something is mounted there that the engine does not know of, at this place.
        case hidden(ByteString)
        /// No row is about it.
        case outside
    }

    /// The rows, in the order they were given; of two about the same path the first counts.
    public var rows: [Row]
    /// Mount points below rows that no row is about.
    public var holes: [ByteString]

    /// A table.
    public init(_ rows: [Row], holes: [ByteString] = []) {
        self.rows = rows
        self.holes = holes
    }

    /// Whether it was found and not given: what an operator gives is taken at their word.
    public var isAutomatic: Bool { rows.contains { $0.origin == .mounts } }

    /// Whether any path becomes another.
    public var isTranslating: Bool { rows.contains { $0.from != $0.to || $0.resolved != $0.to } }

    /// What becomes of an absolute, clean path whose links lead to `resolved`: by the longest row, on path boundaries. What has
    /// been translated is not translated again, and links are followed here, because the engine would follow them elsewhere.
    public func outcome(of path: ByteString, resolved: ByteString) -> Outcome {
        if let row = rows.first(where: { $0.owns(path) || $0.owns(resolved) }) { return .already(row) }
        var best: (row: Row, rest: ByteString)?
        for row in rows {
            guard let rest = resolved.relative(to: row.resolved) else { continue }
            if let known = best, known.row.resolved.count >= row.resolved.count { continue }
            best = (row, rest)
        }
        guard let (row, rest) = best else { return .outside }
        let hole = holes.first { hole in
            hole.count > row.resolved.count && resolved.relative(to: hole) != nil
                && hole.relative(to: row.resolved) != nil
        }
        if let hole { return .hidden(hole) }
        return .mapped(rest == "." ? row.to : row.to.appending(path: rest), row)
    }

    /// The rows strictly below a path without links, each with its path as seen from there, the outermost first.
    public func rows(below resolved: ByteString) -> [(row: Row, rest: ByteString)] {
        var found: [(row: Row, rest: ByteString)] = []
        for row in rows {
            guard let rest = row.resolved.relative(to: resolved), rest != ".",
                !found.contains(where: { $0.rest == rest })
            else { continue }
            found.append((row, rest))
        }
        return found.sorted { $0.rest < $1.rest }
    }
}

extension PathTable.Row {
    /// Whether a path is the engine's side of this row, where the sides differ.
    fileprivate func owns(_ path: ByteString) -> Bool {
        to != from && to != resolved && path.relative(to: to) != nil
    }
}

// MARK: - What operators write

extension PathTable {
    /// A path here and the engine's path of the same.
    public struct Pair: Equatable, Sendable {
        /// Here, absolute and clean.
        public let from: ByteString
        /// The engine's, absolute and clean.
        public let to: ByteString

        /// "/here=/there"
        public var text: ByteString { from + "=" + to }
    }

    /// `/here=/there`, several with commas between them and quoted as CSV; nil for anything else. A path may hold "=": the first
    /// one before a "/" divides.
    public static func parse(_ text: ByteString) -> [Pair]? {
        guard let fields = CSV.fields(of: text) else { return nil }
        var pairs: [Pair] = []
        for field in fields {
            guard field.hasPrefix("/"), let place = field.range(of: "=/") else { return nil }
            pairs.append(
                Pair(
                    from: field.prefix(place.lowerBound).cleanedPath,
                    to: field.dropFirst(place.lowerBound + 1).cleanedPath))
        }
        return pairs
    }

    /// The table that was given: `map` as `parse` reads it, and the workspace, whose path here stands in the settings and whose
    /// path there in WORKSPACE_DIR. Nil where nothing was given.
    public static func given(
        map: [Pair], _ origin: Origin, workspace: ByteString?,
        workspaceDirectory: ByteString?
    ) -> PathTable? {
        var rows = map.map { Row(from: $0.from, to: $0.to, origin: origin) }
        if let workspace, let directory = workspaceDirectory, directory.hasPrefix("/") {
            rows.append(Row(from: workspace.cleanedPath, to: directory.cleanedPath, origin: .workspace))
        }
        return rows.isEmpty ? nil : PathTable(rows)
    }
}
