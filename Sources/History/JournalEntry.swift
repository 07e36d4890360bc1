public import Formats
internal import Host
public import Notes

/// One line of the journal.
public struct JournalEntry: Equatable, Sendable {
    /// When the decision was made, in seconds since 1970.
    public let time: Int
    /// The kind of command: "build", "bake", "compose", "run", "create", "volume", or "unknown" for a command line that
    /// was not understood; "export" for an export after a build, "remote" for work with the registry.
    public let command: ByteString
    /// The working directory of the command.
    public let directory: ByteString
    /// Whether options were added.
    public let isChanged: Bool
    /// Why, and why not.
    public let notes: [JournalNote]
    /// What the linter found in the build's Dockerfile.
    public let findings: [JournalFinding]
    /// The Dockerfile that may have more findings than were written; nil if these are all.
    public let partlyRead: ByteString?
    /// The line itself.
    public let line: ByteString

    // The shim starts a new file beyond 1 MiB.
    private static let largestFile = 16 << 20

    /// nil for a line that is incomplete or foreign.
    public init?(_ line: ByteString) {
        guard let json = JSON(line), let time = json[key: "time"]?.integer, (0...Timestamp.latest).contains(time),
            let command = json[key: "command"]?.string, let isChanged = json[key: "changed"]?.bool,
            let notes = json[key: "notes"]?.array
        else { return nil }
        self.time = time
        self.command = command
        self.isChanged = isChanged
        self.line = line
        directory = json[key: "directory"]?.string ?? ""
        self.notes = notes.compactMap(JournalNote.init)
        let file = json[key: "lint"]?[key: "file"]?.string ?? ""
        partlyRead = json[key: "lint"]?[key: "partial"]?.bool == true ? file : nil
        findings = (json[key: "lint"]?[key: "findings"]?.array ?? []).compactMap { JournalFinding($0, in: file) }
    }

    /// The complete lines of a journal, in order.
    public static func entries(in text: ByteString) -> [JournalEntry] { text.split("\n").compactMap(Self.init) }

    /// The complete lines of several files; a missing file has none.
    public static func entries(of files: [ByteString]) -> [JournalEntry] {
        files.flatMap { file in (try? Files.read(file, limit: largestFile)).map { entries(in: $0) } ?? [] }
    }

    /// Whether it is about a command, and not about work after one.
    public var isCommand: Bool { command != "export" && command != "remote" }

    /// The process that decided, and became docker; nil if it was not written.
    public var process: Int? { JSON(line)?[key: "pid"]?.integer }

    /// The PID of the `slipway check` that ran the command; nil if none did.
    public var check: Int? { JSON(line)?[key: "check"]?.integer }

    /// The directories to which the command's builds were to export. The detail is a directory, or "TARGET,
    /// DIRECTORY".
    public var exports: [ByteString] {
        notes.filter { [Reason.exportAdded.code, Reason.exportBehind.code].contains($0.code) }.compactMap(\.detail).map
        { detail in
            detail.hasPrefix("/") ? detail : detail.cut(at: ",")?.after.trimmed ?? detail
        }
    }

    /// Digests of the manifests that the command's builds imported. The detail is a digest and its extent, after a
    /// target if there is one.
    public var imports: [ByteString] {
        notes.filter { $0.code == Reason.importAdded.code }.compactMap(\.detail)
            .compactMap { detail in detail.range(of: "sha256:").map { detail.dropFirst($0.lowerBound).prefix(71) } }
            .withoutRepeats
    }

    /// How long the command waited for the same build. The detail starts with it: "12 s".
    var secondsWaited: Int {
        let waits = notes.filter { $0.code == Reason.flightAwaited.code }.compactMap {
            $0.detail?.cut(at: " ")?.before.decimal
        }
        return waits.reduce(0) { $0 + min($1, 86_400) }
    }

    private static let ofBuilds: [Reason] = [.importAdded, .exportAdded, .exportBehind, .nothingToImport]

    /// Whether the notes are about layers. Of compose's commands, only those that build by themselves count.
    public var isAboutBuilds: Bool { Self.ofBuilds.contains(where: has) }

    /// The bake targets that the notes are about: all but those that neither import nor export.
    public var targets: [ByteString] {
        guard command != "build" else { return [] }
        let telling = Self.ofBuilds.map(\.code)
        return notes.filter { telling.contains($0.code) }.compactMap(\.target).withoutRepeats
    }

    /// The notes except for those about these targets.
    public func notes(besides targets: [ByteString]) -> [JournalNote] {
        notes.filter { note in !targets.contains { $0 == note.target } }
    }

    /// Whether one of the notes has this reason.
    public func has(_ reason: Reason) -> Bool { count(of: reason) > 0 }

    /// How many of the notes have this reason.
    func count(of reason: Reason) -> Int { notes.count { $0.code == reason.code } }
}

/// A reason in the journal. A later version of Slipway may have written one that this version does not know.
public struct JournalNote: Equatable, Sendable {
    /// Such as "SLP217".
    public let code: ByteString
    /// The sentence and its detail.
    public let message: ByteString

    /// The first word of the detail: a target, if there are several.
    fileprivate var target: ByteString? { detail.map { $0.cut(at: ",")?.before ?? $0 } }

    init?(_ json: JSON) {
        guard let code = json[key: "code"]?.string else { return nil }
        self.code = code
        message = json[key: "message"]?.string ?? ""
    }

    /// The detail; nil if there is none, or if the sentence differs from today's.
    public var detail: ByteString? {
        guard let reason = Reason(code: code) else { return nil }
        let sentence = ByteString(reason.sentence) + ": "
        return message.hasPrefix(sentence) ? message.dropFirst(sentence.count) : nil
    }
}

/// A finding of the linter in a build's Dockerfile.
public struct JournalFinding: Equatable, Sendable {
    /// The Dockerfile, as the command named it.
    public let file: ByteString
    /// Counted from 1.
    public let line: Int
    /// Counted from 1, in bytes.
    public let column: Int
    /// Such as "LNT101".
    public let code: ByteString

    init?(_ json: JSON, in file: ByteString) {
        guard let code = json[key: "code"]?.string, let line = json[key: "line"]?.integer,
            let column = json[key: "column"]?.integer
        else { return nil }
        self.file = file
        self.line = line
        self.column = column
        self.code = code
    }
}

/// Which entries to show; all conditions must hold.
public struct JournalFilter: Equatable, Sendable {
    /// Only entries from this second on.
    public var since: Int?
    /// Only entries with at least one of these reasons, if there are any.
    public var reasons: [Reason]
    /// Only commands that were left unchanged.
    public var onlyDeclined: Bool

    /// From named conditions; without any, all entries pass.
    public init(since: Int? = nil, reasons: [Reason] = [], onlyDeclined: Bool = false) {
        self.since = since
        self.reasons = reasons
        self.onlyDeclined = onlyDeclined
    }

    /// Whether an entry passes.
    public func accepts(_ entry: JournalEntry) -> Bool {
        (since.map { entry.time >= $0 } ?? true) && (reasons.isEmpty || reasons.contains(where: entry.has))
            && !(onlyDeclined && entry.isChanged)
    }
}
