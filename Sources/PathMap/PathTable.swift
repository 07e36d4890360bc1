public import Formats

/// Translates paths of this process into those of an engine that sees another file system.
public struct PathTable: Equatable, Sendable {
    /// One directory or file, with its path here and its path for the engine.
    public struct Row: Equatable, Sendable {
        /// The path here as it was given, absolute and clean.
        public let from: ByteString
        /// The engine's path, absolute and clean.
        public let to: ByteString
        /// Where the row comes from.
        public let origin: Origin
        /// `from` with all links resolved: compared with paths whose links are resolved.
        public var resolved: ByteString

        /// A row; `resolved` is `from` unless that contains a link.
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

    /// The result for a path.
    public enum Outcome: Equatable, Sendable {
        /// The engine's path.
        case mapped(ByteString, Row)
        /// It is already a path of the engine's, or may be.
        case already(Row)
        /// At this place something is mounted that the engine does not know.
        case hidden(ByteString)
        /// No row covers it.
        case outside
    }

    /// The rows, in the given order; of two for the same path the first counts.
    public var rows: [Row]
    /// Mount points below rows that no row covers.
    public var holes: [ByteString]

    /// A table.
    public init(_ rows: [Row], holes: [ByteString] = []) {
        self.rows = rows
        self.holes = holes
    }

    /// Whether it was detected rather than given: a table from the operator is used without proof.
    public var isAutomatic: Bool { rows.contains { $0.origin == .mounts } }

    /// Whether any path changes.
    public var isTranslating: Bool { rows.contains { $0.from != $0.to || $0.resolved != $0.to } }

    /// The result for an absolute, clean path whose links lead to `resolved`: the longest matching row decides, at path
    /// boundaries. A translated path is not translated again. Links are resolved here, because the engine would follow
    /// them elsewhere.
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

    /// The rows strictly below a path without links, each with its path relative to it, the outermost first.
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
    /// Whether a path is on the engine's side of this row, if the sides differ.
    fileprivate func owns(_ path: ByteString) -> Bool {
        to != from && to != resolved && path.relative(to: to) != nil
    }
}

// MARK: - The operator's notation

extension PathTable {
    /// A path here and the engine's path for the same place.
    public struct Pair: Equatable, Sendable {
        /// The path here, absolute and clean.
        public let from: ByteString
        /// The engine's path, absolute and clean.
        public let to: ByteString

        /// "/here=/there"
        public var text: ByteString { from + "=" + to }
    }

    /// `/here=/there`, several separated by commas and quoted as CSV; nil for anything else. A path may contain "=":
    /// the first one before a "/" is the separator.
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

    /// The table from the settings: `map` as `parse` reads it, and the workspace, whose path here is in the settings
    /// and whose path for the engine is in WORKSPACE_DIR. Nil if neither is given.
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
