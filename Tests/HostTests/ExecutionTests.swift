import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

/// Long enough for any machine, for tests that are not about time-outs.
private let ample: Int64 = 60_000_000_000

@Suite("Asking a program")
struct ExecutionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func shell(
        _ script: ByteString, _ words: ByteString..., environment: Execution.Environment = .inherited,
        nanoseconds: Int64 = ample, limit: Int = 1 << 20
    ) throws(Errno) -> Execution.Answer {
        try Execution.ask(
            "/bin/sh", arguments: ["sh", "-c", script, "sh"] + words, environment: environment,
            nanoseconds: nanoseconds, limit: limit)
    }

    @Test(
        "Exit codes",
        arguments: [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -9 $$", nil)]
            as [(ByteString, Int32?)])
    func exitCodes(_ script: ByteString, _ code: Int32?) throws {
        let answer = try Self.shell("echo out; " + script)
        #expect(answer.exitCode == code)
        #expect(answer.output == "out\n")
    }

    @Test("A program receives the signals that are deferred here")
    func heldSignals() throws {
        var before = sigset_t()
        sigprocmask(SIG_BLOCK, nil, &before)
        defer { sigprocmask(SIG_SETMASK, &before, nil) }
        DeferredSignals.hold()
        #expect(try Self.shell("grep SigBlk /proc/self/status").output == "SigBlk:\t0000000000000000\n")
    }

    @Test("A signal that the caller ignores is not held back")
    func ignoredSignals() {
        var before = sigset_t()
        sigprocmask(SIG_BLOCK, nil, &before)
        let former = signal(SIGHUP, SIG_IGN)
        defer {
            sigprocmask(SIG_SETMASK, &before, nil)
            signal(SIGHUP, former)
        }
        DeferredSignals.hold()
        raise(SIGHUP)
        #expect(DeferredSignals.waiting == nil)
    }

    @Test("Alone, a program has no terminal and a session of its own; what it leaves behind is not waited for")
    func alone() throws {
        let started = Clock.monotonic
        let script: ByteString = """
            sleep 60 & cut -d' ' -f6 /proc/self/stat; (: </dev/tty) 2>/dev/null || echo no terminal; echo $$
            """
        let answer = try Execution.askAlone(
            "/bin/sh", arguments: ["sh", "-c", script], nanoseconds: ample, limit: 1 << 20)
        let lines = answer.output.split("\n")
        try #require(lines.count == 4 && answer.exitCode == 0)
        #expect(lines[0] == lines[2] && lines[1] == "no terminal")
        #expect(Clock.monotonic - started < 50_000_000_000)
    }

    @Test("Even alone, time and output are limited")
    func aloneLimits() throws {
        func ask(_ script: ByteString, _ nanoseconds: Int64) throws(Errno) -> Execution.Answer {
            try Execution.askAlone(
                "/bin/sh", arguments: ["sh", "-c", script], nanoseconds: nanoseconds, limit: 1000)
        }
        #expect(throws: Errno.timedOut) { try ask("trap '' TERM INT HUP; while :; do sleep 1; done", 100_000_000) }
        #expect(throws: Errno.tooLarge) { try ask("while :; do echo 1234567890; done", ample) }
        #expect(throws: Errno.noSuchFile) {
            try Execution.askAlone("/missing", arguments: ["x"], nanoseconds: ample, limit: 1)
        }
        #expect(try ask("kill -9 $$", ample).exitCode == nil)
    }

    @Test("Arguments arrive byte for byte")
    func words() throws {
        let odd = ByteString([0xFF, 0x0A])
        let answer = try Self.shell("printf '%s|' \"$@\"", "", "a b", "'", odd, "--")
        #expect(answer.output == "|a b|'|" + odd + "|--|")
    }

    @Test("Arguments that fit are accepted, and hardly any more")
    func longestCommandLine() throws {
        func text(_ count: Int) -> ByteString { ByteString([UInt8](repeating: 0x78, count: count)) }
        // The same number of arguments for each size, so that only their lengths count.
        func words(_ size: Int) -> [ByteString] {
            ["true"] + Array(repeating: text(size / 100), count: 99) + [text(size / 100 + size % 100)]
        }
        func isTaken(_ words: [ByteString]) -> Bool {
            (try? Execution.ask("/bin/true", arguments: words, nanoseconds: ample, limit: 1)) != nil
        }
        var (fits, tooLong) = (0, 8 << 20)
        while tooLong - fits > 1 {
            let size = (fits + tooLong) / 2
            if Execution.takes(words(size), spare: 0) { fits = size } else { tooLong = size }
        }
        // The kernel takes the program's path and some strings of its own from the same space.
        #expect(isTaken(words(fits - 64)) && !isTaken(words(fits + 4096)))
        #expect(Execution.takes(words(fits - 1000), spare: 1000) && !Execution.takes(words(fits - 1000), spare: 1001))
        for length in [131_071, 131_072] {
            #expect(Execution.takes([text(length)], spare: 0) == isTaken([text(length)]))
        }
    }

    @Test("Its standard input is empty, and only its standard output is read")
    func streams() throws {
        #expect(try Self.shell("cat; echo out; echo err >&2").output == "out\n")
        #expect(try Self.shell(#"printf '\000\377'"#).output == ByteString([0, 0xFF]))
    }

    @Test("The environment is the given one, or the caller's own")
    func environment() throws {
        let given = try Self.shell("echo \"$A-$HOME\"", environment: .entries(["A=1 2"]))
        #expect(given.output == "1 2-\n")
        #expect(try Self.shell("echo \"$PATH\"").output.trimmed == (Kernel.variable("PATH") ?? ""))
    }

    @Test("More than a pipe holds arrives in full")
    func long() throws {
        let answer = try Self.shell("head -c 300000 /dev/zero")
        #expect(answer.output.count == 300_000)
        #expect(answer.exitCode == 0)
    }

    @Test("A program that exceeds the output limit is killed")
    func limit() throws {
        #expect(try Self.shell("printf 12345", limit: 5).output == "12345")
        #expect(throws: Errno.tooLarge) { try Self.shell("printf 12345", limit: 4) }
        #expect(throws: Errno.tooLarge) { try Self.shell("while :; do echo 1234567890; done", limit: 100_000) }
    }

    @Test(
        "A program that exceeds its time is killed: silent, talking, or with its output closed",
        arguments: ["exec sleep 600", "echo x; exec sleep 600", "exec sleep 600 >&-"] as [ByteString])
    func time(_ script: ByteString) throws {
        let note = folder["pid"]
        #expect(throws: Errno.timedOut) {
            try Self.shell("echo $$ >\"$1\"; " + script, note, nanoseconds: 500_000_000)
        }
        // A machine under load may not even have started it.
        guard let pid = try? folder.read("pid").trimmed.decimal else { return }
        #expect(kill(pid_t(pid), 0) == -1 && errno == ESRCH)
    }

    @Test("A time limit of zero is a time-out")
    func noTime() {
        #expect(throws: Errno.timedOut) { try Self.shell("sleep 600", nanoseconds: 0) }
        #expect(throws: Errno.timedOut) { try Self.shell("sleep 600", nanoseconds: -1) }
    }

    @Test("A program that cannot be started throws an error")
    func notStarted() throws {
        func ask(_ path: ByteString) throws {
            _ = try Execution.ask(path, arguments: ["x"], nanoseconds: ample, limit: 9)
        }
        try folder.write("plain", "", mode: 0o644)
        #expect(throws: Errno.noSuchFile) { try ask(folder["missing"]) }
        #expect(throws: Errno.accessDenied) { try ask(folder["plain"]) }
        #expect(throws: Errno.invalid) { try ask("/bin/sh\0") }
    }

    @Test("Our open files are not inherited")
    func closedOnExec() throws {
        try folder.write("secret", "")
        let file = try Descriptor.open(folder["secret"])
        let answer = try Self.shell("for number in /proc/self/fd/*; do readlink \"$number\"; done")
        #expect(answer.output.range(of: folder["secret"]) == nil)
        #expect(try file.status().size == 0)
    }

    @Test("It works with the caller's three files closed")
    func closedStreams() async {
        await #expect(processExitsWith: .success) {
            for number: Int32 in 0...2 { close(number) }
            let answer = try Self.shell("cat; echo out; echo err >&2")
            #expect(answer.output == "out\n" && answer.exitCode == 0)
        }
    }

    @Test("If the caller ignores SIGCHLD, the exit code is still known")
    func ignoredChildren() async {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            let answer = try Self.shell("echo out; exit 3")
            #expect(answer.output == "out\n" && answer.exitCode == 3)
        }
    }
}

