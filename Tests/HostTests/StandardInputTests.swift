import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Standard input, read in advance")
struct StandardInputTests {
    /// More than a pipe can hold.
    private static let long = ByteString((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })

    /// Puts a pipe on standard input, with a child that writes to it in pieces.
    private static func feed(_ content: ByteString) throws {
        var ends: [Int32] = [-1, -1]
        _ = try checked { pipe(&ends) }
        guard fork() != 0 else {
            close(ends[0])
            let writer = try Descriptor(taking: ends[1])
            for start in stride(from: 0, to: content.count, by: 7_001) {
                try writer.write(ByteString(content.bytes[start..<min(start + 7_001, content.count)]))
            }
            _exit(0)
        }
        close(ends[1])
        _ = try checked { dup2(ends[0], 0) }
        close(ends[0])
    }

    private static func hash(_ givingInput: Bool = true) throws -> ByteString {
        let ask = try Execution.ask(
            "/usr/bin/sha256sum", arguments: ["sha256sum"], givingInput: givingInput, nanoseconds: 60_000_000_000,
            limit: 1000)
        return ask.output.prefix(64)
    }

    @Test("The next reader gets the same bytes, and again after rewinding")
    func copy() async {
        await #expect(processExitsWith: .success) {
            try Self.feed(Self.long)
            #expect(try StandardInput.takeCopy(limit: 1 << 20) == Self.long)
            #expect(try Self.hash() == SHA256.hexDigest(of: Self.long))
            StandardInput.rewind()
            #expect(try Self.hash() == SHA256.hexDigest(of: Self.long))
            #expect(try Self.hash(false) == SHA256.hexDigest(of: ""))
        }
    }

    @Test("Too large an input is passed on unread")
    func tooLong() async {
        await #expect(processExitsWith: .success) {
            try Self.feed(Self.long)
            #expect(try StandardInput.takeCopy(limit: 299_999) == nil)
            #expect(try Self.hash() == SHA256.hexDigest(of: Self.long))
        }
    }

    @Test("A closed one stays closed; an empty one is empty")
    func none() async {
        await #expect(processExitsWith: .success) {
            try Self.feed("")
            #expect(try StandardInput.takeCopy(limit: 0) == "")
            close(0)
            #expect(throws: Errno.self) { try StandardInput.takeCopy(limit: 10) }
            #expect(fcntl(0, F_GETFD) == -1)
        }
    }
}
