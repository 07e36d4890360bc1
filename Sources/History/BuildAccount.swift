public import Formats

/// One build in the ledger.
public struct LedgerEntry: Equatable, Sendable {
    /// When it started, in seconds since 1970.
    public var began: Int
    /// The PID of docker.
    public var process: Int
    /// The repository, as in the store's keys.
    public var repository: ByteString
    /// The directory to which it exported; nil if it exported nothing.
    public var export: ByteString?
    /// Whether it imported layers.
    public var hasImported: Bool
    /// Some digits of the Dockerfile's digest.
    public var dockerfile: ByteString
    /// The outcome of the build.
    public var outcome: BuildOutcome

    /// The command to which it belongs.
    struct Command: Equatable {
        let began: Int
        let process: Int
    }
    var command: Command { Command(began: began, process: process) }

    /// How long its export took, in nanoseconds.
    public var exporting: Int64 { export == nil ? 0 : outcome.export ?? 0 }

    /// Everything by name.
    public init(
        began: Int, process: Int, repository: ByteString, export: ByteString?, hasImported: Bool,
        dockerfile: ByteString, outcome: BuildOutcome
    ) {
        self.began = began
        self.process = process
        self.repository = repository
        self.export = export
        self.hasImported = hasImported
        self.dockerfile = dockerfile
        self.outcome = outcome
    }

    /// On one line.
    public var json: JSON {
        .object([
            "began": .integer(began), "pid": .integer(process), "repository": .string(repository),
            "export": .string(orNull: export), "imported": .bool(hasImported),
            "dockerfile": .string(dockerfile), "outcome": outcome.json,
        ])
    }

    /// nil for a line that is incomplete or foreign.
    public init?(_ line: ByteString) {
        guard let json = JSON(line), let began = json[key: "began"]?.integer, let process = json[key: "pid"]?.integer,
            let repository = json[key: "repository"]?.string,
            let outcome = json[key: "outcome"].flatMap({ BuildOutcome($0) })
        else { return nil }
        self.init(
            began: began, process: process, repository: repository, export: json[key: "export"]?.string,
            hasImported: json[key: "imported"]?.bool ?? false, dockerfile: json[key: "dockerfile"]?.string ?? "",
            outcome: outcome)
    }
}

/// The cost of the builds of one repository, and the time that caching saved them. Times are in nanoseconds.
public struct BuildAccount: Equatable, Sendable {
    /// The repository.
    public let repository: ByteString
    /// How many builds are known.
    public private(set) var builds = 0
    /// The number of their steps.
    public private(set) var steps = 0
    /// Of these, the number of cached steps.
    public private(set) var cached = 0
    /// How long the cached steps of builds that imported took when they were executed. This is an estimate, since the
    /// same step may take a different time elsewhere. Steps that were never seen executing do not count.
    public private(set) var saved: Int64 = 0
    /// How many builds exported.
    public private(set) var exports = 0
    /// How long the exports took.
    public private(set) var exporting: Int64 = 0
    /// For the last ten commands, which may be bakes of many targets: how long exports took, and how much time was
    /// saved.
    public private(set) var recent: (commands: Int, exporting: Int64, saved: Int64) = (0, 0, 0)

    /// How many commands count as the last ones.
    public static let recently = 10

    /// Whether, in the last ten commands, exports took no longer than the time they saved; true if there are fewer
    /// commands.
    public var pays: Bool { recent.commands < Self.recently || recent.exporting <= recent.saved }

    /// An account for each repository, starting with the one with the latest build. `entries` must be in order.
    public static func accounts(of entries: [LedgerEntry]) -> [BuildAccount] {
        var order: [ByteString] = []
        var byRepository: [ByteString: [LedgerEntry]] = [:]
        for entry in entries {
            byRepository[entry.repository, default: []].append(entry)
            order.removeAll { $0 == entry.repository }
            order.append(entry.repository)
        }
        return order.reversed().map { BuildAccount($0, byRepository[$0] ?? []) }
    }

    private init(_ repository: ByteString, _ entries: [LedgerEntry]) {
        self.repository = repository
        let last = Self.lastCommands(of: entries)
        recent.commands = last.count
        for (entry, saved) in zip(entries, Self.saved(by: entries)) {
            let exporting = entry.exporting
            builds += 1
            steps += entry.outcome.steps.count
            cached += entry.outcome.steps.count(where: \.isCached)
            self.saved = self.saved &+ saved
            if entry.export != nil { exports += 1 }
            self.exporting = self.exporting &+ exporting
            guard last.contains(entry.command) else { continue }
            recent.exporting = recent.exporting &+ exporting
            recent.saved = recent.saved &+ saved
        }
    }

    /// The time that caching saved each build, in nanoseconds: see `saved`. `entries` must be in order.
    public static func saved(by entries: [LedgerEntry]) -> [Int64] {
        var measured: [ByteString: [ByteString: Int64]] = [:]
        return entries.map { entry in
            for step in entry.outcome.steps where !step.isCached {
                measured[entry.repository, default: [:]][step.identity] = step.duration
            }
            guard entry.hasImported, let known = measured[entry.repository] else { return 0 }
            return entry.outcome.steps.filter(\.isCached).reduce(0) { $0 &+ (known[$1.identity] ?? 0) }
        }
    }

    private static func lastCommands(of entries: [LedgerEntry]) -> [LedgerEntry.Command] {
        var commands: [LedgerEntry.Command] = []
        for entry in entries.reversed() where !commands.contains(entry.command) {
            guard commands.count < recently else { break }
            commands.append(entry.command)
        }
        return commands
    }

    /// Same values.
    public static func == (left: BuildAccount, right: BuildAccount) -> Bool {
        left.repository == right.repository && left.builds == right.builds && left.steps == right.steps
            && left.cached == right.cached && left.saved == right.saved && left.exports == right.exports
            && left.exporting == right.exporting && left.recent == right.recent
    }
}
