internal import CLinux
internal import Formats
internal import Synchronization

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Work in the background, after docker has started.
public enum Detached {
    /// An open file that a detached process keeps, with the lock on it.
    public struct Inheritance: Sendable {
        let number: Int32
    }

    /// When the process between the caller and the detached one is reaped. It ends at once.
    public enum Reaping: Sendable {
        case now
        /// For a process that becomes another program next, and has something to do meanwhile.
        case beforeExec
    }

    /// Whether a process may be started: not if it would remain as a zombie (`Reaper`), or take a process slot that
    /// docker needs (`ProcessLimit`).
    public static var isPossible: Bool { Reaper.isThere && ProcessLimit.leavesRoom }

    /// No work takes this long. So work that hangs or loops ends after this time: in seconds, both by the clock and
    /// of computing.
    private static let longest: UInt32 = 7200
    private static let mostComputing: UInt = 1200

    /// Runs `body` in a process with its own session and the lowest priority. Nobody has to wait for it: it is no child
    /// of the program that this process becomes. It keeps only the given descriptors of the caller, so it holds no
    /// other lease and no pipe open. `body` may rely only on files and on the caller's end; what it returns is its exit
    /// code. Does nothing if no process may be started. Returns whether a process was started.
    @discardableResult
    public static func run(
        inheriting inherited: [Inheritance] = [], reaping: Reaping = .now, _ body: (borrowing AwaitedProcess) -> Int32
    ) -> Bool {
        guard isPossible else { return false }
        // Taken before the fork: afterwards the PID may belong to another process.
        let caller = AwaitedProcess(Kernel.processID)
        ChildSignal.hold()
        Between.reap()
        let child = fork()
        guard child == 0 else {
            Between.started(child)
            if reaping == .now { Between.reap() }
            return child > 0
        }
        setsid()
        guard fork() == 0 else { _exit(0) }
        limitTime()
        closeAll(but: inherited.map(\.number) + (caller.descriptor.map { [$0] } ?? []))
        _ = chdir("/")
        nice(19)
        _ = slipway_idle_disk()
        _exit(body(caller))
    }

    private static func limitTime() {
        DeferredSignals.letThrough(SIGALRM)
        alarm(longest)
        Kernel.limitComputing(seconds: mostComputing)
    }

    private static func closeAll(but kept: [Int32]) {
        var (isDone, next) = (true, UInt32(0))
        // Swift's Glibc module has no `close_range`.
        for number in kept.compactMap(UInt32.init(exactly:)).sorted() {
            if next < number { isDone = slipway_close_range(next, number - 1) == 0 && isDone }
            next = number + 1
        }
        if slipway_close_range(next, .max) == 0 && isDone {
            // All descriptors, even if /proc cannot be read.
        } else if let names = try? Files.names(in: "/proc/self/fd", limit: .max) {
            for number in names.compactMap(\.decimal).map({ Int32(truncatingIfNeeded: $0) })
            where !kept.contains(number) {
                close(number)
            }
        } else {
            for number in 0..<min(max(0, Int32(truncatingIfNeeded: sysconf(Int32(_SC_OPEN_MAX)))), 65_536)
            where !kept.contains(number) {
                close(number)
            }
        }
        let null = open("/dev/null", O_RDWR)
        guard null == 0, dup(null) == 1, dup(null) == 2 else { _exit(1) }
    }
}

/// The process between this one and its last detached one: reaped at the latest before the next one, and before exec, because no
/// program expects children that it has not started.
enum Between {
    private static let number = Atomic<pid_t>(0)

    static func started(_ process: pid_t) { number.store(max(0, process), ordering: .relaxed) }

    static func reap() {
        let process = number.exchange(0, ordering: .relaxed)
        var status: Int32 = 0
        if process > 0 { while waitpid(process, &status, 0) == -1 && errno == EINTR {} }
    }
}

extension Descriptor {
    /// What a detached process keeps of this descriptor.
    public borrowing func inheritance() -> Detached.Inheritance { .init(number: number) }
}

/// A process whose end this one waits for, whoever's child it is. Create it while the process certainly lives: its
/// PID may be reused later.
public struct AwaitedProcess: ~Copyable {
    private let number: Int32
    /// The kernel's handle, which a child must not close.
    let descriptor: Int32?
    /// The start time, which tells this process from a later one with the same PID if there is no handle (Linux
    /// before 5.3, some sandboxes).
    private let started: ByteString?

    /// A process whose PID is known to be still its own.
    init(_ number: Int32, withHandle: Bool = true) {
        self.number = number
        descriptor = withHandle ? Self.handle(of: number) : nil
        started = descriptor == nil ? Self.start(of: number) : nil
    }

    deinit { if let descriptor { close(descriptor) } }

    private static func handle(of number: Int32) -> Int32? {
        let opened = slipway_pidfd_open(number)
        guard opened >= 0 else { return nil }
        defer { close(opened) }
        // Above 0 to 2, as for a `Descriptor`.
        return try? checked { fcntl(opened, F_DUPFD_CLOEXEC, 3) }
    }

