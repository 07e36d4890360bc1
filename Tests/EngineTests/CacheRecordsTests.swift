import Formats
import Testing

@testable import Engine

@Suite("Records of an engine's cache")
struct CacheRecordsTests {
    private typealias Text = BuildKitText

    private static func answer(_ names: [ByteString]) -> [UInt8] {
        // A record's ID is followed by whether it is in use, and by its description.
        names.flatMap { Text.field(1, Text.field(1, $0 + "cdefghijklmno") + [0x10, 1] + Text.field(8, "RUN true")) }
    }

    @Test("Names are parsed")
    func names() throws {
        let records = try #require(
            CacheRecords(listing: Self.answer(["zzzzzzzzzzz1", "000000000001", "j37mpw1hneb2"])))
        #expect(records.text == "000000000001 j37mpw1hneb2 zzzzzzzzzzz1")
        #expect(CacheRecords(records.text) == records)
    }

    @Test("Each record has to be among the others")
    func among() throws {
        let few = try #require(CacheRecords("000000000001 j37mpw1hneb2"))
        let more = try #require(CacheRecords("zzzzzzzzzzz1 000000000001 j37mpw1hneb2 000000000000"))
        let others = try #require(CacheRecords("000000000001 zzzzzzzzzzz1"))
        #expect(few.areAmong(more) && few.areAmong(few))
        #expect(!more.areAmong(few) && !few.areAmong(others) && !others.areAmong(few))
    }

    @Test(
        "Not an engine's answer",
        arguments: [
            [], [0x0A], [0x0A, 0], Text.field(2, "j37mpw1hneb2"), Text.field(1, Text.field(1, "short")),
            Text.field(1, Text.field(1, "UPPERCASE0123456789")), Text.field(1, Text.field(2, "j37mpw1hneb2ynckca")),
            [0x08, 1], Text.field(1, [0xFF]), Array(answer(["j37mpw1hneb2"]).dropLast()),
        ] as [[UInt8]])
    func malformed(message: [UInt8]) { #expect(CacheRecords(listing: message) == nil) }

    @Test("The question leaves out what a step may need at that moment") func question() {
        #expect(
            CacheRecords.question
                == Text.field(1, "type!=exec.cachemount,type!=source.local,type!=source.git.checkout"))
    }

    @Test(
        "An engine that takes longer to say what it is may take longer to list its records, within limits",
        arguments: [
            (-1, 60), (0, 60), (10, 220), (27, 492), (28, 500), (.max / 1_000_000, 500),
        ] as [(Int64, Int64)])
    func patience(answered: Int64, waits: Int64) {
        let cache = EngineCache(endpoint: .unix("/x"), hostTable: "", answeredIn: answered * 1_000_000)
        #expect(cache.patience == waits * 1_000_000)
    }

    @Test("More than is examined")
    func many() {
        let names = (0..<8192).map { ByteString(String($0 + 40_000, radix: 36)).zeroPadded(to: 12) }
        #expect(CacheRecords(listing: Self.answer(names)) != nil)
        #expect(CacheRecords(listing: Self.answer(names + ["zzzzzzzzzzzz"])) == nil)
        #expect(CacheRecords(names.joined(separator: " ")) != nil)
        #expect(CacheRecords((names + ["zzzzzzzzzzzz"]).joined(separator: " ")) == nil)
        #expect(CacheRecords("000000000001 x") == nil)
        #expect(CacheRecords("") == nil)
    }
}
