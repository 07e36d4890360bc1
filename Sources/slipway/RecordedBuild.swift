import BuildCache
import BuildHistory
import Formats
import Host
import Notes
import Records
import Shim
import Why
import WorkingTree

/// One build of the journal with what was recorded of it.
struct RecordedBuild {
    /// What the shim decided.
    let entry: JournalEntry
    /// The folder of its records; nil when there is none.
    let place: ByteString?
    let record: BuildRecord?

    /// The builds of the journal, the newest first, each looked at only when it is asked for.
    static func all() -> some Sequence<RecordedBuild> {
        JournalEntry.entries(of: Journal.files).filter { $0.command == "build" }.reversed().lazy.map(RecordedBuild.init)
    }

    init(_ entry: JournalEntry) {
        self.entry = entry
        place = entry.export.flatMap(Export.standing) ?? Self.folder(of: entry)
        record = place.flatMap(Self.record)
    }

    /// Behind the build's back its records may still be on their way.
    init?(waitingFor entry: JournalEntry, seconds: Int64) {
        let deadline = Clock.monotonic &+ seconds &* 1_000_000_000
        while true {
            let build = RecordedBuild(entry)
            let needsContext = build.record?.context.hasPrefix("/") ?? true
            let isWhole =
                build.record != nil
                && (!needsContext
                    || build.place.map { !Files.isMissing($0.appending(path: Export.contextRecord)) } ?? false)
            if isWhole || Clock.monotonic > deadline {
                self = build
                return
            }
            Clock.sleep(nanoseconds: 100_000_000)
        }
    }

    static func record(in place: ByteString) -> BuildRecord? {
        (try? Files.read(place.appending(path: Export.buildRecord), limit: 4 << 20, followLinks: false))
            .flatMap { BuildRecord($0) }
    }

    /// Where a build without an export was recorded.
    private static func folder(of entry: JournalEntry) -> ByteString? {
        guard let home = BuildLedger.records, let process = entry.process else { return nil }
        for name in (try? Files.names(in: home, limit: 4096)) ?? [] {
            guard name.hasSuffix("-" + ByteString(decimal: process)),
                let time = name.cut(at: "-").flatMap({ Int($0.before.lossy, radix: 16) }), abs(time - entry.time) <= 60
            else { continue }
            return home.appending(path: name)
        }
        return nil
    }
}

extension Evidence {
    /// All that can be found about a build. `reference` is its place in the engine's history, where that is known already.
    init(about build: RecordedBuild, reference: BuildxHistory.Reference?, docker: ByteString?) {
        var outcome: BuildOutcome?
        var missing: ByteString?
        do throws(BuildxHistory.Obstacle) {
            outcome = try Self.ask(build.record, reference, docker)
        } catch {
            switch error {
            case .noBuild: missing = "buildx has noted no build of this context at that time"
            case .noHistory(let reason): missing = reason
            case .notKept: missing = "the engine's history has not kept it"
            }
        }
        let kept = build.place.flatMap(Self.outcome)
        outcome = outcome ?? kept
        let side = build.record.map { record in
            Side(record: record, context: build.place.flatMap(Self.context), outcome: outcome)
        }
        self.init(
            build: side, former: Self.former(of: build), outcome: outcome, missingOutcome: missing,
            notes: build.entry.notes.compactMap { note in Reason(code: note.code).map { ($0, note.message) } },
            relative: Self.relative(of: build))
    }

    private static func ask(
        _ record: BuildRecord?, _ reference: BuildxHistory.Reference?, _ docker: ByteString?
    ) throws(BuildxHistory.Obstacle) -> BuildOutcome {
        guard let docker, let access = BuildxHistory.Access(docker: docker, globals: record?.globals ?? []) else {
            throw .noHistory("no docker is found")
        }
        let history = BuildxHistory(access)
        let found = reference ?? record.flatMap { history.reference(since: $0.began, context: $0.context) }
        guard let found else { throw .noBuild }
        return try history.outcome(of: found)
    }

    private static func outcome(in place: ByteString) -> BuildOutcome? {
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

    /// The build whose export was imported; where it left no record, the one before of the same key.
    private static func former(of build: RecordedBuild) -> Side? {
        guard let record = build.record, let imported = record.imported, let place = Export.standing(imported) else {
            return nil
        }
        if let side = side(at: place) { return side }
        let key = place.parentPath
        let others = ((try? Files.names(in: key, limit: 65_536)) ?? []).map { key.appending(path: $0) }
            .filter { $0 != build.place && !Files.isMissing($0.appending(path: Export.index)) }
            .compactMap { path in RecordedBuild.record(in: path).map { (path, $0.began) } }
            .filter { $0.1 < record.began }
        return others.max { $0.1 < $1.1 }.flatMap { side(at: $0.0) }
    }

    /// Another target or platform of the same Dockerfile, exported before.
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
