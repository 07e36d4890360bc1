import Formats
import Host
import Testing

@Suite("Asking a program") struct ExecutionTests {
    private func ask(_ script: ByteString, limit: Int = 1 << 20) throws(Errno) -> Execution.Answer {
        try Execution.ask("/bin/sh", arguments: ["sh", "-c", script], nanoseconds: 500_000_000, limit: limit)
    }

    @Test("More than a pipe holds, and its exit code") func output() throws {
        let answer = try ask("head -c 300000 /dev/zero; exit 7")
        #expect(answer.output.count == 300_000)
        #expect(answer.exitCode == 7)
    }

    @Test("Nothing on standard input, a signal is no exit code") func signal() throws {
        let answer = try ask("cat; kill -9 $$")
        #expect(answer.output.isEmpty)
        #expect(answer.exitCode == nil)
    }

    @Test(
        "A program that hangs is killed, with its output open or closed",
        arguments: ["exec sleep 60", "exec >&-; exec sleep 60"] as [ByteString])
    func hanging(script: ByteString) {
        let start = Clock.monotonic
        #expect(throws: Errno.timedOut) { try ask(script) }
        #expect(Clock.monotonic - start < 5_000_000_000)
    }

    @Test("A program that floods is killed") func flood() {
        #expect(throws: Errno.tooLarge) { try ask("exec cat /dev/zero", limit: 65_536) }
    }
}
