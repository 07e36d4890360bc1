internal import CLinux
internal import Formats
internal import Synchronization

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A program that this process has started. Its PID and process group stay reserved until it has been waited for; after
/// that no signal is sent to them. Therefore both are kept here, and nowhere else in this room.
final class Child {
    /// How it ended.
    struct Ending {
        /// Nil if a signal ended it, or if it is unknown.
        let exitCode: Int32?
        /// The signal; 0 if none.
        let signal: Int32
    }

    private let number: pid_t
    private var ending: Ending?

    /// Takes over a child that no other code waits for.
    init(_ number: pid_t) { self.number = number }

    /// How it ended; nil while it runs.
    func end() -> Ending? { end(WNOHANG) }

    private func end(_ options: Int32) -> Ending? {
        if let ending { return ending }
        var status: Int32 = 0
        let number = number
        let ended = try? checked { waitpid(number, &status, options) }
        guard ended != 0 else { return nil }
        let signal = status & 0x7F
        // If the kernel does not know how it ended, it is no longer our child.
        ending =
            ended == number
            ? Ending(exitCode: signal == 0 ? status >> 8 & 0xFF : nil, signal: signal)
            : Ending(exitCode: nil, signal: 0)
        return ending
    }

    /// Whether it has ended. It is not reaped here, so that its process group cannot be confused with another.
    var hasEnded: Bool {
        if ending != nil { return true }
        let number = number
        switch try? checked({ slipway_has_ended(number) }) {
        case 0: return false
        case 1: return true
        default: return end() != nil
        }
    }

    /// Bytes of memory that it uses now, from `statm` (proc(5)); nil if unknown.
    var memory: UInt64? {
        guard ending == nil, let text = try? Files.read("/proc/" + ByteString(decimal: number) + "/statm", limit: 256)
        else { return nil }
        let words = text.split(" ")
        guard words.count > 1, let pages = words[1].decimal, pages >= 0 else { return nil }
        return UInt64(pages) &* UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    }

    /// Bytes that it has written, to files, pipes and sockets, from `io` (proc(5)); nil if unknown.
    var written: UInt64? {
        guard ending == nil, let text = try? Files.read("/proc/" + ByteString(decimal: number) + "/io", limit: 1024),
            let line = text.split("\n").first(where: { $0.hasPrefix("wchar: ") }), let count = line.dropFirst(7).decimal
        else { return nil }
        return UInt64(clamping: count)
    }

    /// Waits until it ends, however long that takes.
    func wait() -> Ending { end(0) ?? Ending(exitCode: nil, signal: 0) }

    /// Waits until it ends; nil if the deadline comes first.
    func wait(until deadline: Int64) -> Ending? {
        while true {
            if let ending = end() { return ending }
            let now = Clock.monotonic
            guard now < deadline else { return nil }
            Clock.sleep(nanoseconds: 1_000_000)
            Clock.wait(Clock.monotonic &- now)
        }
    }

    /// Whether the signal was sent. A child that has been waited for gets none.
    @discardableResult
    func send(_ signal: Int32) -> Bool { ending == nil && kill(number, signal) == 0 }

    /// Sends a signal to the group that it leads, if it has not been waited for.
    func sendGroup(_ signal: Int32) { if ending == nil { kill(-number, signal) } }

    /// Kills the group that it leads, if it has not been waited for.
    func killGroup() { sendGroup(SIGKILL) }

    /// Kills it, and waits no longer than this: a dead disk can hold a program even after SIGKILL.
    func end(within nanoseconds: Int64) {
        send(SIGKILL)
        _ = wait(until: Clock.monotonic &+ nanoseconds)
    }
}

/// If a process ignores SIGCHLD, the kernel reaps its children as they end: nobody learns how they ended, and their
/// PIDs may be reused at once.
enum ChildSignal {
    private static let wasIgnored = Atomic(false)

    /// From now on children stay until they are waited for.
    static func hold() {
        let former = signal(SIGCHLD, SIG_DFL)
        // SIG_IGN: the caller cannot pass on a handler.
        if unsafeBitCast(former, to: Int.self) == 1 { wasIgnored.store(true, ordering: .relaxed) }
    }

    /// Restores the caller's setting for the program that this process becomes.
    static func restore() {
        if wasIgnored.exchange(false, ordering: .relaxed) { signal(SIGCHLD, SIG_IGN) }
    }
}
