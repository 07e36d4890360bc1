import Formats
import Host
import Planning

/// Output for terminals besides text. Nothing elsewhere or if TERM is dumb; no colours with NO_COLOR (no-color.org).
enum Terminal {
    private static let isDumb = Kernel.variable("TERM").map { $0 == "dumb" } ?? true

    /// Whether standard output can show bars.
    static let showsBars = Kernel.isTerminal(1) && !isDumb
    /// Whether it can show colours.
    static let hasColours = showsBars && (Kernel.variable("NO_COLOR") ?? "").isEmpty
    /// Whether a line on standard error can be overwritten.
    static let showsProgress = Kernel.isTerminal(2) && !isDumb

    enum Colour: ByteString { case red = "31", green = "32", yellow = "33" }

    /// "[####......] " for a share, followed by a space; empty if bars cannot be shown. For
    /// `Output.write(coloured:)`.
    static func bar(_ part: UInt64, of whole: UInt64, _ colour: Colour) -> ByteString {
        guard showsBars else { return "" }
        let width = 20
        let filled = whole == 0 ? 0 : Int(Double(width) * min(1, Double(part) / Double(whole)))
        func run(_ letter: Character, _ count: Int) -> ByteString {
            ByteString(repeatElement(letter.asciiValue ?? 0x20, count: count))
        }
        let full = run("#", filled)
        let text = hasColours && filled > 0 ? "\u{1B}[" + colour.rawValue + "m" + full + "\u{1B}[0m" : full
        return "[" + text + run(".", width - filled) + "] "
    }
}

/// The progress, the rate, and the remaining time of some work.
struct Progress {
    private let began: Int64

    init(began: Int64 = Clock.monotonic) { self.began = began }

    /// "1.2 GB of 8.0 GB, 350 MB/s, 20 s left"; the rate as soon as it is known.
    func text(_ done: UInt64, of total: UInt64, now: Int64 = Clock.monotonic) -> ByteString {
        var text = ByteSize.text(done) + " of " + ByteSize.text(total)
        guard let rate = rate(done, now) else { return text }
        text += ", " + ByteSize.text(rate) + "/s"
        guard total > done, rate > 0 else { return text }
        return text + ", " + Self.duration(Int(clamping: (total - done) / rate)) + " left"
    }

    /// "in 3 s, 12 MB/s", for completed work.
    func summary(_ done: UInt64, now: Int64 = Clock.monotonic) -> ByteString {
        let seconds = Int(clamping: max(0, now &- began) / 1_000_000_000)
        return "in " + Self.duration(seconds) + (rate(done, now).map { ", " + ByteSize.text($0) + "/s" } ?? "")
    }

    /// Bytes per second; nil in the first half second, which is too short.
    private func rate(_ done: UInt64, _ now: Int64) -> UInt64? {
        let milliseconds = UInt64(clamping: (now &- began) / 1_000_000)
        guard milliseconds >= 500 else { return nil }
        let (product, isTooMuch) = done.multipliedReportingOverflow(by: 1_000)
        return isTooMuch ? done / (milliseconds / 1_000 + 1) : product / milliseconds
    }

    private static func duration(_ seconds: Int) -> ByteString {
        if seconds < 60 { return ByteString(decimal: seconds) + " s" }
        if seconds < 3_600 { return ByteString(decimal: seconds / 60) + " min" }
        return ByteString(decimal: seconds / 3_600) + " h " + ByteString(decimal: seconds % 3_600 / 60) + " min"
    }
}
