import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Child processes")
struct ChildTests {
    private func shell(_ script: ByteString, flags: Int32 = 0) throws -> Child {
        try Execution.start("/bin/sh", ["sh", "-c", script], .inherited, flags: flags)
    }

    @Test("No signal is sent to a PID that may have been reused")
    func afterwards() throws {
        let child = try shell("exit 7")
        #expect(child.wait(until: .max)?.exitCode == 7)
        #expect(!child.send(0) && !child.send(SIGKILL))
        #expect(child.end()?.exitCode == 7 && child.hasEnded)
    }

    @Test("Until a child is reaped, its PID is its own, and so is its group's")
    func before() throws {
        let child = try shell("sleep 60 & exit 3", flags: 0x80)
        while !child.hasEnded { usleep(1_000) }
        #expect(child.send(0))
        child.killGroup()
        #expect(child.end()?.exitCode == 3)
    }

    @Test("If SIGCHLD is ignored, children still remain until reaped, and the caller's disposition is restored")
    func ignored() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            let answer = try Execution.ask(
                "/bin/sh", arguments: ["sh", "-c", "exit 5"], nanoseconds: 60_000_000_000, limit: 9)
            #expect(answer.exitCode == 5)
            ChildSignal.restore()
            #expect(unsafeBitCast(signal(SIGCHLD, SIG_DFL), to: Int.self) == 1)
        }
    }

    @Test("The number of a signal is reported")
    func signals() throws {
        let child = try shell("kill -9 $$")
        #expect(child.wait().signal == SIGKILL)
    }
}

@Suite("A failed read")
struct FailingReadTests {
    // The first page of a process's memory cannot be read: EIO, as from a broken disk.
    @Test("An error is not an end of file")
    func error() {
        #expect(throws: Errno(code: EIO)) { () throws(Errno) in try Files.read("/proc/self/mem", limit: 100) }
    }
}
