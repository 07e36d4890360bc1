import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Programs that were started")
struct ChildTests {
    private func shell(_ script: ByteString, flags: Int32 = 0) throws -> Child {
        try Execution.start("/bin/sh", ["sh", "-c", script], .inherited, flags: flags)
    }

    @Test("No signal goes to a number that may be another's by now")
    func afterwards() throws {
        let child = try shell("exit 7")
        #expect(child.wait(until: .max)?.exitCode == 7)
        #expect(!child.send(0) && !child.send(SIGKILL))
        #expect(child.end()?.exitCode == 7 && child.hasEnded)
    }

    @Test("Until it is waited for, its number is its own, and so is its group's")
    func before() throws {
        let child = try shell("sleep 60 & exit 3", flags: 0x80)
        while !child.hasEnded { usleep(1_000) }
        #expect(child.send(0))
        child.killGroup()
        #expect(child.end()?.exitCode == 3)
    }

    @Test("Where SIGCHLD is ignored, children stay all the same, and the caller's disposition comes back")
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

    @Test("A signal's number is told")
    func signals() throws {
        let child = try shell("kill -9 $$")
        #expect(child.wait().signal == SIGKILL)
    }
}

@Suite("Reading that fails")
struct FailingReadTests {
    // The first page of a process's memory cannot be read: EIO, as from a broken disk.
    @Test("An error is no end")
    func error() {
        #expect(throws: Errno(code: EIO)) { () throws(Errno) in try Files.read("/proc/self/mem", limit: 100) }
    }
}
