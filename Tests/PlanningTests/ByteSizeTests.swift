import Formats
import Planning
import Testing

@Suite("Sizes as people write them")
struct ByteSizeTests {
    @Test(
        "Read",
        arguments: [
            ("0B", 0), ("1b", 1), ("20GB", 20_000_000_000), ("20 gb", 20_000_000_000), (" 5 kB ", 5_000),
            ("3MB", 3_000_000), ("1.125kB", 1_125),
            ("1TB", 1_000_000_000_000), ("1.5GB", 1_500_000_000), ("0.25 GiB", 268_435_456),
            ("20.0 GB", 20_000_000_000), ("1KiB", 1_024), ("2MiB", 2_097_152), ("1GiB", 1_073_741_824),
            ("1TiB", 1_099_511_627_776), ("007kb", 7_000), ("16777215TiB", 18_446_742_974_197_923_840),
            ("18446744073709551615B", .max),
        ] as [(ByteString, UInt64)])
    func good(_ text: ByteString, _ bytes: UInt64) {
        #expect(ByteSize.parse(text) == bytes)
    }

    @Test(
        "Refused",
        arguments: [
            "", "20", "GB", "-1GB", "+1GB", "1.GB", ".5GB", "1.2345GB", "1.5.5GB", "18446744073709551615.9TB", "1,5GB",
            "1 G B", "1G", "1PB", "1GBs", "0x1B", "1e3B",
            "18446744073709551616B",
            "16777216TiB", "99999999999999999999TB", "\u{FF11}GB", "1\0GB",
        ] as [ByteString])
    func bad(_ text: ByteString) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test(
        "Shown",
        arguments: [
            (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_550, "1.5 kB"), (99_999, "99.9 kB"), (100_000, "100 kB"),
            (999_999, "999 kB"), (20_000_000_000, "20.0 GB"), (1_500_000_000_000, "1.5 TB"), (.max, "18446744 TB"),
        ] as [(UInt64, ByteString)])
    func shown(_ bytes: UInt64, _ text: ByteString) {
        #expect(ByteSize.text(bytes) == text)
    }
}
