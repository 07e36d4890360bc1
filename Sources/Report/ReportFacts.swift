public import Formats
public import History

/// The facts for a report, gathered by the caller.
public struct ReportFacts: Sendable {
    /// A build that has ended.
    public struct Build: Sendable {
        /// Its entry in the ledger.
        public let entry: LedgerEntry
        /// The time that caching saved it, in nanoseconds.
        public let saved: Int64
        /// Why its first step that was not cached missed; nil if nothing was recorded.
        public let explanation: Explanation?
        /// Where the steps are in the Dockerfile: the line and the stored text of the instruction, in the order of
        /// the steps.
        public let places: [(line: Int, text: ByteString)?]

        /// Everything by name.
        public init(
            entry: LedgerEntry, saved: Int64, explanation: Explanation?, places: [(line: Int, text: ByteString)?] = []
        ) {
            self.entry = entry
            self.saved = saved
            self.explanation = explanation
            self.places = places
        }
    }

    /// The user's sub-store.
    public struct Store: Sendable {
        /// One key.
        public struct Key: Sendable {
            /// The name of its directory, which `slipway trim --key` takes.
            public let name: ByteString
            /// Its description: repository and target.
            public let words: ByteString
            /// Bytes that no other key reaches.
            public let own: UInt64
            /// Bytes that other keys also reach.
            public let shared: UInt64
            /// Exports that builds may import.
            public let exports: Int
            /// Seconds since 1970.
            public let lastUsed: Int

            /// Everything by name.
            public init(
                name: ByteString, words: ByteString, own: UInt64, shared: UInt64, exports: Int, lastUsed: Int
            ) {
                self.name = name
                self.words = words
                self.own = own
                self.shared = shared
                self.exports = exports
                self.lastUsed = lastUsed
            }
        }

        /// Its path.
        public let path: ByteString
        /// The bytes in it.
        public let used: UInt64
        /// The bytes that it may hold.
        public let budget: UInt64
        /// The bytes that trimming would free now, and the number of exports that it would remove; nil if unknown.
        public let trimming: (frees: UInt64, exports: Int)?
        /// The last used first.
        public let keys: [Key]

        /// Everything by name.
        public init(
            path: ByteString, used: UInt64, budget: UInt64, trimming: (frees: UInt64, exports: Int)?, keys: [Key]
        ) {
            self.path = path
            self.used = used
            self.budget = budget
            self.trimming = trimming
            self.keys = keys
        }
    }

    /// Seconds since 1970.
    public var now: Int
    /// The version of Slipway.
    public var version: ByteString
    /// In their order.
    public var builds: [Build]
    /// The journal, summed up.
    public var journal: JournalStatistics
    /// nil if nothing has been exported.
    public var store: Store?
    /// The engines that builds have used, described.
    public var engines: [(name: ByteString, detail: ByteString)]

    /// Everything by name.
    public init(
        now: Int, version: ByteString, builds: [Build], journal: JournalStatistics, store: Store?,
        engines: [(name: ByteString, detail: ByteString)]
    ) {
        self.now = now
        self.version = version
        self.builds = builds
        self.journal = journal
        self.store = store
        self.engines = engines
    }
}

/// The summarized facts, which both the page and the text show.
struct ReportSums {
    struct Day: Equatable {
        /// Days since 1970, in UTC.
        let day: Int
        var builds = 0
        /// Nanoseconds.
        var saved: Int64 = 0
        var exporting: Int64 = 0
    }

    struct Miss {
        let cause: Explanation.Cause
        var builds = 0
        var steps = 0
        /// From the last build with this cause.
        var last: Explanation?
    }

    struct SlowStep {
        let repository: ByteString
        var name: ByteString
        var runs = 0
        /// Nanoseconds, in total and of the longest run.
        var total: Int64 = 0
        var longest: Int64 = 0
    }

    private(set) var builds = 0
    private(set) var steps = 0
    private(set) var cached = 0
    /// Steps executed in builds whose first miss one shared cache would have had, if known.
    private(set) var missedHere = 0
    private(set) var saved: Int64 = 0
    private(set) var exporting: Int64 = 0
    private(set) var days: [Day] = []
    private(set) var misses: [Miss] = []
    private(set) var slowSteps: [SlowStep] = []
    let accounts: [BuildAccount]
    /// Commands that were left unchanged, by reason.
    let declined: [JournalStatistics.Count]

    init(_ facts: ReportFacts) {
        accounts = BuildAccount.accounts(of: facts.builds.map(\.entry))
        declined = facts.journal.reasons
        var days: [Int: Day] = [:]
        var misses: [Explanation.Cause: Miss] = [:]
        var slow: [ByteString: SlowStep] = [:]
        for build in facts.builds {
            let entry = build.entry
            let hits = entry.outcome.steps.count(where: \.isCached)
            builds += 1
            steps += entry.outcome.steps.count
            cached += hits
            saved = saved &+ build.saved
            exporting = exporting &+ entry.exporting
            let day = entry.began / 86_400
            days[day, default: Day(day: day)].builds += 1
            days[day, default: Day(day: day)].saved &+= build.saved
            days[day, default: Day(day: day)].exporting &+= entry.exporting
            for (number, step) in entry.outcome.steps.enumerated() where !step.isCached {
                let place = number < build.places.count ? build.places[number] : nil
                let key = entry.repository + "\0" + step.identity
                var one = slow[key] ?? SlowStep(repository: entry.repository, name: Self.name(step, nil))
                if place != nil { one.name = Self.name(step, place) }
                one.runs += 1
                one.total = one.total &+ step.duration
                one.longest = max(one.longest, step.duration)
                slow[key] = one
            }
            guard entry.outcome.firstMiss != nil else { continue }
            let cause = build.explanation?.cause ?? .unknown
            var miss = misses[cause] ?? Miss(cause: cause)
            miss.builds += 1
            miss.steps += entry.outcome.steps.count - hits
            miss.last = build.explanation ?? miss.last
            misses[cause] = miss
            if build.explanation?.wouldHitInOneCache == true { missedHere += entry.outcome.steps.count - hits }
        }
        self.days = days.values.sorted { $0.day < $1.day }
        self.misses = misses.values.sorted { ($0.steps, $1.cause.rawValue) > ($1.steps, $0.cause.rawValue) }
        slowSteps = slow.values.sorted { ($0.total, $1.name) > ($1.total, $0.name) }
    }

    private static func name(_ step: BuildOutcome.Step, _ place: (line: Int, text: ByteString)?) -> ByteString {
        let stage: ByteString = step.stage.isEmpty ? "" : " of " + step.stage
        guard let place else { return step.keyword + ", step " + ByteString(decimal: step.number) + stage }
        return step.keyword + (place.text.isEmpty ? "" : " " + place.text) + ", line " + ByteString(decimal: place.line)
            + stage
    }
}
