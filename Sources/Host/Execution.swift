public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Becoming another program, and running one for its answer.
public enum Execution {
    /// The arguments that a program gets.
    public enum Arguments {
        /// This process's own, byte for byte and without a copy.
        case inherited
        /// These arguments, the program's own name first.
        case words([ByteString])
    }

    /// The environment that a program gets.
    public enum Environment {
        /// This process's own, byte for byte.
        case inherited
        /// These entries.
        case entries([ByteString])
    }

    /// Replaces this process by a program; returns only if that fails, with the reason. The corresponding C function
    /// is `execve`.
    public static func become(
        _ path: ByteString, arguments: Arguments, environment: Environment = .inherited
    ) -> Errno {
        Between.reap()
        ChildSignal.restore()
        return replace(path, arguments, environment)
    }

    private static func replace(_ path: ByteString, _ arguments: Arguments, _ environment: Environment) -> Errno {
        switch (arguments, environment) {
        case (.inherited, .inherited): execute(path, CommandLineWords.vector, environ)
        case (.inherited, .entries(let entries)):
            withCStrings(entries) { execute(path, CommandLineWords.vector, $0) }
        case (.words(let words), .inherited): withCStrings(words) { execute(path, $0, environ) }
        case (.words(let words), .entries(let entries)):
            withCStrings(words) { argv in withCStrings(entries) { execute(path, argv, $0) } }
        }
    }

    /// Whether the kernel accepts these arguments together with this process's environment and `spare` more bytes:
    /// Linux fs/exec.c, bprm_stack_limits, and MAX_ARG_STRLEN for each argument.
    public static func takes(_ words: [ByteString], spare: Int) -> Bool {
        let pointer = MemoryLayout<Int>.size
        let most = max(128 << 10, min(Kernel.largestStack / 4, 6 << 20))
        let ours = words.reduce(Kernel.environmentSize) { $0 + $1.count + 1 + pointer }
        return ours + spare <= most && words.allSatisfy { $0.count < 128 << 10 }
    }

