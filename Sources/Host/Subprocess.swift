internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A program that gets input, is read from while it runs, and may be stopped.
public struct Subprocess: Sendable {
    /// Which stream a line came from.
    public enum Stream: Sendable { case output, error }

    /// Everything that it printed, and how it ended.
    public struct Ending: Sendable {
        /// Its standard output.
        public let output: ByteString
        /// The end of what it wrote on standard error.
        public let error: ByteString
        /// Its exit code; nil if a signal ended it.
        public let exitCode: Int32?
    }

    /// The program's absolute path.
    public var program: ByteString
    /// Its arguments, its own name first.
    public var arguments: [ByteString]
    /// Every entry of its environment.
    public var environment: [ByteString]
    /// Its working directory; nil for this process's own.
    public var directory: ByteString?
    /// What it reads from its standard input.
    public var input = ByteString()
    /// It is killed after this time; nil for no limit.
    public var nanoseconds: Int64?
    /// Whether a signal of `DeferredSignals` stops it. A program that must not be stopped gets its own process group,
    /// because the terminal sends Ctrl-C to all of ours; whatever it has started ends with it.
    public var isStoppable = true
    /// Whether it leads a process group that is killed with it: programs that it has started may hold its outputs
    /// open for ever.
    public var endsGroup = false
    /// A new file for its standard output, readable only by this user; nil to read the output here.
    public var outputFile: ByteString?
    /// It is killed if it writes more bytes than this to standard output.
    public var mostOutput = 1 << 26

    /// It is killed if it uses more bytes of memory than this, checked ten times a second; nil for no limit. Programs
    /// that it has started do not count.
    public var mostMemory: UInt64?
    /// Called ten times a second with the bytes that it has written so far, to whatever. Programs that it has started
    /// do not count.
    public var wrote: (@Sendable (UInt64) -> Void)?

    private static let mostError = 1 << 16
    /// The time from SIGTERM to SIGKILL, and from SIGKILL until it is given up.
    private static let leaving: Int64 = 2_000_000_000

