import Formats
import Testing

@testable import Engine

@Suite("Records of an engine's cache")
struct CacheRecordsTests {
    private static func answer(_ names: [ByteString], description: ByteString = "x") -> [UInt8] {
        let records = names.map { name in
            #"{"ID":""# + name + #"cdefghijklmno"," Parents":["aaaaaaaaaaaa1"],"Type":"regular","Description":""#
                + description
                + #"","InUse":false}"#
        }
        return (#"{"BuildCache":["# + records.joined(separator: ",") + "]}\n").bytes
    }

    @Test("Names are read, whatever the descriptions say")
    func names() throws {
        let records = try #require(
            CacheRecords(
                answer: Self.answer(
                    ["zzzzzzzzzzz1", "000000000001", "j37mpw1hneb2"],
                    description: #"RUN echo \"ID\":\"qqqqqqqqqqqqqqqqqqqqqqqqq\" \\"#)))
        #expect(records.text == "000000000001 j37mpw1hneb2 zzzzzzzzzzz1")
        #expect(CacheRecords(records.text) == records)
    }

    @Test("Each has to be among the others")
    func among() throws {
        let few = try #require(CacheRecords("000000000001 j37mpw1hneb2"))
        let more = try #require(CacheRecords("zzzzzzzzzzz1 000000000001 j37mpw1hneb2 000000000000"))
        let others = try #require(CacheRecords("000000000001 zzzzzzzzzzz1"))
        #expect(few.areAmong(more) && few.areAmong(few))
        #expect(!more.areAmong(few) && !few.areAmong(others) && !others.areAmong(few))
    }

    @Test(
        "No engine's words",
        arguments: [
            "", "{}", "null", #"{"BuildCache":[]}"#, #"{"BuildCache":null}"#, #"{"BuildCache":[{"ID":"short"}]}"#,
            #"{"BuildCache":[{"ID":"UPPERCASE0123456789"}]}"#, #"{"BuildCache":[{"ID":"j37mpw1hneb2ynckca""#,
            #"{"message":"no"}"#,
        ] as [ByteString])
    func malformed(text: ByteString) { #expect(CacheRecords(answer: text.bytes) == nil) }

    @Test("More than is looked at")
    func many() {
        let names = (0..<8192).map { ByteString(String($0 + 40_000, radix: 36)).zeroPadded(to: 12) }
        #expect(CacheRecords(answer: Self.answer(names)) != nil)
        #expect(CacheRecords(answer: Self.answer(names + ["zzzzzzzzzzzz"])) == nil)
        #expect(CacheRecords("000000000001 x") == nil)
        #expect(CacheRecords("") == nil)
    }
}
