import Formats
import Host
import Planning

/// Output for terminals besides text. Nothing elsewhere or if TERM is dumb; no colours with NO_COLOR (no-color.org).
enum Terminal {
    private static let isDumb = ["", "dumb"].contains(Kernel.variable("TERM") ?? "")

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
    /// What is counted.
    enum Unit: Sendable { case bytes, items }

    private let began: Int64
    private let unit: Unit

    init(began: Int64 = Clock.monotonic, unit: Unit = .bytes) {
        self.began = began
        self.unit = unit
    }

    /// "1.2 GB of 8.0 GB, 350 MB/s, 20 s left"; the rate as soon as it is known, and no time left if the total is not.
    func text(_ done: UInt64, of total: UInt64?, now: Int64 = Clock.monotonic) -> ByteString {
        var text = amount(done) + (total.map { " of " + amount($0) } ?? "")
        guard let rate = rate(done, now) else { return text }
        text += ", " + amount(rate) + "/s"
        guard let total, total > done, rate > 0 else { return text }
        return text + ", " + Self.duration(Int(clamping: (total - done) / rate)) + " left"
    }

    /// "in 3 s, 12 MB/s", for completed work.
    func summary(_ done: UInt64, now: Int64 = Clock.monotonic) -> ByteString {
        "in " + Self.duration(seconds(now)) + (rate(done, now).map { ", " + amount($0) + "/s" } ?? "")
    }

    /// "12 s"; nil in the first second.
    func elapsed(now: Int64 = Clock.monotonic) -> ByteString? {
        let seconds = seconds(now)
        return seconds == 0 ? nil : Self.duration(seconds)
    }

    private func seconds(_ now: Int64) -> Int { Int(clamping: max(0, now &- began) / 1_000_000_000) }

    private func amount(_ count: UInt64) -> ByteString {
        unit == .bytes ? ByteSize.text(count) : ByteString(decimal: Int(clamping: count))
    }

    /// Per second; nil in the first half second, which is too short.
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
