public import Formats
public import Host

extension Trim {
    /// Bytes of one sub-store.
    public struct Usage: Equatable, Sendable {
        /// All blobs, each once, including unfinished ones.
        public var total: UInt64 = 0
        /// Those that complete exports of the current generation reach.
        public var live: UInt64 = 0
        /// Those of the current generation that no complete export reaches.
        public var orphaned: UInt64 = 0
        /// Those that exports of the current generation are writing, or have left unfinished.
        public var unfinished: UInt64 = 0
        /// Those that are only in older generations, which builds may still use.
        public var waiting: UInt64 = 0
    }

    /// How a run ended.
    public enum Outcome: Equatable, Sendable {
        /// There was nothing to remove.
        case nothingToDo
        /// `current` now leads to a new generation with this name.
        case switched(ByteString)
        /// Files were deleted in place: the file system has no hard links, or builds had left them unfinished.
        case swept
        /// Another process is trimming this sub-store.
        case otherTrimAtWork
        /// The file system has no hard links, and a build is using the store.
        case inUse
        /// Nothing was done; the report tells what would be.
        case planned
    }

    /// What a run found and did.
    public struct Report: Sendable {
        /// The user whose sub-store it is.
        public let user: UInt32
        /// Its directory.
        public let path: ByteString
        /// How it ended.
        public var outcome = Outcome.nothingToDo
        /// Before the run.
        public var before = Usage()
        /// After the run; for a dry run, as it would be if no build were running, without the unions that are made
        /// from what stays.
        public var after = Usage()
        /// Exports that stay.
        public var kept = 0
        /// Exports that are removed.
        public var dropped: [Retention.Dropped] = []
        /// Exports that stay but lose the layers that do not fit.
        public var shortened: [Retention.Dropped] = []
        /// Exports that were carried over because their builds ended after an older generation was replaced.
        public var carried = 0
        /// Whether no older generation is left.
        public var isSettled = true
        /// Who prevents the removal: the other trim, or the builds for which trimming waits, if they can be seen from
        /// here.
        public var holders: [LockHolder] = []
        /// Bytes that stay although they exceed the budget: those of other keys than the one that is trimmed.
        public var bytesOverBudget: UInt64 = 0
        /// The budget needed for chains of layers that exceed it, and are removed each time; 0 if there are none.
        public var neededBudget: UInt64 = 0

        mutating func take(_ choice: Retention.Choice) {
            kept = choice.keptCount
            dropped = choice.dropped
            shortened = choice.shortened
            bytesOverBudget = choice.bytesOverBudget
            neededBudget = choice.neededBudget
        }

        mutating func forgetDropped() {
            dropped = []
            shortened = []
        }
    }

    /// Of the current generation, and of those older ones that count.
    static func usage(
        _ pool: Pool, live: UInt64, besides current: Generation, counting isMeant: (Generation) -> Bool = { _ in true }
    ) -> Usage {
        var usage = Usage(total: pool.bytes, live: live)
        usage.orphaned = usage.total - min(usage.total, usage.live)
        var waiting: [Digest: Pool.File] = [:]
        var unfinished: UInt64 = 0
        for generation in retired(besides: current) where isMeant(generation) {
            guard let old = try? Pool(of: generation) else { continue }
            unfinished &+= generation.unfinishedBytes
            waiting.merge(old.files.filter { pool.files[$0.key] == nil }) { first, _ in first }
        }
        usage.waiting = waiting.values.reduce(unfinished) { $0 &+ UInt64($1.size) }
        usage.unfinished = current.unfinishedBytes
        usage.total &+= usage.waiting &+ usage.unfinished
        return usage
    }
}
