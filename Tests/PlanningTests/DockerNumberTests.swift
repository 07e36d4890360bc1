import Formats
import Testing

@testable import Planning

@Suite("Numbers in the formats of docker's options")
struct DockerNumberTests {
    @Test(
        "Bytes: units are powers of 1024, whatever their spelling",
        arguments: [
            ("4g", 4 << 30), ("4G", 4 << 30), ("4GiB", 4 << 30), ("4gb", 4 << 30), ("512m", 512 << 20),
            ("1.5g", 3 << 29), ("1048576", 1 << 20), ("7b", 7), ("0", 0), ("1.9", 1), ("2t", 2 << 40),
            ("8388607t", 8_388_607 << 40), ("", nil), ("g", nil), ("-1", nil), ("4 g", nil), ("1e3", nil),
            ("4x", nil), ("4gx", nil), ("4gbi", nil), (".5g", nil), ("1.2.3g", nil),
            ("9223372036854775807", UInt64(Int64.max)), ("9223372036854775808", nil),
            ("8388608t", nil), ("99999999999999999999", nil), ("+4g", nil), ("0x10", nil), ("1.1234567g", nil),
        ] as [(ByteString, UInt64?)])
    func bytes(_ text: ByteString, _ expected: UInt64?) {
        #expect(DockerNumber.bytes(text) == expected)
        if let expected { #expect(DockerNumber.bytes(DockerNumber.text(bytes: expected)) == expected) }
    }

    @Test("Every unit has three spellings")
    func units() {
        for (power, unit) in (["k", "m", "g", "t"] as [ByteString]).enumerated() {
            for spelling in [unit, unit + "b", unit + "ib"] {
                #expect(DockerNumber.bytes("3" + spelling) == 3 << (10 * UInt64(power + 1)), "\(spelling)")
            }
        }
    }

    @Test(
        "Bytes are written in the largest unit without a fraction",
        arguments: [
            (0, "0"), (1023, "1023"), (1024, "1k"), (1025, "1025"), (1 << 20, "1m"), (1 << 30, "1g"), (1 << 40, "1t"),
            (1536 << 10, "1536k"), (4 << 30, "4g"),
        ] as [(UInt64, ByteString)])
    func written(_ bytes: UInt64, _ text: ByteString) { #expect(DockerNumber.text(bytes: bytes) == text) }

    @Test(
        "Processors, to the billionth",
        arguments: [
            ("2", 2_000_000_000, "2"), ("1.50", 1_500_000_000, "1.5"), ("0.000000001", 1, "0.000000001"),
            ("0", 0, "0"), ("2.", 2_000_000_000, "2"), ("", nil, ""), ("1e1", nil, ""), ("1.0000000001", nil, ""),
            ("-1", nil, ""), ("1/2", nil, ""), ("9999999999999", nil, ""),
        ] as [(ByteString, UInt64?, ByteString)])
    func processors(_ text: ByteString, _ expected: UInt64?, _ shortest: ByteString) {
        #expect(DockerNumber.processors(text) == expected)
        if let expected { #expect(DockerNumber.text(processors: expected) == shortest) }
    }
}
