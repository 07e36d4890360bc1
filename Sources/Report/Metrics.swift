public import Formats
public import History
internal import Notes

/// Counters for a monitoring system. They only grow: their sources are renamed when they are full, so the sums are
/// stored, together with how far the journal and the ledger have been read.
public struct Metrics: Equatable, Sendable {
    /// The counters; the raw value is the stable name.
    enum Counter: ByteString, CaseIterable {
        case commands
        case changed = "commands_changed"
        case declined = "commands_declined"
        case imports
        case leftOut = "imports_left_out"
        case exports
        case waited = "flight_wait_seconds"
        case builds
        case cachedSteps = "steps_cached"
        case executedSteps = "steps_executed"
        case missed = "builds_missed"
        case saved = "saved_seconds"
        case exporting = "export_seconds"
        case exported = "exported_bytes"
        case pushes = "remote_pushes"
        case fetches = "remote_fetches"
        case remoteErrors = "remote_errors"
    }

    /// The present content of the store.
    public struct Store: Equatable, Sendable {
        /// Bytes by their state for trimming.
        public var bytes: [(state: ByteString, bytes: UInt64)]
        /// The bytes that it may hold.
        public var budget: UInt64
        /// The bytes free on its disk; nil if unknown.
        public var free: UInt64?
        /// Keys.
        public var keys: Int
        /// Exports that builds may import.
        public var exports: Int
        /// How many generations trimming has replaced.
        public var trims: Int

        /// Everything by name.
        public init(
            bytes: [(state: ByteString, bytes: UInt64)], budget: UInt64, free: UInt64?, keys: Int, exports: Int,
            trims: Int
        ) {
            self.bytes = bytes
            self.budget = budget
            self.free = free
            self.keys = keys
            self.exports = exports
            self.trims = trims
        }

        /// Same values.
        public static func == (left: Store, right: Store) -> Bool {
            left.bytes.elementsEqual(right.bytes, by: ==) && left.budget == right.budget && left.free == right.free
                && left.keys == right.keys && left.exports == right.exports && left.trims == right.trims
        }
    }

    /// How far the journal has been counted.
    public var journal = LinePosition.start
    /// How far the ledger has been counted.
    public var ledger = LinePosition.start
    /// By counter and the value of its label; seconds are stored in thousandths.
    var counts: [Counter: [ByteString: Int]] = [:]

    /// The state before anything is counted.
    public init() {}

    private mutating func add(_ number: Int, to counter: Counter, _ label: ByteString = "") {
        let (sum, isTooMuch) = (counts[counter]?[label] ?? 0).addingReportingOverflow(max(0, number))
        counts[counter, default: [:]][label] = isTooMuch ? .max : sum
    }

    private static let kinds: Set<ByteString> = [
        "build", "bake", "compose", "run", "create", "container", "volume", "unknown",
    ]

    /// Adds summarized lines of the journal.
    public mutating func add(_ statistics: JournalStatistics) {
        for kind in statistics.commands {
            // The number of series stays small, whatever a journal contains.
            add(kind.count, to: .commands, Self.kinds.contains(kind.name) ? kind.name : "other")
        }
        add(statistics.changed, to: .changed)
        add(statistics.imported, to: .imports)
        add(statistics.exported, to: .exports)
        add(statistics.waited &* 1_000, to: .waited)
        for reason in statistics.reasons { add(reason.count, to: .declined, Self.code(reason.name)) }
        for reason in statistics.leftOut { add(reason.count, to: .leftOut, Self.code(reason.name)) }
        for reason in statistics.remote {
            switch Reason(code: reason.name) {
            case .remotePushed: add(reason.count, to: .pushes)
            case .remoteFetched: add(reason.count, to: .fetches)
            case let code? where code.rawValue >= Reason.remoteClientMissing.rawValue:
                add(reason.count, to: .remoteErrors, code.code)
            default: break
            }
        }
    }

    private static func code(_ name: ByteString) -> ByteString { Reason(code: name)?.code ?? "other" }

    /// Adds a build that has ended. `saved` is in nanoseconds, `bytes` is what its export added to the store, `cause`
    /// is why its first step that was not cached missed.
    public mutating func add(_ build: LedgerEntry, saved: Int64, bytes: UInt64, cause: Explanation.Cause) {
        let cached = build.outcome.steps.count(where: \.isCached)
        add(1, to: .builds)
        add(cached, to: .cachedSteps)
        add(build.outcome.steps.count - cached, to: .executedSteps)
        if build.outcome.firstMiss != nil { add(1, to: .missed, cause.rawValue) }
        add(Int(saved / 1_000_000), to: .saved)
        add(Int(build.exporting / 1_000_000), to: .exporting)
        add(Int(clamping: bytes), to: .exported)
    }

    // MARK: - Kept between calls

    /// On one line.
    public var json: JSON {
        func position(_ position: LinePosition) -> JSON {
            .object(["offset": .integer(position.offset), "digest": .string(position.digest)])
        }
        return .object([
            "format": .integer(1), "journal": position(journal), "ledger": position(ledger),
            "counts": .object(
                Counter.allCases.compactMap { counter in
                    counts[counter].map { values in
                        .init(
                            name: counter.rawValue,
                            value: .object(
                                values.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .integer($0.value)) }
                            ))
                    }
                }),
        ])
    }

    /// nil for an incomplete or foreign text.
    public init?(_ text: ByteString) {
        guard let json = JSON(text), json[key: "format"]?.integer == 1,
            let journal = json[key: "journal"].flatMap(LinePosition.init),
            let ledger = json[key: "ledger"].flatMap(LinePosition.init)
        else { return nil }
        self.journal = journal
        self.ledger = ledger
        for member in json[key: "counts"]?.members ?? [] {
            guard let counter = Counter(rawValue: member.name) else { continue }
            for value in member.value.members ?? [] { add(value.value.integer ?? 0, to: counter, value.name) }
        }
    }
}

extension LinePosition {
    fileprivate init?(_ json: JSON) {
        guard let offset = json[key: "offset"]?.integer, offset >= 0, let digest = json[key: "digest"]?.string else {
            return nil
        }
        self.init(offset: offset, digest: digest)
    }
}
