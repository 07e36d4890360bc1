internal import BuildCache
internal import Formats
internal import Host
internal import Notes
internal import Planning
internal import WorkingTree

/// A build's part in a flight: of equal builds that start at the same time, the first leads and the others wait.
struct BuildFlight {
    private let settings: Settings
    private var lock: FlightLock?
    /// What happened in the flight.
    private(set) var notes: [Note] = []

    /// The most leaders to wait for, one after another: after two that left nothing, a third will probably fail, too.
    private static let mostLeaders = 2
    private static let poll: Int64 = 50_000_000
    /// How long a leader's files may remain unknown, and the time limit for reading the build's own, in nanoseconds.
    private static let unknown: Int64 = 10_000_000_000
    private static let looking: Int64 = 5_000_000_000

    init(_ settings: Settings) { self.settings = settings }

    /// A follower compares its files with the leader's record, so records are necessary.
    var isWanted: Bool { settings.waitsForFlights && settings.records }

    /// Takes the lead of a build's flight, or waits for its leader. `beforeWaiting` releases whatever would hold up
    /// other builds during the wait, or would be outdated after it.
    mutating func join(
        _ build: BuildDescription, as identity: BuildIdentity, in store: Store, exporting: Bool,
        beforeWaiting: () -> Void
    ) {
        guard isWanted, let dockerfile = build.dockerfilePath,
            let limit = Flight.Patience.limit(
                settings.flightWait, known: BuildDurations.longest(of: identity.key.directoryName)),
            let flight = Flight(of: build, as: identity, dockerfile: dockerfile),
            let flights = Flights(in: store, making: exporting)
        else { return }
        switch flights.join(flight) {
        case .leading(let lock): if exporting { self.lock = lock }
        case .awaited(let leader):
            beforeWaiting()
            Budget.excusing {
                wait(for: leader, of: flight, on: flights, limit, dockerfile, build)
            }
            if !exporting { lock = nil }
        case .exported, .unknown: return
        }
    }

    private mutating func wait(
        for first: Flight.Leader?, of flight: Flight, on flights: Flights, _ limit: Int64, _ dockerfile: ByteString,
        _ build: BuildDescription
    ) {
        let began = Clock.monotonic
        var leader = first
        // When this leader took over, whether its files are known to be the same, and how many leaders there have been.
        var (since, isSame, leaders) = (began, false, 1)
        var own: ContextRecord?
        var line = WaitingLine()
        var end: Note?
        waiting: while true {
            let now = Clock.monotonic
            guard now &- began < limit else {
                end = Note(.flightTooLong, Self.seconds(limit))
                break
            }
            if !isSame {
                own = own ?? Self.files(of: build, dockerfile, settings)
                guard own?.gap == nil else {
                    end = Note(.flightDiffers)
                    break
                }
                switch leader.flatMap({ Self.files(of: $0) }) {
                case let theirs? where theirs == own?.bytes: isSame = true
                case nil where now &- since < Self.unknown: break
                default:
                    end = Note(.flightDiffers, leader.map { "process " + ByteString(decimal: $0.process) } ?? "")
                    break waiting
                }
            }
            if now &- began >= WaitingLine.silence {
                let process = leader.map { ", pid " + ByteString(decimal: $0.process) } ?? ""
                line.show(
                    "waiting for the same build" + process, seconds: (now &- began) / 1_000_000_000,
                    "Ctrl-C stops, SLIPWAY_FLIGHT=off builds now")
            }
            Clock.sleep(nanoseconds: min(Self.poll, max(1_000_000, began &+ limit &- now)))
            switch flights.join(flight) {
            case .exported, .unknown: break waiting
            case .leading(let lock):
                self.lock = lock
                break waiting
            case .awaited(let next):
                guard let next, next != leader else { continue }
                if leader != nil { leaders += 1 }
                guard leaders <= Self.mostLeaders else { break waiting }
                (leader, since, isSame) = (next, Clock.monotonic, false)
            }
        }
        line.clear()
        var detail = Self.seconds(Clock.monotonic &- began)
        if let leader { detail += ", process " + ByteString(decimal: leader.process) }
        notes.append(Note(.flightAwaited, detail))
        if let end { notes.append(end) }
    }

    /// The files that a build would read from its context.
    private static func files(of build: BuildDescription, _ dockerfile: ByteString, _ settings: Settings)
        -> ContextRecord
    {
        guard case .directory(let path) = build.context,
            let root = try? Files.realPath(path.absolute(in: build.workingDirectory))
        else { return ContextRecord(entries: [], gap: .unreadable) }
        return ContextSurvey.record(
            of: root, ignoreFile: ContextSurvey.ignoreFile(of: root, dockerfile: dockerfile),
            .init(files: settings.recordedFiles, time: min(looking, settings.recordingTime)), began: Clock.now)
    }

    private static let largestRecord = 64 << 20

    /// The record of a leader's own files, which it writes beside its export; nil until then.
    private static func files(of leader: Flight.Leader) -> ByteString? {
        let path = leader.export.appending(path: Export.contextRecord)
        return try? Files.read(path, limit: largestRecord, followLinks: false)
    }

    private static func seconds(_ nanoseconds: Int64) -> ByteString {
        ByteString(decimal: (nanoseconds &+ 500_000_000) / 1_000_000_000) + " s"
    }

    /// Lets a detached process keep the lead after docker has ended.
    var inheritance: [Detached.Inheritance] { lock.map { [$0.inheritance] } ?? [] }

    /// Announces the lead if the build exports and is recorded in the background; otherwise releases the lock, so that
    /// the others can go on.
    mutating func announce(exportingTo export: ByteString?) {
        guard let lock else { return }
        self.lock = nil
        guard let export else { return }
        do throws(Errno) {
            try lock.announce(exportingTo: export)
            notes.append(Note(.flightLed))
        } catch {
            return
        }
    }
}
