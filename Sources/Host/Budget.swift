public import Formats
internal import Synchronization

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The time that everything before exec may take, all together: handed down to every reader and every loop. It counts what this
/// process computes, and stands still where it waits for an engine or another program. By the wall's clock it is longer, so that a
/// slow disk cannot make anybody wait for long, and a machine that stalls for a moment does not cost a build its layers; what others
/// take of the processor does not count there either.
public final class Budget: Sendable {
    /// What Slipway may add to a command besides the engine's answer, in nanoseconds.
    public static let whole: Int64 = 10_000_000
    /// How much longer than what is computed all of it may take. A build computes 2 to 3 ms, but a cold disk, a tracer (20 ms for the
    /// 320 calls of a build) or a virtual machine that loses its processor for a moment should not cost it its layers.
    private static let patience: Int64 = 10

    private let nanoseconds: Int64
    private let began: Moments
    private let above: Budget?

    /// The clocks and counters that a budget runs by, in this order: whoever loses the processor among them, and above all while what
    /// others took is read from a file, must find the wait counted as theirs and not as its own.
    private struct Moments {
        let others = Clock.others
        let waited = Clock.waited
        let excused = Others.excused.load(ordering: .relaxed)
        let computedFreely = Others.computedFreely.load(ordering: .relaxed)
        let computed = Clock.computed
        let wall = Clock.monotonic
    }

    /// Begins now.
    public convenience init(nanoseconds: Int64 = Budget.whole) { self.init(nanoseconds, of: nil) }

    private init(_ nanoseconds: Int64, of above: Budget?) {
        self.nanoseconds = nanoseconds
        self.above = above
        began = Moments()
    }

    /// A part of what is left, which begins now and ends with the whole at the latest.
    public func share(nanoseconds: Int64) -> Budget { Budget(nanoseconds, of: self) }

    /// Whether nothing is left. Something may be again, once an engine has been waited for.
    public var isSpent: Bool {
        Awaited.settle()
        if above?.isSpent ?? false { return true }
        let wall = Clock.monotonic &- began.wall
        guard wall >= nanoseconds else { return false }
        let excused = Others.excused.load(ordering: .relaxed) &- began.excused
        let computedFreely = Others.computedFreely.load(ordering: .relaxed) &- began.computedFreely
        if Clock.computed &- began.computed &- computedFreely >= nanoseconds { return true }
        let (most, isEndless) = nanoseconds.multipliedReportingOverflow(by: Self.patience)
        guard !isEndless, wall &- excused &- (Clock.waited &- began.waited) >= most else { return false }
        // What others took is looked up only here: it costs a file of /proc.
        return wall &- (Clock.others &- began.others) >= most
    }

    /// Does what a command waits for of its own accord: neither the time nor the computing counts in any budget.
    public static func excusing(_ body: () -> Void) {
        let (wall, computed) = (Clock.monotonic, Clock.computed)
        body()
        Clock.excuse(Clock.monotonic &- wall, computed: Clock.computed &- computed)
    }

    /// The same as a value for rooms without a clock.
    public var deadline: Deadline { Deadline { self.isSpent } }
}

extension Clock {
    /// Nanoseconds that passed without being this thread's own: it waited for an engine or another program, was ready to run
    /// while others had the processor, or did what kept nobody waiting.
    static var others: Int64 {
        waited &+ Others.excused.load(ordering: .relaxed) &+ runDelay
    }

    fileprivate static var waited: Int64 { Others.waited.load(ordering: .relaxed) }

    /// Counts time that was waited for an engine or another program.
    static func wait(_ nanoseconds: Int64) { Others.waited.wrappingAdd(nanoseconds, ordering: .relaxed) }

    /// Gives back time that passed while it kept nobody waiting, and what was computed in it.
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

/// An answer that has not come yet: until then nothing that is done keeps anybody waiting.
enum Awaited {
    private static let number = Atomic<Int32>(-1)
    private static let settled = Atomic<Int64>(0)
    private static let computed = Atomic<Int64>(0)
    private static let end = Atomic<Int64>(0)
    private static let free = Atomic<Int64>(0)

    /// Works while the answer may come in by this descriptor; what is computed in the first `least` nanoseconds counts as done before it,
    /// however quick it is. After the deadline nobody waits for it: an engine that is silent for ever gives no time without end.
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

    /// Gives back what has passed since the last time, if nothing has come in yet, or it is little.
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