@Suite("Becoming a program")
struct BecomingTests {
    @Test("Its exit code is this process's")
    func exitCode() async {
        await #expect(processExitsWith: .exitCode(7)) {
            _ = Execution.become("/bin/sh", arguments: .words(["sh", "-c", "exit 7"]))
        }
    }

    @Test("Arguments and environment arrive as given")
    func words() async {
        await #expect(processExitsWith: .exitCode(8)) {
            _ = Execution.become(
                "/bin/sh", arguments: .words(["other name", "-c", #"[ "$0$A$1" = "other nameb" ] && exit 8"#]),
                environment: .entries(["A=b"]))
        }
    }

    @Test("A failed exec is reported, and changes nothing")
    func failure() async {
        await #expect(processExitsWith: .success) {
            #expect(Execution.become("/nonexistent/docker", arguments: .inherited) == .noSuchFile)
            #expect(Execution.become("/dev/null", arguments: .words(["x"])) == .accessDenied)
            #expect(Execution.become("/bin/sh\0", arguments: .inherited, environment: .entries([])) == .invalid)
        }
    }

    @Test("A vector of C strings ends in NULL and holds each up to its NUL")
    func vectors() {
        let copied = withCStrings(["a", "", "b\0c"]) { vector in
            (0..<3).map { vector[$0].map { ByteString(cString: $0) } } + [vector[3].map { ByteString(cString: $0) }]
        }
        #expect(copied == ["a", "", "b", nil])
        #expect(withCStrings([]) { $0[0] == nil })
    }
}

