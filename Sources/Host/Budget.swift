public import Formats
internal import Synchronization

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The time that everything before exec may take in total; it is handed down to every reader and every loop. It counts
/// what this process computes, and stops while the process waits for an engine or another program. A second limit, by
/// the wall clock, is longer: a slow disk must not make anyone wait for long, but a machine that stalls for a moment
/// must not cost a build its layers. Processor time that other processes take does not count there either. Where this
/// thread had to wait for a processor, computing may take longer, too.
public final class Budget: Sendable {
    /// The time that Slipway may add to a command besides the engine's answer, in nanoseconds.
    public static let whole: Int64 = 10_000_000
    /// The factor by which wall-clock time may exceed computing time. A build computes for 2 to 3 ms, but a cold disk,
    /// a tracer (20 ms for the 320 calls of a build) or a virtual machine that briefly loses its processor should not
    /// cost it its layers.
    private static let patience: Int64 = 10
    /// The factor by which computing may exceed it on a busy machine, where the same work takes more of a processor's
    /// time: the threads next to it share its caches, and a virtual processor's time goes on while its host runs
    /// another. What a build computes in 4.5 ms on a quiet machine took up to 10 ms with five others for each processor.
    private static let stretch: Int64 = 3

    private let nanoseconds: Int64
    private let began: Moments
    private let above: Budget?
    /// Computing time that has been granted because others had the processor meanwhile.
    private let granted = Atomic<Int64>(0)

    /// The clocks and counters that a budget uses. The order of the fields matters: if this thread loses the processor
    /// while they are read, above all while the time that others took is read from a file, the wait must count as
    /// theirs and not as its own.
    private struct Moments {
        let others = Clock.others
        let waited = Clock.waited
        let excused = Others.excused.load(ordering: .relaxed)
        let computedFreely = Others.computedFreely.load(ordering: .relaxed)
        let computed = Clock.computed
        let wall = Clock.monotonic

        /// The time in which this thread was runnable while others had the processor.
        var delay: Int64 { others &- waited &- excused }
    }

    /// Starts now.
    public convenience init(nanoseconds: Int64 = Budget.whole) { self.init(nanoseconds, of: nil) }

    private init(_ nanoseconds: Int64, of above: Budget?) {
        self.nanoseconds = nanoseconds
        self.above = above
        began = Moments()
    }

    /// A part of the remaining time. It starts now and ends no later than the whole.
    public func share(nanoseconds: Int64) -> Budget { Budget(nanoseconds, of: self) }

    /// Whether no time is left. Time may be left again after a wait for an engine.
    public var isSpent: Bool {
        Awaited.settle()
        if above?.isSpent ?? false { return true }
        let wall = Clock.monotonic &- began.wall
        guard wall >= nanoseconds else { return false }
        let excused = Others.excused.load(ordering: .relaxed) &- began.excused
        if hasComputedTooMuch { return true }
        let most = times(Self.patience)
        guard wall &- excused &- (Clock.waited &- began.waited) >= most else { return false }
        // The time that others took is read only here, because reading it opens a file in /proc.
        return wall &- (Clock.others &- began.others) >= most
    }

    private var hasComputedTooMuch: Bool {
        let computedFreely = Others.computedFreely.load(ordering: .relaxed) &- began.computedFreely
        let excess = Clock.computed &- began.computed &- computedFreely &- nanoseconds
        guard excess >= granted.load(ordering: .relaxed) else { return false }
        let delay = max(0, min(Moments().delay &- began.delay, times(Self.stretch - 1)))
        granted.store(delay, ordering: .relaxed)
        return excess >= delay
    }

    private func times(_ factor: Int64) -> Int64 {
        let (product, isTooLarge) = nanoseconds.multipliedReportingOverflow(by: factor)
        return isTooLarge ? .max : product
    }

