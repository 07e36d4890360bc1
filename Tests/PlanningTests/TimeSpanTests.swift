import Formats
import Testing

@testable import Planning

@Suite("Durations")
struct TimeSpanTests {
    @Test(
        "Read with their unit",
        arguments: [("90s", 90), ("30 m", 1800), ("24h", 86_400), ("30D", 2_592_000), ("1w", 604_800), ("0s", 0)]
            as [(ByteString, Int64)])
    func good(text: ByteString, seconds: Int64) {
        #expect(TimeSpan.parse(text) == seconds * 1_000_000_000)
    }

    @Test(
        "Refused",
        arguments: ["", "30", "d", "-1d", "1.5h", "1 y", "99999999999999999999d", "9999999999w"] as [ByteString])
    func bad(text: ByteString) { #expect(TimeSpan.parse(text) == nil) }

    @Test("Shown in the format that is read", arguments: ["90s", "45m", "1d", "36h", "2w", "0s"] as [ByteString])
    func shown(text: ByteString) { #expect(TimeSpan.parse(text).map(TimeSpan.text) == text) }
}
