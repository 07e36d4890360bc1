internal import CLinux
internal import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Work that goes on behind the caller's back.
public enum Detached {
    /// Runs `body` in a process of its own session and lowest priority, which nobody has to wait for: it is no child of what
    /// this process becomes. It has none of the caller's descriptors, so it keeps no lease and no pipe open. `body` must not
    /// count on anything but files; what it returns is its exit code.
    public static func run(_ body: () -> Int32) {
        let child = fork()
        guard child == 0 else {
            var status: Int32 = 0
            if child > 0 { while waitpid(child, &status, 0) == -1 && errno == EINTR {} }
            return
        }
        setsid()
        guard fork() == 0 else { _exit(0) }
        closeAll()
        _ = chdir("/")
        nice(19)
        _ = slipway_idle_disk()
        _exit(body())
    }

    /// Whether somebody takes away what has ended and is nobody's child. The first process of a container that only keeps it alive
    /// does not, and each such process would stay in its table of processes.
    public static var hasReaper: Bool { (try? Files.read("/proc/1/comm", limit: 64)).map(reaps) ?? true }

    static func reaps(_ first: ByteString) -> Bool { !["sleep", "tail", "cat"].contains(first.trimmed) }

    /// Waits until a process has ended, whoever's child it is, for so many nanoseconds at most. Where the kernel cannot tell
    /// (Linux before 5.3, some sandboxes) it does not wait.
    public static func waitForEnd(of process: Int32, within nanoseconds: Int64) {
        guard let handle = try? Descriptor(taking: checked({ slipway_pidfd_open(process) })) else { return }
        try? Readiness.wait(for: handle.number, .read, until: Clock.monotonic &+ nanoseconds)
    }

    private static func closeAll() {
        // Glibc's module has no `close_range`.
        if let names = try? Files.names(in: "/proc/self/fd", limit: .max) {
            for name in names.compactMap(\.decimal) { close(Int32(truncatingIfNeeded: name)) }
        } else {
            for number in 0..<min(max(0, Int32(truncatingIfNeeded: sysconf(Int32(_SC_OPEN_MAX)))), 65_536) {
                close(number)
            }
        }
        let null = open("/dev/null", O_RDWR)
        guard null == 0, dup(null) == 1, dup(null) == 2 else { _exit(1) }
    }
}
