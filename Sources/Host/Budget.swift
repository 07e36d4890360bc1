public import Formats
internal import Synchronization

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The time that everything before exec may take, all together: handed down to every reader and every loop. It runs by the wall's
/// clock, so that a slow disk cannot make anybody wait, but stands still where this process waits for an engine or another program,
/// and where others have the processor: a busy machine must not cost a build its layers.
public final class Budget: Sendable {
    /// What Slipway may add to a command besides the engine's answer, in nanoseconds.
    public static let whole: Int64 = 10_000_000

    private let end: Atomic<Int64>
    private let others: Atomic<Int64>
    private let above: Budget?

    /// Begins now.
    public convenience init(nanoseconds: Int64 = Budget.whole) { self.init(nanoseconds, of: nil) }

    private init(_ nanoseconds: Int64, of above: Budget?) {
        end = Atomic(Clock.monotonic &+ nanoseconds)
        others = Atomic(Clock.others)
        self.above = above
    }

    /// A part of what is left, which begins now and ends with the whole at the latest.
    public func share(nanoseconds: Int64) -> Budget { Budget(nanoseconds, of: self) }

    /// Whether nothing is left. Something may be again, once an engine has been waited for.
    public var isSpent: Bool {
        if above?.isSpent ?? false { return true }
        let (end, now) = (end.load(ordering: .relaxed), Clock.monotonic)
        guard now >= end else { return false }
        // What others took is looked up only here: it costs a file of /proc.
        let all = Clock.others
        let later = end &+ max(0, all &- others.exchange(all, ordering: .relaxed))
        self.end.store(later, ordering: .relaxed)
        return now >= later
    }

    /// The same as a value for rooms without a clock.
    public var deadline: Deadline { Deadline { self.isSpent } }
}

extension Clock {
    /// Nanoseconds that passed without being this thread's own: it waited for an engine or another program, or was ready to run
    /// while others had the processor.
    static var others: Int64 { Others.waited.load(ordering: .relaxed) &+ runDelay }

    /// Counts time as not this thread's own: what it did meanwhile kept nobody waiting.
    public static func excuse(_ nanoseconds: Int64) { Others.waited.wrappingAdd(nanoseconds, ordering: .relaxed) }

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

private enum Others {
    static let waited = Atomic<Int64>(0)
}
