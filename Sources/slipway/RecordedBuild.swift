import BuildCache
import Formats
import History
import Host
import Notes
import Shim
import WorkingTree

/// A build from the journal with its records.
struct RecordedBuild {
    /// The shim's decision.
    let entry: JournalEntry
    /// The folder of its records; nil if there is none.
    let place: ByteString?
    let record: BuildRecord?

    private init(_ entry: JournalEntry, at place: ByteString?) {
        self.entry = entry
        self.place = place
        record = place.flatMap(Self.record)
    }

    /// The builds in the journal, the newest command first, each read only on demand.
    static func all() -> some Sequence<RecordedBuild> { commands().reversed().lazy.flatMap { builds(of: $0) } }

    /// The commands in the journal that build, in order.
    static func commands() -> [JournalEntry] {
        JournalEntry.entries(of: Journal.files).filter {
            ["build", "bake"].contains($0.command) || $0.isAboutBuilds
        }
    }

    /// The builds of a command; a single build without facts if nothing was recorded.
    static func builds(of entry: JournalEntry) -> [RecordedBuild] {
        let places =
            entry.exports.compactMap(Export.currentLocation(of:))
            + (entry.process.map { BuildLedger.folders(of: $0, around: entry.time) } ?? [])
        return places.isEmpty ? [RecordedBuild(entry, at: nil)] : places.map { RecordedBuild(entry, at: $0) }
    }

    /// The records are written in the background and may not be complete yet.
    static func builds(of entry: JournalEntry, waiting seconds: Int64) -> [RecordedBuild] {
        let deadline = Clock.monotonic &+ seconds &* 1_000_000_000
        while true {
            let builds = builds(of: entry)
            let targets = builds.compactMap(\.record?.bakeTarget)
            let areAll = builds.allSatisfy(\.isWhole) && entry.targets.allSatisfy(targets.contains)
            // Nothing is recorded for commands that were left unchanged.
            if areAll || !entry.isAboutBuilds || Clock.monotonic > deadline { return builds }
            Clock.sleep(nanoseconds: 100_000_000)
        }
    }

    /// The records of a build in the ledger, and why its first step that was not cached was executed; nil if they are
    /// gone. `commands` are those of the journal. Asks no engine.
    static func of(
        _ ended: LedgerEntry, among commands: [JournalEntry]
    ) -> (build: RecordedBuild, explanation: Explanation)? {
        // PIDs are reused.
        let command = commands.last { $0.process == ended.process && ($0.time &- ended.began).magnitude <= 60 }
        guard let command else { return nil }
        let all = builds(of: command)
        let place = ended.export.flatMap(Export.currentLocation)
        let build = all.first { build in
            guard let found = build.place, build.record?.repository == ended.repository else { return false }
            // Builds that exported nothing are identified by their outcome.
            return place.map { $0 == found } ?? (Evidence.outcome(in: found)?.json.text == ended.outcome.json.text)
        }
        guard let build else { return nil }
        let others = (all.compactMap(\.record?.bakeTarget) + command.targets).filter { $0 != build.record?.bakeTarget }
        return (build, Explanation(of: Evidence(about: build, others, reference: nil, EngineHistory(docker: nil))))
    }

    private var isWhole: Bool {
        guard let place, let record else { return false }
        return !record.context.text.hasPrefix("/") || !Files.isMissing(place.appending(path: Export.contextRecord))
    }

    static func record(in place: ByteString) -> BuildRecord? {
        (try? Files.read(place.appending(path: Export.buildRecord), limit: 4 << 20, followLinks: false))
            .flatMap { BuildRecord($0) }
    }
}

/// A build of a command, and why its first step that was not cached missed.
struct ToldBuild {
    let build: RecordedBuild
    let explanation: Explanation
    /// The targets of the command that were recorded; empty for a single build.
    let targets: [ByteString]

