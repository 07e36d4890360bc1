#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Blocks the signals by which people end a program, so that it can clean up first. A signal that the caller ignores
/// stays ignored (nohup): it is not blocked, because the kernel would queue it. Programs that this process starts receive
/// theirs as usual (`Execution.start`).
public enum DeferredSignals {
    private static let ending = [SIGINT, SIGTERM, SIGHUP]

    /// From now on the signals stay pending. The corresponding C function is `sigprocmask`.
    public static func hold() {
        var set = set(ending)
        sigprocmask(SIG_BLOCK, &set, nil)
        // What arrives in between waits, and is dropped where it is ignored.
        var ignored = self.set(ending.filter(isIgnored))
        sigprocmask(SIG_UNBLOCK, &ignored, nil)
    }

    /// Whether the caller had this process ignore a signal. To be asked while it is blocked, as it has no effect for a moment.
    static func isIgnored(_ number: Int32) -> Bool {
        let former = signal(number, SIG_DFL)
        // SIG_IGN: the caller cannot pass on a handler.
        guard unsafeBitCast(former, to: Int.self) == 1 else { return false }
        signal(number, SIG_IGN)
        return true
    }

    static func set(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }

    /// They arrive again: one that is pending ends the process now. The corresponding C function is `sigprocmask`.
    public static func release() {
        var set = set(ending)
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    /// From now on this signal ends the process, whatever the caller set.
    static func letThrough(_ number: Int32) {
        signal(number, SIG_DFL)
        var set = set([number])
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    /// The pending signal, if any. The corresponding C function is `sigpending`.
    public static var waiting: Int32? {
        var set = sigset_t()
        guard sigpending(&set) == 0 else { return nil }
        return ending.first { sigismember(&set, $0) == 1 }
    }
}
