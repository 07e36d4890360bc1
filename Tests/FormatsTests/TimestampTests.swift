import Formats
import TestSupport
import Testing

@Suite("Points in time as people write them")
struct TimestampTests {
    private static let now = 1_800_000_000

    private func parse(_ text: ByteString, offset: (Int) -> Int = { _ in 0 }) -> Int? {
        Timestamp.parse(text, now: Self.now, offset: offset)
    }

    @Test(
        "Durations before now",
        arguments: [
            ("0s", 0), ("90s", 90), ("30m", 1_800), ("2h", 7_200), ("3d", 259_200), ("1w", 604_800), ("1h30m", 5_400),
            ("2D", 172_800), ("007s", 7), ("253402300799s", 253_402_300_799),
        ] as [(ByteString, Int)])
    func durations(_ text: ByteString, _ seconds: Int) {
        #expect(parse(text) == Self.now - seconds)
    }

    @Test(
        "Dates and times",
        arguments: [
            ("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2026-09-01", 1_788_220_800),
            ("2026-12-31T23:59", 1_798_761_540), ("2026-09-01T08:00:30", 1_788_249_630),
            ("2026-09-01 08:00:30", 1_788_249_630), ("2026-09-01T08:00:30.987Z", 1_788_249_630),
            ("2026-09-01t08:00z", 1_788_249_600), ("2026-09-01T08:00+02:00", 1_788_242_400),
            ("2026-09-01T08:00-0330", 1_788_262_200), ("2026-09-01T08:00+02", 1_788_242_400),
            ("1969-12-31T23:59:59Z", -1), ("0001-01-01", -62_135_596_800), ("9999-12-31T23:59:59Z", Timestamp.latest),
        ] as [(ByteString, Int)])
    func dates(_ text: ByteString, _ seconds: Int) {
        #expect(parse(text) == seconds)
    }

    @Test("Without a zone it is local time, with and without daylight saving")
    func local() {
        // One hour ahead of UTC, two from 2026-03-29T01:00Z on.
        let offset: (Int) -> Int = { $0 < 1_774_746_000 ? 3_600 : 7_200 }
        #expect(parse("2026-03-29T01:30", offset: offset) == 1_774_744_200)
        #expect(parse("2026-03-29T03:30", offset: offset) == 1_774_747_800)
        #expect(parse("2026-03-29", offset: offset) == 1_774_738_800)
        #expect(parse("2026-03-29T03:30Z", offset: offset) == 1_774_755_000)
        #expect(parse("1h", offset: offset) == Self.now - 3_600)
    }

    @Test(
        "Anything else is refused",
        arguments: [
            "", "s", "90", "-90s", "+90s", "1.5h", "1h 30m", "1h30", "1y", "1\0s", "253402300800s", "253402300799s1s",
            "99999999999999999999d", "9223372036854775807w", "2026", "2026-09", "2026-9-1", "26-09-01", "2026-00-01",
            "2026-13-01", "2026-09-00", "2026-09-31", "2026-02-29", "1900-02-29", "0000-01-01", "2026-09-01T",
            "2026-09-01T8:00", "2026-09-01T24:00", "2026-09-01T08:60", "2026-09-01T08:00:60", "2026-09-01T08",
            "2026-09-01T08:00:00.", "2026-09-01Z", "2026-09-01T08:00+2", "2026-09-01T08:00+02:", "2026-09-01T08:00ZZ",
            "2026-09-01T08:00+24:00", "2026-09-01T08:00Zebra", " 2026-09-01", "2026-09-01 ", "yesterday",
        ] as [ByteString])
    func refused(_ text: ByteString) {
        #expect(parse(text) == nil)
    }

    @Test("Every text is read or refused, and shown text can be read back", arguments: 0..<20)
    func anything(seed: UInt64) {
        var numbers = Repeatable(seed: seed)
        let letters = Array("0123456789-:TZ+smhdw. ".utf8)
        for _ in 0..<500 {
            _ = parse(ByteString(numbers.bytes(upTo: 30).map { letters[Int($0) % letters.count] }))
            let moment = Int.random(in: 0...Timestamp.latest, using: &numbers)
            #expect(parse(Timestamp.text(moment)) == moment)
        }
    }

    @Test("Shown in UTC")
    func shown() {
        #expect(Timestamp.text(0) == "1970-01-01T00:00:00Z")
        #expect(Timestamp.text(951_782_399) == "2000-02-28T23:59:59Z")
        #expect(Timestamp.text(951_868_799) == "2000-02-29T23:59:59Z")
        #expect(Timestamp.text(Timestamp.latest) == "9999-12-31T23:59:59Z")
        #expect(Timestamp.text(.max) == "9999-12-31T23:59:59Z")
        #expect(Timestamp.text(.min) == "1970-01-01T00:00:00Z")
    }
}