    /// Chooses the build that should have hit; otherwise one that missed; otherwise one of which that is unknown; nil
    /// if there is none. `all` are the builds of the same command.
    init?(
        of builds: [RecordedBuild], among all: [RecordedBuild], reference: BuildxHistory.Reference? = nil,
        docker: ByteString?
    ) {
        targets = all.compactMap(\.record?.bakeTarget)
        var told: (build: RecordedBuild, explanation: Explanation)?
        let history = EngineHistory(docker: docker)
        for build in builds {
            let others = (targets + build.entry.targets).filter { $0 != build.record?.bakeTarget }
            var evidence = Evidence(about: build, others, reference: reference, history)
            evidence.companion =
                all.compactMap(\.record).first {
                    $0.bakeTarget != build.record?.bakeTarget && $0.context == build.record?.context
                }?.bakeTarget
            let explanation = Explanation(of: evidence)
            if told.map({ Self.rank(explanation) < Self.rank($0.explanation) }) ?? true { told = (build, explanation) }
            if explanation.shouldHaveHit { break }
        }
        guard let told else { return nil }
        (build, explanation) = told
    }

    private static func rank(_ explanation: Explanation) -> Int {
        switch explanation.cause {
        case _ where explanation.shouldHaveHit: 0
        case .unknown: 2
        case .allCached: 3
        default: 1
        }
    }
}

/// The history of one command's engine, read once; if the engine did not answer, it is not asked again.
final class EngineHistory {
    private let docker: ByteString?
    private var references: [BuildxHistory.Reference]?
    private var silence: BuildxHistory.HistoryError?

    init(docker: ByteString?) { self.docker = docker }

    /// The outcome of a build. `reference` is its place in the history, if known.
    func outcome(
        of record: BuildRecord?, _ reference: BuildxHistory.Reference?
    ) throws(BuildxHistory.HistoryError) -> BuildOutcome {
        if let silence { throw silence }
        guard let docker,
            let access = BuildxHistory.Access(docker: docker, globals: (record?.globals ?? []).map(\.text))
        else {
            throw .noHistory("no docker is found")
        }
        let history = BuildxHistory(access)
        let noted = references ?? history.references()
        references = noted
        guard let found = reference ?? record.flatMap({ BuildxHistory.reference(of: $0, among: noted) }) else {
            throw .noBuild
        }
        do throws(BuildxHistory.HistoryError) {
            return try history.outcome(of: found)
        } catch {
            if case .noHistory = error { silence = error }
            throw error
        }
    }
}

extension Evidence {
    /// Everything that can be found out about a build. `others` are further targets of its command, `reference` is its
    /// place in the engine's history, if known. The stored outcome has no texts of steps, and if all steps were cached
    /// none are needed: reading the history of a bake with many targets takes long.
    init(
        about build: RecordedBuild, _ others: [ByteString], reference: BuildxHistory.Reference?,
        _ history: EngineHistory
    ) {
        let kept = build.place.flatMap(Self.outcome)
        var outcome = kept.flatMap { $0.firstMiss == nil ? $0 : nil }
        var missing: ByteString?
        do throws(BuildxHistory.HistoryError) {
            if outcome == nil { outcome = try history.outcome(of: build.record, reference) }
        } catch {
            switch error {
            case .noBuild: missing = "buildx recorded no build of this context at that time"
            case .noHistory(let reason): missing = reason
            case .notKept: missing = "the engine's history no longer has it"
            }
        }
        outcome = outcome ?? kept
        let side = build.record.map { record in
            Side(record: record, context: build.place.flatMap(Self.context), outcome: outcome)
        }
        let notes = build.entry.notes(besides: others)
        self.init(
            build: side, former: Self.former(of: build), outcome: outcome, missingOutcome: missing,
            notes: notes.compactMap { note in Reason(code: note.code).map { ($0, note.message) } },
            relative: Self.relative(of: build))
        if let place = build.place, let record = build.record {
            overlooked = Self.overlooked(by: record, exporting: place, importing: build.entry.imports)
        }
    }

    /// Steps that were executed although the imported union contains them; 0 if they were to be executed, or if the
    /// command's builds imported several unions.
    static func overlooked(by record: BuildRecord, exporting place: ByteString, importing unions: [ByteString]) -> Int {
        guard record.hasNoCacheFilter == false, unions.count == 1, let union = unions.first else { return 0 }
        // Results have a resolution of one second; those made before the build are not its own.
        return ArrivedExport.remade(by: place, importing: union, since: record.began / 1_000_000_000 + 1) ?? 0
    }