    private static func execute(
        _ path: ByteString, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
        _ environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> Errno {
        do throws(Errno) {
            guard let argv else { throw .invalid }
            _ = try path.withCPath { (name) throws(Errno) in execve(name, argv, environment) }
            return .current
        } catch {
            return error
        }
    }

    /// What a program printed, and how it ended.
    public struct Answer: Sendable {
        /// Its standard output.
        public let output: ByteString
        /// Its exit code; nil if a signal ended it.
        public let exitCode: Int32?
    }

    /// Runs a program to its end with an empty standard input, or with ours, and reads what it prints. Throws
    /// `timedOut` after the given time and `tooLarge` beyond `limit` bytes; then it kills the program. With
    /// `joiningErrors` it also reads standard error.
    public static func ask(
        _ path: ByteString, arguments: [ByteString], environment: Environment = .inherited, givingInput: Bool = false,
        nanoseconds: Int64, limit: Int, joiningErrors: Bool = false
    ) throws(Errno) -> Answer {
        // Starting a program and reading its answer is a part of waiting for it: on a busy machine a build that asked
        // two computed up to 28 ms, and one that asked none up to 10.
        try Budget.excusing { () throws(Errno) -> Answer in
            let pipe = try ChannelPair.pipe()
            let output = pipe.ours
            try output.neverWait()
            let child = try spawn(
                path, arguments, environment, output: pipe.theirs, givingInput: givingInput,
                joiningErrors: joiningErrors)
            do throws(Errno) {
                let deadline = Clock.monotonic &+ nanoseconds
                let text = try read(output, until: deadline, limit: limit)
                // A program may close its output and keep running, so the wait for its end has the same deadline.
                guard let ending = child.wait(until: deadline) else { throw .timedOut }
                return Answer(output: text, exitCode: ending.exitCode)
            } catch {
                child.end(within: dying)
                throw error
            }
        }
    }

    /// How long a killed program may take to end.
    private static let dying: Int64 = 1_000_000_000

    /// Runs a program that may do anything, such as a shell with its user's startup files, in a session of its own, so
    /// that it has no terminal to take over. Returns when the program ends, even if it leaves behind processes that
    /// hold its output open.
    public static func askAlone(
        _ path: ByteString, arguments: [ByteString], environment: Environment = .inherited, nanoseconds: Int64,
        limit: Int
    ) throws(Errno) -> Answer {
        let pipe = try ChannelPair.pipe()
        let output = pipe.ours
        try output.neverWait()
        let child = try spawn(path, arguments, environment, output: pipe.theirs, inNewSession: true)
        defer {
            child.killGroup()
            child.end(within: dying)
        }
        let deadline = Clock.monotonic &+ nanoseconds
        var text: [UInt8] = []
        while true {
            let hasEnded = child.hasEnded
            while let piece = try output.readWhatIsThere(upTo: 4096), !piece.isEmpty {
                text += piece
                if text.count > limit { throw .tooLarge }
            }
            if hasEnded {
                // Before the wait: afterwards the group's number may belong to another process.
                child.killGroup()
                return Answer(output: ByteString(text), exitCode: child.end()?.exitCode)
            }
            guard Clock.monotonic < deadline else { throw .timedOut }
            Clock.sleep(nanoseconds: 2_000_000)
        }
    }

    /// Runs a program with the caller's own streams, and waits for it. Meanwhile Ctrl-C is left to the program. Returns
    /// its exit code: 128 plus the signal's number if a signal ended it, as in a shell.
    public static func run(
        _ path: ByteString, arguments: [ByteString], environment: Environment = .inherited
    ) throws(Errno) -> Int32 {
        let child = try start(path, arguments, environment)
        let (interrupt, quit) = (signal(SIGINT, SIG_IGN), signal(SIGQUIT, SIG_IGN))
        defer {
            signal(SIGINT, interrupt)
            signal(SIGQUIT, quit)
        }
        let ending = child.wait()
        return ending.exitCode ?? 128 + ending.signal
    }

    private static func spawn(
        _ path: ByteString, _ arguments: [ByteString], _ environment: Environment, output: consuming Descriptor,
        inNewSession: Bool = false, givingInput: Bool = false, joiningErrors: Bool = false
    ) throws(Errno) -> Child {
        let number = output.number
        // POSIX_SPAWN_SETSID, which Swift does not import from the C libraries.
        return try start(path, arguments, environment, flags: inNewSession ? 0x80 : 0) { actions in
            if !givingInput { posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
            posix_spawn_file_actions_adddup2(&actions, number, 1)
            if joiningErrors {
                posix_spawn_file_actions_adddup2(&actions, number, 2)
            } else {
                posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
            }
        }
    }

    /// Starts a program with our own streams except for those that `redirect` changes. It receives all signals, even
    /// those that this process blocks.
    static func start(
        _ path: ByteString, _ arguments: [ByteString], _ environment: Environment, flags: Int32 = 0,
        redirect: (inout posix_spawn_file_actions_t) -> Void = { _ in }
    ) throws(Errno) -> Child {
        ChildSignal.hold()
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | flags))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        redirect(&actions)
        var child: pid_t = 0
        let failure = try path.withCPath { (name) throws(Errno) in
            withCStrings(arguments) { argv in
                switch environment {
                case .inherited: posix_spawn(&child, name, &actions, &attributes, argv, environ)
                case .entries(let entries):
                    withCStrings(entries) { posix_spawn(&child, name, &actions, &attributes, argv, $0) }
                }
            }
        }
        guard failure == 0 else { throw Errno(code: failure) }
        return Child(child)
    }

    private static func read(
        _ output: borrowing Descriptor, until deadline: Int64, limit: Int
    ) throws(Errno) -> ByteString {
        var text: [UInt8] = []
        while true {
            try Readiness.wait(for: output.number, .read, until: deadline)
            // A descriptor that poll(2) reports as ready may still have nothing to read.
            guard let piece = try output.readWhatIsThere(upTo: 4096) else { continue }
            if piece.isEmpty { return ByteString(text) }
            text += piece
            if text.count > limit { throw .tooLarge }
        }
    }
}

extension Descriptor {
    /// At most `count` bytes that have already arrived; none at the end, nil if there are none yet.
    borrowing func readWhatIsThere(upTo count: Int) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            return try read(upTo: count)
        } catch .wouldBlock {
            return nil
        }
    }

    /// Only our end is non-blocking: few programs can handle EAGAIN on their standard output.
    fileprivate borrowing func neverWait() throws(Errno) {
        let number = number
        _ = try checked { fcntl(number, F_SETFL, O_NONBLOCK) }
    }
}

/// Calls `body` with a NULL-terminated vector of C strings. A string ends at its first NUL, as in the kernel.
func withCStrings<Result>(
    _ strings: [ByteString], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let length = strings.reduce(0) { $0 + $1.count + 1 }
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: max(1, length))
    let vector = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    defer {
        text.deallocate()
        vector.deallocate()
    }
    var end = text
    for (index, string) in strings.enumerated() {
        (vector + index).initialize(to: end)
        for byte in string.bytes {
            end.initialize(to: CChar(bitPattern: byte))
            end += 1
        }
        end.initialize(to: 0)
        end += 1
    }
    (vector + strings.count).initialize(to: nil)
    return body(vector)
}