@Suite("Detached work")
struct DetachedTests {
    @Test(
        "First processes that do not reap others",
        arguments: [
            ("sleep\n", false), ("tail\n", false), ("cat\n", false), ("node\n", false), ("systemd\n", true),
            ("bash\n", true), ("tini\n", true), ("", true),
        ]
            as [(ByteString, Bool)])
    func reaper(_ name: ByteString, _ expected: Bool) { #expect(Reaper.takesOthers(name) == expected) }

    @Test("A process is alive until it has ended, not until somebody has waited for it")
    func alive() throws {
        var child: pid_t = 0
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("cat"), nil]
        defer { for argument in arguments { free(argument) } }
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        for end in ends { #expect(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        #expect(posix_spawn(&child, "/bin/cat", &actions, nil, arguments, environ) == 0)
        #expect(Reaper.isCertainlyAlive(ByteString(decimal: child)))
        close(ends[1])
        close(ends[0])
        var told = siginfo_t()
        #expect(waitid(P_PID, id_t(child), &told, WEXITED | WNOWAIT) == 0)
        #expect(!Reaper.isCertainlyAlive(ByteString(decimal: child)))
        #expect(waitpid(child, nil, 0) == child)
        for name in [ByteString(decimal: child), "", "-1", "99999999999", "self"] {
            #expect(!Reaper.isCertainlyAlive(name), "\(name)")
        }
    }

    @Test("The program that this process becomes has no child of ours")
    func childless() async {
        await #expect(processExitsWith: .success) {
            Detached.run(reaping: .beforeExec) { _ in 0 }
            Detached.run(reaping: .beforeExec) { _ in 0 }
            let script: ByteString = "read -r children </proc/$$/task/$$/children; test -z \"$children\""
            _ = Execution.become("/bin/sh", arguments: .words(["sh", "-c", script]))
            exit(9)
        }
    }

