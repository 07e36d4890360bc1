public import Formats
internal import History
internal import Planning

/// A short form for the terminal.
public struct ReportText {
    private let facts: ReportFacts
    private let sums: ReportSums

    private static let mostRows = 5

    /// Summarizes the facts.
    public init(_ facts: ReportFacts) {
        self.facts = facts
        sums = ReportSums(facts)
    }

    /// Hours and minutes, minutes and seconds, or seconds.
    static func time(_ nanoseconds: Int64) -> ByteString {
        let seconds = (max(0, nanoseconds) &+ 500_000_000) / 1_000_000_000
        func part(_ number: Int64, _ unit: ByteString) -> ByteString { ByteString(decimal: number) + " " + unit }
        if seconds < 60 { return part(seconds, "s") }
        if seconds < 3_600 { return part(seconds / 60, "min ") + part(seconds % 60, "s") }
        return part(seconds / 3_600, "h ") + part(seconds % 3_600 / 60, "min")
    }

    static func percent(_ part: Int, of whole: Int) -> ByteString {
        guard whole > 0 else { return "-" }
        let tenths = part.multipliedFullWidth(by: 1_000)
        guard tenths.high == 0, let number = Int(exactly: tenths.low / UInt(whole)) else { return "-" }
        return ByteString(decimal: number / 10) + "." + ByteString(decimal: number % 10) + " %"
    }

    /// The lines of the text.
    public var lines: [ByteString] {
        guard sums.builds > 0 else {
            return ["no builds have been recorded yet: slipway doctor shows whether builds share layers here"]
        }
        var lines = [
            Self.time(sums.saved) + " saved, " + Self.time(sums.exporting) + " spent on exports, "
                + ByteString(decimal: sums.builds) + " builds",
            Self.percent(sums.cached, of: sums.steps) + " of " + ByteString(decimal: sums.steps)
                + " steps cached; one shared cache: "
                + Self.percent(sums.cached + sums.missedHere, of: sums.steps) + " at most",
        ]
        if let store = facts.store {
            let frees = store.trimming.map { "; slipway trim would free " + ByteSize.text($0.frees) } ?? ""
            lines.append("store: " + ByteSize.text(store.used) + " of " + ByteSize.text(store.budget) + frees)
        }
        if !sums.misses.isEmpty { lines += ["", "why builds missed"] }
        for miss in sums.misses.prefix(Self.mostRows) {
            lines.append(
                "  " + miss.cause.rawValue.padded(to: 12) + ByteString(decimal: miss.builds).padded(left: 5) + " builds"
                    + ByteString(decimal: miss.steps).padded(left: 6) + " steps"
                    + (miss.last?.fix.map { "  fix: " + $0 } ?? ""))
        }
        if !sums.slowSteps.isEmpty { lines += ["", "slowest steps"] }
        for step in sums.slowSteps.prefix(Self.mostRows) {
            lines.append(
                "  " + Self.time(step.total).padded(left: 12) + "  " + step.name + "  " + step.repository)
        }
        return lines
    }
}
