#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Blocks the signals by which people end a program, so that it can clean up first. A signal that the caller ignores
/// stays ignored: the kernel does not queue it. Programs that this process starts receive theirs as usual
/// (`Execution.start`).
public enum DeferredSignals {
    private static let ending = [SIGINT, SIGTERM, SIGHUP]

    /// From now on the signals stay pending. The corresponding C function is `sigprocmask`.
    public static func hold() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in ending { sigaddset(&set, signal) }
        sigprocmask(SIG_BLOCK, &set, nil)
    }

    /// They arrive again: one that is pending ends the process now. The corresponding C function is `sigprocmask`.
    public static func release() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in ending { sigaddset(&set, signal) }
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    /// From now on this signal ends the process, whatever the caller set.
    static func letThrough(_ number: Int32) {
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    /// The pending signal, if any. The corresponding C function is `sigpending`.
    public static var waiting: Int32? {
        var set = sigset_t()
        guard sigpending(&set) == 0 else { return nil }
        return ending.first { sigismember(&set, $0) == 1 }
    }
}