    @Test("Other first processes are recognized: our zombies stay for long, or there are many of them")
    func leftovers() {
        #expect(
            Reaper.areTaken(ages: []) && Reaper.areTaken(ages: [90, 70, 60])
                && Reaper.areTaken(ages: .init(repeating: 59, count: 63)))
        #expect(!Reaper.areTaken(ages: [90, 1, 70, 60, 60]) && !Reaper.areTaken(ages: .init(repeating: 0, count: 64)))
    }

    @Test(
        "Waits for a process's end, within a limit, and not for one that has already ended", arguments: [true, false])
    func waiting(_ hasHandle: Bool) throws {
        var child: pid_t = 0
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("3"), nil]
        defer { for argument in arguments { free(argument) } }
        #expect(posix_spawn(&child, "/bin/sleep", nil, nil, arguments, environ) == 0)
        let start = Clock.monotonic
        let process = AwaitedProcess(child, withHandle: hasHandle)
        #expect((process.descriptor != nil) == hasHandle)
        process.waitForEnd(within: 50_000_000)
        #expect(Clock.monotonic - start < 2_900_000_000)
        process.waitForEnd(within: 60_000_000_000)
        #expect(Clock.monotonic - start >= 2_500_000_000)
        #expect(waitpid(child, nil, 0) == child)
        process.waitForEnd(within: 60_000_000_000)
        AwaitedProcess(child, withHandle: hasHandle).waitForEnd(within: 60_000_000_000)
        #expect(Clock.monotonic - start < 30_000_000_000)
    }

    @Test(
        "The cgroups that count a process, in both versions",
        arguments: [
            ("0::/\n", ["/sys/fs/cgroup"]),
            ("0::/a/b\n", ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]),
            ("8:pids:/x\n4:memory:/y\n", ["/sys/fs/cgroup/pids/x", "/sys/fs/cgroup/pids"]),
            ("0::/../../up\n", ["/sys/fs/cgroup/up", "/sys/fs/cgroup"]), ("nonsense", []), ("", []),
        ] as [(ByteString, [ByteString])])
    func groups(_ text: ByteString, _ folders: [ByteString]) { #expect(ProcessLimit.folders(text) == folders) }

    @Test("Keeps none of the caller's files open, is not the caller's child, has its own session, and outlives it")
    func detachment() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder.path.lossy as String] in
            let folder = ByteString(path)
            var ends: [Int32] = [-1, -1]
            #expect(pipe(&ends) == 0)
            let caller = getpid()
            Detached.run { _ in
                // Waits until the caller has read: the end that the caller then sees is not this process's.
                while Files.isMissing(folder + "/go") { usleep(5_000) }
                let open = (try? Files.names(in: "/proc/self/fd", limit: 100)) ?? []
                let places = (0...2).map { (try? Files.readLink("/proc/self/fd/" + ByteString(decimal: $0))) ?? "" }
                let here = (try? Kernel.workingDirectory()) ?? ""
                let facts: [Bool] = [
                    // Reading the directory opens one more, and the caller's end can be waited for.
                    open.count == 5, places.allSatisfy { $0 == "/dev/null" }, here == "/", getppid() != caller,
                    getsid(0) != getsid(caller), getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == 19,
                ]
                let text = facts.map { $0 ? "1" : "0" }.joined()
                try? Files.replace(folder + "/facts", with: ByteString(text), mode: 0o600)
                return 0
            }
            #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD, "a child is left")
            close(ends[1])
            var byte: UInt8 = 0
            #expect(read(ends[0], &byte, 1) == 0)
            try Files.replace(folder + "/go", with: "", mode: 0o600)
            for _ in 0..<2_000 where Files.isMissing(folder + "/facts") { usleep(5_000) }
            #expect(try Files.read(folder + "/facts", limit: 100) == "111111")
        }
    }
}
