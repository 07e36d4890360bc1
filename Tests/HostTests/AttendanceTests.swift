import Formats
import Host
import TestSupport
import Testing

/// What it does with signals is shown by the suite `loading` on real processes: here they would end the tests.
@Suite("Running a program in this process's place")
struct AttendanceTests {
    private func attend(_ script: ByteString, outputFile: ByteString? = nil) throws(Errno) -> Execution.Attendance {
        try Execution.attend("/bin/sh", arguments: ["sh", "-c", script], outputFile: outputFile)
    }

    @Test("Its exit code is the program's, or tells of the signal that ended it")
    func codes() throws {
        #expect(try attend("exit 0").exitCode == 0)
        #expect(try attend("exit 42").exitCode == 42)
        #expect(try attend("kill -TERM $$").exitCode == 143)
        #expect(try attend("exit 3").signal == nil)
    }

    /// The signals that this thread blocks.
    private func blocked() throws -> ByteString? {
        try Files.read("/proc/thread-self/status", limit: 65_536).split("\n").first { $0.hasPrefix("SigBlk:") }
    }

    @Test("Its end is noticed at once, and no signal stays blocked")
    func prompt() throws {
        let before = try #require(try blocked())
        let began = Clock.monotonic
        for _ in 1...20 { _ = try attend("exit 0") }
        #expect(Clock.monotonic - began < 2_000_000_000)
        #expect(try blocked() == before)
    }

    @Test("Its standard output goes to a new file that only this user can read")
    func output() throws {
        let folder = try TemporaryFolder()
        #expect(try attend("echo said", outputFile: folder["output"]).exitCode == 0)
        #expect(try Files.read(folder["output"], limit: 64) == "said\n")
        #expect(try Files.status(folder["output"]).mode == 0o600)
        // What stands there already is not written to.
        #expect((try? attend("echo other", outputFile: folder["output"]))?.exitCode != 0)
        #expect(try Files.read(folder["output"], limit: 64) == "said\n")
    }

    @Test("A program that cannot be started throws")
    func missing() {
        #expect(throws: Errno.noSuchFile) { try Execution.attend("/nonexistent/program", arguments: ["program"]) }
    }
}
