public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

extension Execution {
    /// How a program ended that ran in this process's place.
    public struct Attendance: Equatable, Sendable {
        /// Its exit code: 128 plus the signal's number if a signal ended it, as in a shell.
        public let exitCode: Int32
        /// The last signal that this process got meanwhile, from a terminal or another process.
        public let signal: Int32?
    }

    /// Runs a program as if this process had become it: with the caller's streams and terminal, and with every signal by which people
    /// end programs. `outputFile` is a new file for its standard output, readable only by this user; nil for the caller's.
    public static func attend(
        _ path: ByteString, arguments: [ByteString], environment: Environment = .inherited,
        outputFile: ByteString? = nil
    ) throws(Errno) -> Attendance {
        var former = sigset_t()
        let passed = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
        var set = DeferredSignals.set(passed + [SIGCHLD])
        sigprocmask(SIG_BLOCK, &set, &former)
        // The program ignores the same.
        let ignored = passed.filter(DeferredSignals.isIgnored)
        var dropped = DeferredSignals.set(ignored)
        sigprocmask(SIG_UNBLOCK, &dropped, nil)
        for signal in ignored { sigdelset(&set, signal) }
        defer { sigprocmask(SIG_SETMASK, &former, nil) }
        let child = try start(path, arguments, environment) { actions in
            guard let outputFile else { return }
            _ = try? outputFile.withCPath {
                posix_spawn_file_actions_addopen(&actions, 1, $0, O_WRONLY | O_CREAT | O_EXCL, 0o600)
            }
        }
        var received: Int32?
        while true {
            if let ending = child.end() {
                return Attendance(exitCode: ending.exitCode ?? 128 + ending.signal, signal: received)
            }
            var limit = timespec(tv_sec: 1, tv_nsec: 0)
            var information = siginfo_t()
            let signal = sigtimedwait(&set, &information, &limit)
            guard signal > 0, signal != SIGCHLD else { continue }
            received = signal
            // The terminal sends its signals to the whole group, which the program belongs to; twice would be one too many. A
            // positive code means that the kernel sent it: sigaction(2).
            if information.si_code <= 0 { child.send(signal) }
        }
    }
}
