public import Formats

/// A length of time as people write it: "50ms", "90s", "24h", "30d". A number without a unit is refused, because its author
/// probably forgot the unit.
public enum TimeSpan {
    private static let units: [(name: ByteString, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000),
    ]

    /// Nanoseconds; nil for anything but a whole number with a unit, and for a number that is too large.
    public static func parse(_ text: ByteString) -> Int64? {
        let text = text.trimmed.lowercasedASCII
        let digits = ByteString(text.bytes.prefix(while: \.isDigit))
        let unit = text.dropFirst(digits.count).trimmed
        guard let number = digits.decimal, let factor = units.first(where: { $0.name == unit })?.milliseconds else {
            return nil
        }
        let (nanoseconds, overflow) = Int64(number).multipliedReportingOverflow(by: factor &* 1_000_000)
        return overflow ? nil : nanoseconds
    }

    /// In the largest unit that needs no fraction.
    public static func text(_ nanoseconds: Int64) -> ByteString {
        let milliseconds = nanoseconds / 1_000_000
        let unit =
            units.last { milliseconds >= $0.milliseconds && milliseconds % $0.milliseconds == 0 } ?? ("s", 1_000)
        return ByteString(decimal: milliseconds / unit.milliseconds) + unit.name
    }
}
