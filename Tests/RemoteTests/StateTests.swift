import Formats
import TestSupport
import Testing

@testable import Remote

@Suite("What is remembered about a registry")
struct StateTests {
    @Test("The wait after a failure depends on its cause and doubles each time, but not for another registry")
    func waiting() throws {
        let folder = try TemporaryFolder()
        let state = RemoteState(in: folder.path, of: "a.example.com/x")
        #expect(state.waiting(.fetch) == nil)
        var waits: [Int] = []
        for _ in 0..<12 {
            state.note(RemoteFailure(.refused, "r"), .fetch)
            let failure = try #require(state.waiting(.fetch))
            waits.append(failure.until - failure.time)
        }
        #expect(waits.prefix(4) == [60, 120, 240, 480] && waits.last == 86_400)
        #expect(state.waiting(.push) == nil)
        #expect(RemoteState(in: folder.path, of: "b.example.com/x").waiting(.fetch) == nil)
        state.note(RemoteFailure(.forbidden), .fetch)
        #expect(state.failure(.fetch)?.count == 1 && state.failure(.fetch)?.cause == .forbidden)
        state.clear(.fetch)
        #expect(state.failure(.fetch) == nil)
    }

    @Test("Keys are remembered, torn files count as none, and the writer's name stays")
    func keys() throws {
        let folder = try TemporaryFolder()
        let state = RemoteState(in: folder.path, of: "a.example.com/x")
        var known = state[key: "k"]
        known.looked = 7
        known.pushed = ("sha256:0", 8, 9)
        known.refuse("sha256:1", at: 1_000_000)
        #expect(known.hasRefused("sha256:1", at: 1_000_100) && !known.hasRefused("sha256:1", at: 1_100_000))
        #expect(!known.hasRefused("sha256:2", at: 1_000_100))
        for number in 0..<100 { known.refuse("sha256:x" + ByteString(decimal: number), at: 1_000_001) }
        #expect(known.refused.count == 64)
        known.refuse("sha256:2", at: 2_000_000)
        #expect(known.refused == ["sha256:2": 2_000_000])
        state[key: "k"] = known
        #expect(state[key: "k"] == known && state.keys == ["k"])
        try folder.write("remote/key-k", "{\"prefix\":")
        #expect(state[key: "k"] == RemoteState.KeyState())
        let writer = state.writer()
        #expect(writer.hasPrefix("host-") && writer == state.writer())
    }
}
