internal import Synchronization

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Work on several items at a time.
public enum ConcurrentLoop {
    /// Calls `body` for every index below `count`, at most `bound` at a time, and returns when all calls have returned.
    /// The caller's own thread takes part; if no other thread can be started, it does all the work. Blocked signals
    /// stay blocked.
    public static func forEach(_ count: Int, bound: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let queue = Queue(count, body)
        var threads: [pthread_t] = []
        while threads.count + 1 < min(bound, count) {
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(queue)
            let failure = pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Queue>.fromOpaque(argument).takeRetainedValue().work() }
                    return nil
                }, argument.toOpaque())
            guard failure == 0 else {
                argument.release()
                break
            }
            threads.append(thread)
        }
        queue.work()
        for thread in threads { pthread_join(thread, nil) }
    }
}

/// The work that is left.
private final class Queue: Sendable {
    private let next = Mutex(0)
    private let count: Int
    private let body: @Sendable (Int) -> Void

    init(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
    }

    func work() {
        while let index = take() { body(index) }
    }

    private func take() -> Int? {
        next.withLock { next in
            guard next < count else { return nil }
            next += 1
            return next - 1
        }
    }
}
