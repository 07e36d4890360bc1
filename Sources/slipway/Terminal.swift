import Formats
import Host
import Planning

/// What a terminal gets besides text. Elsewhere, and where TERM is dumb, nothing; with NO_COLOR (no-color.org) no colours.
enum Terminal {
    private static let isDumb = Kernel.variable("TERM").map { $0 == "dumb" } ?? true

    /// Whether standard output is one that shows bars.
    static let showsBars = Kernel.isTerminal(1) && !isDumb
    /// Whether it has colours.
    static let hasColours = showsBars && (Kernel.variable("NO_COLOR") ?? "").isEmpty
    /// Whether a line on standard error can be written over.
    static let showsProgress = Kernel.isTerminal(2) && !isDumb

    enum Colour: ByteString { case red = "31", green = "32", yellow = "33" }

    /// "[####......] " of a share, with a space behind it; empty where there are no bars. For `Output.write(coloured:)`.
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

/// How far something has come, how fast, and how long it will yet take.
struct Progress {
    private let began: Int64

    init(began: Int64 = Clock.monotonic) { self.began = began }

    /// "1.2 GB of 8.0 GB, 350 MB/s, 20 s left"; the rate once there is one.
    func text(_ done: UInt64, of total: UInt64, now: Int64 = Clock.monotonic) -> ByteString {
        var text = ByteSize.text(done) + " of " + ByteSize.text(total)
        guard let rate = rate(done, now) else { return text }
        text += ", " + ByteSize.text(rate) + "/s"
        guard total > done, rate > 0 else { return text }
        return text + ", " + Self.duration(Int(clamping: (total - done) / rate)) + " left"
    }

    /// "in 3 s, 12 MB/s", for what has been done.
    func summary(_ done: UInt64, now: Int64 = Clock.monotonic) -> ByteString {
        let seconds = Int(clamping: max(0, now &- began) / 1_000_000_000)
        return "in " + Self.duration(seconds) + (rate(done, now).map { ", " + ByteSize.text($0) + "/s" } ?? "")
    }

    /// Bytes a second; nil in the first half second, which tells nothing.
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
