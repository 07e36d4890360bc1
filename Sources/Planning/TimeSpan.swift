public import Formats

/// A length of time as people write it: "90s", "24h", "30d". A number without a unit is refused, because its author
/// probably forgot the unit.
public enum TimeSpan {
    private static let units: [(name: ByteString, seconds: Int64)] = [
        ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800),
    ]

    /// Nanoseconds; nil for anything but a whole number with a unit, and for a number that is too large.
    public static func parse(_ text: ByteString) -> Int64? {
        let text = text.trimmed.lowercasedASCII
        let digits = ByteString(text.bytes.prefix(while: \.isDigit))
        let unit = text.dropFirst(digits.count).trimmed
        guard let number = digits.decimal, let factor = units.first(where: { $0.name == unit })?.seconds else {
            return nil
        }
        let (nanoseconds, overflow) = Int64(number).multipliedReportingOverflow(by: factor &* 1_000_000_000)
        return overflow ? nil : nanoseconds
    }

    /// In the largest unit that needs no fraction.
    public static func text(_ nanoseconds: Int64) -> ByteString {
        let seconds = nanoseconds / 1_000_000_000
        let unit = units.last { seconds >= $0.seconds && seconds % $0.seconds == 0 } ?? ("s", 1)
        return ByteString(decimal: seconds / unit.seconds) + unit.name
    }
}
