#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The signals by which people end a program, held back so that it can tidy up first. One that the caller ignores stays
/// ignored: the kernel does not keep it. Programs that are started get theirs as ever (`Execution.start`).
public enum DeferredSignals {
    private static let ending = [SIGINT, SIGTERM, SIGHUP]

    /// From now on they wait. The corresponding C function is `sigprocmask`.
    public static func hold() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in ending { sigaddset(&set, signal) }
        sigprocmask(SIG_BLOCK, &set, nil)
    }

    /// From now on one ends this process, whatever the caller made of it.
    static func letThrough(_ number: Int32) {
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    /// The one that waits, if any. The corresponding C function is `sigpending`.
    public static var waiting: Int32? {
        var set = sigset_t()
        guard sigpending(&set) == 0 else { return nil }
        return ending.first { sigismember(&set, $0) == 1 }
    }
}
