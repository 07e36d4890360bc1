internal import CLinux
internal import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Work that goes on behind the caller's back.
public enum Detached {
    /// An open file that a detached process keeps, with the lock that it holds.
    public struct Inheritance: Sendable {
        let number: Int32
    }

    /// Whether a process may begin: not where it would stay behind (`Reaper`), or would take one that docker needs (`ProcessLimit`).
    public static var isPossible: Bool { Reaper.isThere && ProcessLimit.leavesRoom }

    /// No work takes as long, so whatever holds it up, or keeps it busy, ends with it: in seconds by the clock, and of computing.
    private static let longest: UInt32 = 7200
    private static let mostComputing: UInt = 1200

    /// Runs `body` in a process of its own session and lowest priority, which nobody has to wait for: it is no child of what
    /// this process becomes. Of the caller's descriptors it has those that it inherits, so it keeps no other lease and no pipe open.
    /// `body` must not count on anything but files and the caller's end; what it returns is its exit code. Nothing is done where it
    /// is not possible. Returns whether a process began.
    @discardableResult
    public static func run(
        inheriting inherited: [Inheritance] = [], _ body: (borrowing AwaitedProcess) -> Int32
    ) -> Bool {
        guard isPossible else { return false }
        // Before there are two processes: afterwards the number may be another's.
        let caller = AwaitedProcess(Kernel.processID)
        ChildSignal.hold()
        let child = fork()
        guard child == 0 else {
            var status: Int32 = 0
            if child > 0 { while waitpid(child, &status, 0) == -1 && errno == EINTR {} }
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
        // Glibc's module has no `close_range`.
        for number in kept.compactMap(UInt32.init(exactly:)).sorted() {
            if next < number { isDone = slipway_close_range(next, number - 1) == 0 && isDone }
            next = number + 1
        }
        if slipway_close_range(next, .max) == 0 && isDone {
            // All of them, whatever /proc says.
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

extension Descriptor {
    /// What a detached process keeps of it.
    public borrowing func inheritance() -> Detached.Inheritance { .init(number: number) }
}

/// A process whose end is waited for, whoever's child it is. Made while it certainly lives: its number may be another's later.
public struct AwaitedProcess: ~Copyable {
    private let number: Int32
    /// The kernel's handle, which a child must not close.
    let descriptor: Int32?
    /// By what a process of the same number is told from it where there is no handle (Linux before 5.3, some sandboxes).
    private let started: ByteString?

    /// The process of a number that is still its own.
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
        // Above the caller's three, as a `Descriptor`.
        return try? checked { fcntl(opened, F_DUPFD_CLOEXEC, 3) }
    }

    /// Waits until it has ended, for so many nanoseconds at most. Where nobody can tell it does not wait.
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

    /// When a process began, in the kernel's ticks; nil for one that has ended, or where that cannot be seen.
    static func start(of process: Int32) -> ByteString? {
        let path = "/proc/" + ByteString(decimal: process) + "/stat"
        // Its name may have anything in it, parentheses and newlines included (proc(5)).
        guard let fields = try? Files.read(path, limit: 4096).cutLast(at: ")")?.after.split(" "), fields.count > 20,
            !["Z", "X", "x"].contains(fields[1])
        else { return nil }
        return fields[20]
    }
}

/// Whether somebody takes away what has ended and is nobody's child: else each such process would stay in a table of processes.
enum Reaper {
    /// What keeps containers alive, or is run as their first process, and waits for no children but its own at most.
    private static let others: [ByteString] = [
        "sleep", "tail", "cat", "pause.sh", "node", "MainThread", "java", "dotnet",
    ]
    /// How long and how many of ours may stay, and how many in all: a first process that takes them away may be slow.
    private static let patience = 60
    private static let mostOld = 4
    private static let most = 64

    /// Looked up once, as it costs a file of /proc for each of the last children: a build may begin several processes.
    static let isThere = look()

    private static func look() -> Bool {
        if let first = try? Files.read("/proc/1/comm", limit: 64), !takesOthers(first) { return false }
        guard let children = try? Files.read("/proc/1/task/1/children", limit: 1 << 20) else { return true }
        let last = children.trimmed.split(" ").suffix(2 * most)
        return last.count < mostOld || areTaken(ages: last.compactMap(ageOfEnded))
    }

    static func takesOthers(_ first: ByteString) -> Bool { !others.contains(first.trimmed) }

    /// Whether processes of ours that have ended, and began so many seconds ago, can be no more than those of the last moments.
    static func areTaken(ages: [Int]) -> Bool {
        ages.count < most && ages.count { $0 >= patience } < mostOld
    }

    private static func ageOfEnded(_ process: ByteString) -> Int? {
        guard let text = try? Files.read("/proc/" + process + "/stat", limit: 4096),
            let fields = text.cutLast(at: ")")?.after.split(" "), fields.count > 20, fields[1] == "Z",
            text.range(of: "(docker") != nil, let start = fields[20].decimal
        else { return nil }
        return Clock.secondsSinceBoot - start / max(1, Int(sysconf(Int32(_SC_CLK_TCK))))
    }
}

/// How many more processes there may be.
enum ProcessLimit {
    /// What docker, its plugins and their threads may need, generously.
    private static let needed = 64
    private static let root: ByteString = "/sys/fs/cgroup"

    /// Whether one more takes none from docker, which needs each one where processes are few.
    static var leavesRoom: Bool {
        // Root may go beyond that one, and no file shows users how many threads they have.
        if Kernel.userID != 0, Kernel.mostProcesses < 16 * UInt64(needed) { return false }
        guard let text = try? Files.read("/proc/self/cgroup", limit: 65_536) else { return true }
        return folders(text).allSatisfy { folder in
            // Without a limit, and where there is no such file, nothing is counted.
            guard let most = try? Files.read(folder.appending(path: "pids.max"), limit: 64).trimmed.decimal,
                let now = try? Files.read(folder.appending(path: "pids.current"), limit: 64).trimmed.decimal
            else { return true }
            return most - now >= needed
        }
    }

    /// The cgroups that count this process: its own, and all above.
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