    /// A program with its arguments and environment.
    public init(program: ByteString, arguments: [ByteString], environment: [ByteString]) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
    }

    /// Runs it to its end, as long as `isWanted`, asked ten times a second, returns true; calls `line` with each line
    /// as it arrives. Throws `timedOut`, `interrupted` (also if it is no longer wanted), `tooLarge` beyond
    /// `mostOutput`, `noMemory` beyond `mostMemory`, and the kernel's error if it cannot be started; then the program
    /// is killed.
    public func run(
        while isWanted: () -> Bool = { true }, line: (Stream, ByteString) -> Void = { _, _ in }
    ) throws(Errno) -> Ending {
        let deadline = nanoseconds.map { Clock.monotonic &+ $0 } ?? .max
        let input = try ChannelPair.pair()
        let output = try ChannelPair.pipe()
        let error = try ChannelPair.pipe()
        let child = try spawn(input.theirs, output.theirs, error.theirs)
        let watch = ChildWatch(of: child, mostMemory: mostMemory, wrote: wrote)
        var said = (output: LineBuffer(), error: LineBuffer())
        do throws(Errno) {
            try converse(
                input.ours, output.ours, error.ours, until: deadline, watch, while: isWanted,
                hear: { stream, piece in
                    if stream == .output { said.output.add(piece) { line(.output, $0) } }
                    if stream == .error { said.error.add(piece, keeping: Self.mostError) { line(.error, $0) } }
                    return said.output.text.count <= mostOutput
                })
            said.output.end { line(.output, $0) }
            said.error.end(keeping: Self.mostError) { line(.error, $0) }
            let code = try wait(for: child, until: deadline, watch, while: isWanted)
            // Ctrl-C may have ended the program before this process noticed the signal.
            if isStoppable, DeferredSignals.waiting != nil { throw .interrupted }
            return Ending(
                output: ByteString(said.output.text), error: ByteString(said.error.text), exitCode: code)
        } catch {
            end(child)
            throw error
        }
    }

    private func end(_ child: Child) {
        let deadline = Clock.monotonic &+ Self.leaving
        if isStoppable && !endsGroup {
            child.send(SIGTERM)
            if child.wait(until: deadline) == nil { child.end(within: Self.leaving) }
        } else {
            child.sendGroup(SIGTERM)
            while !child.hasEnded, Clock.monotonic < deadline { Clock.sleep(nanoseconds: 1_000_000) }
            // Before the wait: afterwards the group's number may belong to another process.
            child.killGroup()
            child.end(within: Self.leaving)
        }
    }

    /// Writes the input and reads until both outputs are closed.
    private func converse(
        _ input: consuming Descriptor, _ output: borrowing Descriptor, _ error: borrowing Descriptor,
        until deadline: Int64, _ watch: ChildWatch, while isWanted: () -> Bool, hear: (Stream, [UInt8]) -> Bool
    ) throws(Errno) {
        var rest = self.input.bytes[...]
        var feed: Descriptor? = consume input
        var open = [output.number, error.number]
        while !open.isEmpty {
            if rest.isEmpty { feed = nil }
            var waits = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if let number = feed?.number { waits.append(pollfd(fd: number, events: Int16(POLLOUT), revents: 0)) }
            try check(deadline, watch, isWanted)
            guard try checked({ poll(&waits, nfds_t(waits.count), 100) }) > 0 else { continue }
            for wait in waits where wait.revents != 0 {
                if wait.fd == output.number || wait.fd == error.number {
                    let isOutput = wait.fd == output.number
                    let piece = isOutput ? try output.read(upTo: 65_536) : try error.read(upTo: 65_536)
                    if piece.isEmpty { open.removeAll { $0 == wait.fd } }
                    if !hear(isOutput ? .output : .error, piece) { throw .tooLarge }
                } else {
                    let sent = rest.withUnsafeBytes {
                        send(wait.fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                    }
                    // A program need not read all of its input.
                    if sent > 0 { rest = rest.dropFirst(sent) } else if errno != EAGAIN && errno != EINTR { rest = [] }
                }
            }
        }
    }

    private func check(_ deadline: Int64, _ watch: ChildWatch, _ isWanted: () -> Bool) throws(Errno) {
        if isStoppable && DeferredSignals.waiting != nil || !isWanted() { throw .interrupted }
        guard Clock.monotonic < deadline else { throw .timedOut }
        if watch.isOver { throw .noMemory }
    }

    /// A program may close its outputs and keep running.
    private func wait(
        for child: Child, until deadline: Int64, _ watch: ChildWatch, while isWanted: () -> Bool
    ) throws(Errno) -> Int32? {
        while true {
            if let ending = child.end() { return ending.exitCode }
            try check(deadline, watch, isWanted)
            Clock.sleep(nanoseconds: 1_000_000)
        }
    }

    private func spawn(
        _ input: consuming Descriptor, _ output: consuming Descriptor, _ error: consuming Descriptor
    ) throws(Errno) -> Child {
        let numbers = (input.number, output.number, error.number)
        return try Execution.start(
            program, arguments, .entries(environment), flags: isStoppable && !endsGroup ? 0 : POSIX_SPAWN_SETPGROUP
        ) { actions in
            posix_spawn_file_actions_adddup2(&actions, numbers.0, 0)
            if let outputFile {
                _ = try? outputFile.withCPath {
                    posix_spawn_file_actions_addopen(&actions, 1, $0, O_WRONLY | O_CREAT | O_EXCL, 0o600)
                }
            } else {
                posix_spawn_file_actions_adddup2(&actions, numbers.1, 1)
            }
            posix_spawn_file_actions_adddup2(&actions, numbers.2, 2)
            if let directory {
                _ = try? directory.withCPath { slipway_spawn_in(&actions, $0) }
            }
        }
    }
}

/// Looks at a running program ten times a second.
private final class ChildWatch {
    private let child: Child
    private let mostMemory: UInt64?
    private let wrote: (@Sendable (UInt64) -> Void)?
    private var looked: Int64 = 0
    private static let interval: Int64 = 100_000_000

    init(of child: Child, mostMemory: UInt64?, wrote: (@Sendable (UInt64) -> Void)?) {
        self.child = child
        self.mostMemory = mostMemory
        self.wrote = wrote
    }

    /// Whether it uses too much memory.
    var isOver: Bool {
        guard mostMemory != nil || wrote != nil, Clock.monotonic &- looked > Self.interval else { return false }
        looked = Clock.monotonic
        if let wrote, let bytes = child.written { wrote(bytes) }
        return mostMemory.map { child.memory ?? 0 > $0 } ?? false
    }
}