    /// Waits until it has ended, for at most this many nanoseconds. Does not wait if neither handle nor start time is
    /// known.
    public borrowing func waitForEnd(within nanoseconds: Int64) {
        let deadline = Clock.monotonic &+ nanoseconds
        if let descriptor { return (try? Readiness.wait(for: descriptor, .read, until: deadline)) ?? () }
        guard let started else { return }
        var pause: Int64 = 10_000_000
        while Self.start(of: number) == started, Clock.monotonic < deadline {
            Clock.sleep(nanoseconds: pause)
            pause = min(pause * 2, 1_000_000_000)
        }
    }

    /// When a process started, in the kernel's ticks; nil if it has ended or the time cannot be read.
    static func start(of process: Int32) -> ByteString? {
        let path = "/proc/" + ByteString(decimal: process) + "/stat"
        // The process's name may contain anything, including parentheses and newlines (proc(5)).
        guard let fields = try? Files.read(path, limit: 4096).cutLast(at: ")")?.after.split(" "), fields.count > 20,
            !["Z", "X", "x"].contains(fields[1])
        else { return nil }
        return fields[20]
    }
}

/// Whether some process reaps orphans. If none does, each of our processes that ends would stay in the process table.
enum Reaper {
    /// Programs that keep containers alive or run as their first process, and that reap only their own children, if
    /// any.
    private static let others: [ByteString] = [
        "sleep", "tail", "cat", "pause.sh", "node", "MainThread", "java", "dotnet",
    ]
    /// The age in seconds from which our zombies count as old, and how many old ones, and ones of any age, there may
    /// be: a first process that reaps may be slow.
    private static let patience = 60
    private static let mostOld = 4
    private static let most = 64

    /// Looked up only once, because it reads a file in /proc for each of the last children: a build may start several
    /// processes.
    static let isThere = look()

    private static func look() -> Bool {
        if let first = try? Files.read("/proc/1/comm", limit: 64), !takesOthers(first) { return false }
        guard let children = try? Files.read("/proc/1/task/1/children", limit: 1 << 20) else { return true }
        let last = children.trimmed.split(" ").suffix(2 * most)
        return last.count < mostOld || areTaken(ages: last.compactMap(ageOfEnded))
    }

    static func takesOthers(_ first: ByteString) -> Bool { !others.contains(first.trimmed) }

    /// Whether our zombies, which started this many seconds ago, can all be ones that are still about to be reaped.
    static func areTaken(ages: [Int]) -> Bool {
        ages.count < most && ages.count { $0 >= patience } < mostOld
    }

    private static func ageOfEnded(_ process: ByteString) -> Int? {
        // Most of up to 128 children are alive, and the kernel computes each one's times and memory for its file.
        guard !isCertainlyAlive(process), let file = try? Descriptor.open("/proc/" + process + "/stat"),
            let text = try? file.readAll(limit: 4096), let rest = text.cutLast(at: ")")?.after, rest.hasPrefix(" Z "),
            text.range(of: "(docker") != nil
        else { return nil }
        let fields = rest.split(" ")
        guard fields.count > 20, let start = fields[20].decimal else { return nil }
        return Clock.secondsSinceBoot - start / max(1, Int(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// By the process's handle, which becomes readable when it ends; false where there are no handles.
    static func isCertainlyAlive(_ process: ByteString) -> Bool {
        guard let number = process.decimal.flatMap(Int32.init(exactly:)) else { return false }
        let handle = slipway_pidfd_open(number)
        guard handle >= 0 else { return false }
        defer { close(handle) }
        var request = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, 0) == 0
    }
}

/// How many more processes may be started.
enum ProcessLimit {
    /// A generous estimate of what docker, its plugins and their threads may need.
    private static let needed = 64
    private static let root: ByteString = "/sys/fs/cgroup"

    /// Whether one more process leaves enough for docker, which needs every slot if the limit is low.
    static var leavesRoom: Bool {
        // This limit does not bind root, and no file tells how many threads a user has.
        if Kernel.userID != 0, Kernel.mostProcesses < 16 * UInt64(needed) { return false }
        guard let text = try? Files.read("/proc/self/cgroup", limit: 65_536) else { return true }
        return folders(text).allSatisfy { folder in
            // If there is no limit, or no such file, nothing is counted.
            guard let most = try? Files.read(folder.appending(path: "pids.max"), limit: 64).trimmed.decimal,
                let now = try? Files.read(folder.appending(path: "pids.current"), limit: 64).trimmed.decimal
            else { return true }
            return most - now >= needed
        }
    }

    /// The cgroups that count this process: its own and all of its ancestors.
    static func folders(_ text: ByteString) -> [ByteString] {
        var folders: [ByteString] = []
        for line in text.split("\n") {
            guard let (_, rest) = line.cut(at: ":"), let (kinds, path) = rest.cut(at: ":"), path.hasPrefix("/"),
                kinds.isEmpty || kinds.split(",").contains("pids")
            else { continue }
            let top = kinds.isEmpty ? root : root.appending(path: "pids")
            var below = path.cleanedPath
            while below != "/" {
                folders.append(top + below)
                below = below.parentPath
            }
            folders.append(top)
        }
        return folders
    }
}
