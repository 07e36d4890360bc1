internal import BuildCache
public import Formats
internal import Notes

/// A summary of the journal.
public struct JournalStatistics: Equatable, Sendable {
    /// How often something occurs.
    public struct Count: Equatable, Sendable {
        /// A reason's code, or a kind of command.
        public let name: ByteString
        /// How many entries have it.
        public let count: Int
    }

    /// All entries that pass the filter.
    public private(set) var entries = 0
    /// Those that are builds.
    public private(set) var builds = 0
    /// Those that got options added.
    public private(set) var changed = 0
    /// Builds that import: one command may have several.
    public private(set) var imported = 0
    /// What was left out of their imports: how many entries have each reason, the most frequent first.
    public private(set) var leftOut: [Count] = []
    /// The seconds that builds waited for equal ones.
    public private(set) var waited = 0
    /// Builds that export.
    public private(set) var exported = 0
    /// Of these, those whose export is in the store now: a failed build leaves none.
    public private(set) var arrived = 0
    /// The bytes that these exports added to the store: blobs that no earlier build in the journal exported and that
    /// were not there before. Blobs deleted since then do not count.
    public private(set) var bytes: UInt64 = 0
    /// Entries left unchanged.
    public private(set) var declined = 0
    /// How many of these have each reason, the most frequent first; an entry may have several.
    public private(set) var reasons: [Count] = []
    /// How many entries of each kind of command there are, the most frequent first.
    public private(set) var commands: [Count] = []
    /// Work with the registry, and its failures: how often each reason was noted, the most frequent first.
    public private(set) var remote: [Count] = []
    /// The time of the first entry, in seconds since 1970.
    public private(set) var first: Int?
    /// The time of the last entry, in seconds since 1970.
    public private(set) var last: Int?

    /// Summarizes the entries that a filter accepts. `journal` is the whole journal, in order: only the other entries
    /// tell what was in the store before.
    public init(of journal: [JournalEntry], _ filter: JournalFilter = JournalFilter()) {
        var reasons: [ByteString: Int] = [:]
        var leftOut: [ByteString: Int] = [:]
        var commands: [ByteString: Int] = [:]
        var remote: [ByteString: Int] = [:]
        var reached: Set<ByteString> = []
        for entry in journal {
            let exports = entry.exports.compactMap { ArrivedExport(at: $0) }
            let brought = exports.reduce(0) { $0 &+ $1.bytes(since: entry.time, besides: &reached) }
            guard filter.accepts(entry) else { continue }
            for note in entry.notes where Reason(code: note.code)?.area == .remote {
                remote[note.code, default: 0] += 1
            }
            guard entry.isCommand else { continue }
            entries += 1
            commands[entry.command, default: 0] += 1
            first = min(first ?? entry.time, entry.time)
            last = max(last ?? entry.time, entry.time)
            if entry.command == "build" { builds += 1 }
            imported += entry.count(of: .importAdded)
            for code in Set(entry.notes.map(\.code)) where Self.isLeftOut(code) { leftOut[code, default: 0] += 1 }
            waited &+= entry.secondsWaited
            exported += entry.count(of: .exportAdded) + entry.count(of: .exportBehind)
            arrived += exports.count
            bytes &+= brought
            if entry.isChanged {
                changed += 1
            } else if entry.count(of: .exportBehind) == 0 {
                declined += 1
                for code in Set(entry.notes.map(\.code)) { reasons[code, default: 0] += 1 }
            }
        }
        self.reasons = Self.sorted(reasons)
        self.leftOut = Self.sorted(leftOut)
        self.commands = Self.sorted(commands)
        self.remote = Self.sorted(remote)
    }

    private static let notLeftOut: [Reason] = [
        .nothingToImport, .importNotNeeded, .exportNotNeeded, .flightAwaited, .flightLed, .flightTooLong,
        .flightDiffers, .exportBehind, .exportedBehind, .exportNotBehind,
    ]

    private static func isLeftOut(_ code: ByteString) -> Bool {
        guard let reason = Reason(code: code) else { return false }
        return reason.area == .imports && !notLeftOut.contains(reason)
    }

    private static func sorted(_ counts: [ByteString: Int]) -> [Count] {
        counts.map { Count(name: $0.key, count: $0.value) }
            .sorted { $0.count == $1.count ? $0.name < $1.name : $0.count > $1.count }
    }

    /// One object; times in seconds since 1970, null if there is no entry.
    public var json: JSON {
        .object([
            "entries": .integer(entries), "first": .integer(orNull: first),
            "last": .integer(orNull: last),
            "commands": .object(commands.map { JSON.Member(name: $0.name, value: .integer($0.count)) }),
            "builds": .integer(builds), "changed": .integer(changed), "imported": .integer(imported),
            "exported": .integer(exported), "arrived": .integer(arrived), "bytes": .integer(bytes),
            "declined": .integer(declined),
            "waited": .integer(waited),
            "reasons": .array(reasons.map(\.reasonJSON)), "leftOut": .array(leftOut.map(\.reasonJSON)),
            "remote": .array(remote.map(\.reasonJSON)),
        ])
    }
}

extension JournalStatistics.Count {
    /// The count of a reason.
    fileprivate var reasonJSON: JSON {
        let sentence = Reason(code: name).map { JSON.string(ByteString($0.sentence)) }
        return .object(["code": .string(name), "sentence": sentence ?? .null, "count": .integer(count)])
    }
}