    /// Runs work that the command itself wants to wait for: neither its time nor its computing counts in any budget.
    public static func excusing<Answer, Failure: Error>(
        _ body: () throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        let (wall, computed) = (Clock.monotonic, Clock.computed)
        let (others, free) = (Clock.others, Others.computedFreely.load(ordering: .relaxed))
        defer {
            // What the body has counted as waiting, or given back itself, would count twice, and so would the time that
            // others had the processor.
            Clock.excuse(
                max(0, Clock.monotonic &- wall &- (Clock.others &- others)),
                computed: max(
                    0, Clock.computed &- computed &- (Others.computedFreely.load(ordering: .relaxed) &- free)))
        }
        return try body()
    }

    /// The same as a value, for rooms without a clock.
    public var deadline: Deadline { Deadline { self.isSpent } }
}

extension Clock {
    /// Nanoseconds that passed but were not this thread's own: it waited for an engine or another program, was runnable
    /// while others had the processor, or did work that nobody waited for.
    static var others: Int64 { waited &+ Others.excused.load(ordering: .relaxed) &+ runDelay }

    fileprivate static var waited: Int64 { Others.waited.load(ordering: .relaxed) }

    /// Counts time spent waiting for an engine or another program.
    static func wait(_ nanoseconds: Int64) { Others.waited.wrappingAdd(nanoseconds, ordering: .relaxed) }

    /// Gives back time that passed while nobody waited for it, and the computing done in it.
    static func excuse(_ nanoseconds: Int64, computed: Int64) {
        Others.excused.wrappingAdd(nanoseconds, ordering: .relaxed)
        Others.computedFreely.wrappingAdd(computed, ordering: .relaxed)
    }

    /// Source: Linux Documentation/scheduler/sched-stats.rst; 0 where the kernel does not count it.
    private static var runDelay: Int64 {
        let number = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return 0 }
        defer { close(number) }
        return withUnsafeTemporaryAllocation(byteCount: 96, alignment: 1) { text in
            let count = max(0, read(number, text.baseAddress, text.count))
            let fields = text[..<count].split(separator: 0x20)
            guard fields.count == 3 else { return 0 }
            return fields[1].reduce(0) { $1.isDigit ? $0 &* 10 &+ Int64($1 &- 0x30) : $0 }
        }
    }
}

/// An answer that has not arrived yet: until it does, nobody waits for the work done meanwhile.
enum Awaited {
    private static let number = Atomic<Int32>(-1)
    private static let settled = Atomic<Int64>(0)
    private static let computed = Atomic<Int64>(0)
    private static let end = Atomic<Int64>(0)
    private static let free = Atomic<Int64>(0)

    /// Runs `work` while the answer may arrive on this descriptor. The computing in the first `least` nanoseconds
    /// counts as done before the answer, however quick the answer is. After the deadline the time counts again: an
    /// engine that never answers does not give unlimited time.
    static func excusing(_ descriptor: Int32, until deadline: Int64, least: Int64, _ work: () -> Void) {
        end.store(deadline, ordering: .relaxed)
        settled.store(Clock.monotonic, ordering: .relaxed)
        let sum = Clock.computed
        computed.store(sum, ordering: .relaxed)
        free.store(sum &+ least, ordering: .relaxed)
        number.store(descriptor, ordering: .relaxed)
        work()
        settle()
        number.store(-1, ordering: .relaxed)
    }

    /// Gives back the time since the last call, if nothing has arrived yet, or if little has been computed so far.
    static func settle() {
        let descriptor = number.load(ordering: .relaxed)
        guard descriptor >= 0 else { return }
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let (now, sum) = (Clock.monotonic, Clock.computed)
        guard now < end.load(ordering: .relaxed), sum < free.load(ordering: .relaxed) || poll(&request, 1, 0) == 0
        else {
            return number.store(-1, ordering: .relaxed)
        }
        Clock.excuse(
            now &- settled.exchange(now, ordering: .relaxed),
            computed: sum &- computed.exchange(sum, ordering: .relaxed))
    }
}

private enum Others {
    static let waited = Atomic<Int64>(0)
    static let excused = Atomic<Int64>(0)
    static let computedFreely = Atomic<Int64>(0)
}
