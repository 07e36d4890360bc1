import Formats
import Host
import TestSupport
import Testing

@Suite("Subprocesses")
struct SubprocessTests {
    private func shell(_ script: ByteString, _ change: (inout Subprocess) -> Void = { _ in }) -> Subprocess {
        var subprocess = Subprocess(
            program: "/bin/sh", arguments: ["sh", "-c", script], environment: ["NAME=value", "PATH=/usr/bin:/bin"])
        change(&subprocess)
        return subprocess
    }

    @Test("Both outputs, the exit code, the environment, and lines as they come")
    func hears() throws {
        var lines: [ByteString] = []
        let ending = try shell("echo $NAME; printf 'a\\rb' >&2; exit 3").run(line: {
            lines.append(($0 == .output ? "o " : "e ") + $1)
        })
        #expect(ending.output == "value\n" && ending.error == "a\rb" && ending.exitCode == 3)
        #expect(lines.sorted() == ["e a", "e b", "o value"])
    }

    @Test("More input than a pipe holds, read or not")
    func feeds() throws {
        let text = ByteString("0123456789").repeated(200_000)
        #expect(try shell("cat") { $0.input = text }.run().output == text)
        #expect(try shell("exit 0") { $0.input = text }.run().exitCode == 0)
        #expect(try shell("read x; echo \"$x.\"").run().output == ".\n")
    }

    @Test("It is ended when it is no longer wanted, with everything that it has started")
    func unwanted() throws {
        let folder = try TemporaryFolder()
        var heard = 0
        let script =
            "(trap '' TERM; echo x > " + folder["ticks"] + "; echo ready; while :; do echo x >> " + folder["ticks"]
            + "; sleep 0.02; done) & wait"
        let start = Clock.monotonic
        #expect(throws: Errno.interrupted) {
            try shell(script) { $0.isStoppable = false }.run(while: { heard == 0 }, line: { _, _ in heard += 1 })
        }
        #expect(Clock.monotonic - start < 10_000_000_000)
        let ticks = try Files.read(folder["ticks"], limit: 1 << 20)
        Clock.sleep(nanoseconds: 200_000_000)
        #expect(try Files.read(folder["ticks"], limit: 1 << 20) == ticks)
    }

    @Test("It runs in the given directory")
    func directory() throws {
        let folder = try TemporaryFolder()
        let real = try Files.realPath(folder.path)
        #expect(try shell("pwd -P") { $0.directory = folder.path }.run().output == real + "\n")
        #expect(throws: Errno.noSuchFile) { try shell("pwd") { $0.directory = folder["missing"] }.run() }
    }

    @Test("It is killed if it takes too long, even with its outputs closed")
    func timesOut() {
        for script in ["exec sleep 60", "exec >&- 2>&-; exec sleep 60"] as [ByteString] {
            let start = Clock.monotonic
            #expect(throws: Errno.timedOut) { try shell(script) { $0.nanoseconds = 200_000_000 }.run() }
            #expect(Clock.monotonic - start < 10_000_000_000)
        }
    }

    @Test("A group is killed with its program: what it has started would keep its outputs open, and continue")
    func endsGroup() throws {
        let folder = try TemporaryFolder()
        let mark = folder["mark"]
        let start = Clock.monotonic
        #expect(throws: Errno.timedOut) {
            try shell("(sleep 2; echo alive >" + mark + ") & exec sleep 60") {
                $0.nanoseconds = 200_000_000
                $0.endsGroup = true
            }.run()
        }
        while Clock.monotonic - start < 3_000_000_000 { Clock.sleep(nanoseconds: 100_000_000) }
        #expect(Files.isMissing(mark))
    }

    @Test("Output has a limit, and the observer can end it")
    func bounds() {
        let start = Clock.monotonic
        #expect(throws: Errno.tooLarge) { try shell("exec yes") { $0.mostOutput = 1000 }.run() }
        #expect(throws: Errno.interrupted) { try shell("exec sleep 60").run(while: { false }) }
        #expect(Clock.monotonic - start < 10_000_000_000)
    }

    @Test("Memory has a limit")
    func memory() throws {
        let hungry: ByteString = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 60"
        #expect(throws: Errno.noMemory) { try shell(hungry) { $0.mostMemory = 20 << 20 }.run() }
        #expect(try shell("echo small") { $0.mostMemory = 20 << 20 }.run().output == "small\n")
    }

    @Test("Its output can go to a new file, and never to an existing one")
    func file() throws {
        let folder = try TemporaryFolder()
        let ending = try shell("echo new; echo heard >&2") { $0.outputFile = folder["file"] }.run()
        #expect(ending.output.isEmpty && ending.error == "heard\n" && ending.exitCode == 0)
        #expect(try Files.read(folder["file"], limit: 100) == "new\n")
        #expect(try Files.status(folder["file"]).mode == 0o600)
        #expect(throws: Errno.fileExists) { try shell("echo more") { $0.outputFile = folder["file"] }.run() }
        #expect(try Files.read(folder["file"], limit: 100) == "new\n")
    }

    @Test("After a signal there is no exit code, and a missing program cannot be run")
    func ends() throws {
        #expect(try shell("kill -9 $$").run().exitCode == nil)
        #expect(throws: Errno.noSuchFile) {
            try Subprocess(program: "/nonesuch", arguments: ["x"], environment: []).run()
        }
    }
}
