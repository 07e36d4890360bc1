import Formats
import Synchronization
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

    @Test("Files are counted; without a total there is no time left")
    func units() {
        let files = Progress(began: 0, unit: .items)
        #expect(files.text(1_200, of: 5_000, now: 2_000_000_000) == "1200 of 5000, 600/s, 6 s left")
        #expect(
            Progress(began: 0).text(2_000_000, of: nil, now: 2_000_000_000) == "2.0 MB, 1.0 MB/s")
    }

    @Test("Impossible numbers", arguments: [0, 1, UInt64.max], [0, 1, Int64.max, Int64.min])
    func extremes(_ bytes: UInt64, _ now: Int64) {
        for began in [0, Int64.min, Int64.max] {
            let progress = Progress(began: began)
            #expect(!progress.text(bytes, of: .max, now: now).isEmpty && !progress.summary(bytes, now: now).isEmpty)
        }
    }
}

@Suite("Progress line")
struct ProgressLineTests {
    /// What is written by a line, at times that the test sets.
    private final class Recorder: Sendable {
        let now = Mutex<Int64>(0)
        let written = Mutex<[ProgressLine.Writing]>([])

        func line(_ place: ProgressLine.Place) -> ProgressLine {
            ProgressLine(
                place, now: { self.now.withLock(\.self) },
                write: { writing in self.written.withLock { $0.append(writing) } })
        }

        func at(_ seconds: Double, _ body: () -> Void) -> [ProgressLine.Writing] {
            now.withLock { $0 = Int64(seconds * 1_000_000_000) }
            written.withLock { $0 = [] }
            body()
            return written.withLock(\.self)
        }
    }

    @Test("A terminal's line changes ten times a second, and goes")
    func terminal() {
        let recorder = Recorder()
        let line = recorder.line(.terminal)
        #expect(recorder.at(0) { line.clear() } == [])
        #expect(recorder.at(0) { line.step("verifying") } == [.redrawn("verifying ...")])
        #expect(recorder.at(0.05) { line.done(1_000_000, of: 8_000_000) } == [])
        #expect(
            recorder.at(2) { line.done(2_000_000, of: 8_000_000) }
                == [.redrawn("verifying: 2.0 MB of 8.0 MB, 1.0 MB/s, 6 s left")])
        #expect(recorder.at(2.05) { line.done(3_000_000, of: 8_000_000) } == [])
        #expect(recorder.at(3) { line.heard("Downloading") } == [.redrawn("verifying: 3 s, Downloading")])
        #expect(recorder.at(4) { line.clear() } == [.cleared])
        #expect(recorder.at(4) { line.clear() } == [])
        // Each step has a rate of its own.
        #expect(recorder.at(4) { line.step("again", unit: .items) } == [.redrawn("again ...")])
        #expect(recorder.at(5) { line.done(7, of: 7) } == [.redrawn("again: 7 of 7, 7/s")])
    }

    @Test("Elsewhere only what takes long is told, every ten seconds, by lines that stay")
    func plain() {
        let recorder = Recorder()
        let line = recorder.line(.plain(saysSteps: false))
        #expect(recorder.at(0) { line.step("verifying") } == [])
        #expect(recorder.at(9.9) { line.done(1_000_000, of: 8_000_000) } == [])
        #expect(
            recorder.at(10) { line.done(2_000_000, of: 8_000_000) }
                == [.line("verifying: 2.0 MB of 8.0 MB, 200 kB/s, 30 s left")])
        #expect(recorder.at(19) { line.done(3_000_000, of: 8_000_000) } == [])
        #expect(recorder.at(20) { line.heard("Downloading") } == [.line("verifying: 20 s, Downloading")])
        #expect(recorder.at(21) { line.clear() } == [])
        let steps = recorder.line(.plain(saysSteps: true))
        #expect(recorder.at(30) { steps.step("asking the engine") } == [.line("asking the engine")])
    }

    @Test("Beside JSON nothing is told")
    func nowhere() {
        let recorder = Recorder()
        let line = recorder.line(.nowhere)
        #expect(recorder.at(0) { line.step("verifying") } == [])
        #expect(
            recorder.at(60) {
                line.done(1, of: 2); line.heard("x"); line.clear()
            } == [])
    }
}
