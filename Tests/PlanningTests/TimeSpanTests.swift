import Formats
import Testing

@testable import Planning

@Suite("Durations")
struct TimeSpanTests {
    @Test(
        "Read with their unit",
        arguments: [
            ("50ms", 50), ("1 ms", 1), ("90s", 90_000), ("30 m", 1_800_000), ("24h", 86_400_000),
            ("30D", 2_592_000_000),
            ("1w", 604_800_000), ("0s", 0), ("9223372036854ms", 9_223_372_036_854),
        ] as [(ByteString, Int64)])
    func good(text: ByteString, milliseconds: Int64) {
        #expect(TimeSpan.parse(text) == milliseconds * 1_000_000)
    }

    @Test(
        "Refused",
        arguments: ["", "30", "d", "-1d", "1.5h", "1 y", "99999999999999999999d", "9999999999w", "9223372036855ms"]
            as [ByteString])
    func bad(text: ByteString) { #expect(TimeSpan.parse(text) == nil) }

    @Test(
        "Shown in the format that is read",
        arguments: ["50ms", "1500ms", "1s", "90s", "45m", "1d", "36h", "2w", "0s"] as [ByteString])
    func shown(text: ByteString) { #expect(TimeSpan.parse(text).map(TimeSpan.text) == text) }
}
