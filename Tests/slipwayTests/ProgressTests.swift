import Formats
import Testing

@testable import slipway

@Suite("Progress")
struct ProgressTests {
    private func text(_ done: UInt64, of total: UInt64, after seconds: Double) -> ByteString {
        Progress(began: 0).text(done, of: total, now: Int64(seconds * 1_000_000_000))
    }

    @Test("Done, rate and time left; no rate before there is one")
    func text() {
        #expect(text(0, of: 8_000_000, after: 0) == "0 B of 8.0 MB")
        #expect(text(2_000_000, of: 8_000_000, after: 0.4) == "2.0 MB of 8.0 MB")
        #expect(text(2_000_000, of: 8_000_000, after: 2) == "2.0 MB of 8.0 MB, 1.0 MB/s, 6 s left")
        #expect(text(8_000_000, of: 8_000_000, after: 2) == "8.0 MB of 8.0 MB, 4.0 MB/s")
        #expect(text(1_000, of: 8_000_000, after: 1) == "1.0 kB of 8.0 MB, 1.0 kB/s, 2 h 13 min left")
        #expect(text(0, of: 8_000_000, after: 60) == "0 B of 8.0 MB, 0 B/s")
        #expect(Progress(began: 0).summary(3_000_000, now: 3_000_000_000) == "in 3 s, 1.0 MB/s")
    }

    @Test("Impossible numbers", arguments: [0, 1, UInt64.max], [0, 1, Int64.max, Int64.min])
    func extremes(_ bytes: UInt64, _ now: Int64) {
        for began in [0, Int64.min, Int64.max] {
            let progress = Progress(began: began)
            #expect(!progress.text(bytes, of: .max, now: now).isEmpty && !progress.summary(bytes, now: now).isEmpty)
        }
    }
}