    static func outcome(in place: ByteString) -> BuildOutcome? {
        (try? Files.read(place.appending(path: Export.outcomeRecord), limit: 4 << 20, followLinks: false))
            .flatMap { JSON($0) }.flatMap { BuildOutcome($0) }
    }

    private static func context(in place: ByteString) -> ContextRecord? {
        (try? Files.read(place.appending(path: Export.contextRecord), limit: 256 << 20, followLinks: false))
            .flatMap { ContextRecord($0) }
    }

    private static func side(at place: ByteString) -> Side? {
        RecordedBuild.record(in: place).map {
            Side(record: $0, context: context(in: place), outcome: outcome(in: place))
        }
    }

    /// The most builds whose contexts are read to find the nearest.
    private static let mostCompared = 64

    /// Of the builds with the same key whose exports were available for import, the one with the nearest context; if
    /// there are several, the one with the fewest different arguments (builds of one tree may differ only in those),
    /// and then the newest.
    private static func former(of build: RecordedBuild) -> Side? {
        guard let record = build.record, let imported = record.imported,
            let place = Export.currentLocation(of: imported)
        else {
            return nil
        }
        return former(of: record, at: build.place, in: place.parentPath)
    }

    /// The same among the exports in a key's folder; `own` is the build's own, if it has one.
    static func former(of record: BuildRecord, at own: ByteString?, in key: ByteString) -> Side? {
        let others = ((try? Files.names(in: key, limit: 65_536)) ?? []).map { key.appending(path: $0) }
            .filter { $0 != own && !Files.isMissing($0.appending(path: Export.index)) }
            .compactMap { path in RecordedBuild.record(in: path).map { (place: path, record: $0) } }
            .filter { $0.record.began < record.began }.sorted { $0.record.began > $1.record.began }
            .prefix(mostCompared)
        guard let context = own.flatMap(context) else { return others.first.flatMap { side(at: $0.place) } }
        var nearest: (place: ByteString, distance: (files: Int, arguments: Int))?
        for other in others {
            guard let former = Self.context(in: other.place) else { continue }
            let difference = ContextDifference(from: former, to: context)
            let distance = (
                difference.modes.count + difference.contents.count + difference.added.count + difference.removed.count,
                record.otherArguments(than: other.record)
            )
            if nearest.map({ distance < $0.distance }) ?? true { nearest = (other.place, distance) }
            if distance == (0, 0) { break }
        }
        return (nearest?.place ?? others.first?.place).flatMap { side(at: $0) }
    }

    /// Another target or platform of the same Dockerfile that was exported earlier.
    private static func relative(of build: RecordedBuild) -> ByteString? {
        guard let place = build.place, let record = build.record else { return nil }
        let own = place.parentPath
        func key(_ folder: ByteString) -> JSON? {
            (try? Files.read(folder.appending(path: Generation.keyRecord), limit: 65_536, followLinks: false)).flatMap {
                JSON($0)
            }
        }
        guard let mine = key(own) else { return nil }
        for name in ((try? Files.names(in: own.parentPath, limit: 65_536)) ?? []).sorted() {
            let folder = own.parentPath.appending(path: name)
            guard folder != own, let other = key(folder), holdsExport(folder, before: record.began),
                ["repository", "dockerfile", "context"].allSatisfy({ other[key: $0] == mine[key: $0] })
            else { continue }
            let target = other[key: "target"]?.string ?? ""
            let platforms = (other[key: "platforms"]?.array ?? []).compactMap(\.string).joined(separator: ",")
            return (target.isEmpty ? "the last stage" : "target " + target) + " for " + platforms
        }
        return nil
    }

    private static func holdsExport(_ folder: ByteString, before time: Int64) -> Bool {
        ((try? Files.names(in: folder, limit: 65_536)) ?? []).contains { name in
            let index = folder.appending(path: name).appending(path: Export.index)
            return (try? Files.status(index, followLinks: false)).map { $0.size > 0 && $0.modified < time } ?? false
        }
    }
}
