public import Formats

/// A number of bytes as people write it: "20GB", "512 MiB". A number without a unit is refused, because its author
/// probably forgot the unit.
public enum ByteSize {
    private static let units: [(name: ByteString, factor: UInt64)] = [
        ("b", 1), ("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("tb", 1_000_000_000_000),
        ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40),
    ]

    /// The number of bytes; nil for anything but a number with a unit, and for a number that is too large. A decimal
    /// point may be followed by three digits at most.
    public static func parse(_ text: ByteString) -> UInt64? {
        let text = text.trimmed.lowercasedASCII
        let written = ByteString(text.bytes.prefix { $0.isDigit || $0 == UInt8(ascii: ".") })
        let unit = text.dropFirst(written.count).trimmed
        let (whole, fraction) = written.cut(at: ".").map { ($0.before, $0.after) } ?? (written, "0")
        guard let number = UInt64(whole.lossy), let part = UInt64(fraction.lossy), fraction.count <= 3,
            let factor = units.first(where: { $0.name == unit })?.factor
        else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        let parts = fraction.bytes.reduce(into: UInt64(1)) { scale, _ in scale *= 10 }
        let (more, tooLarge) = part.multipliedReportingOverflow(by: factor)
        let (sum, beyond) = bytes.addingReportingOverflow(more / parts)
        return overflow || tooLarge || beyond ? nil : sum
    }

    /// For people: at most three digits, and decimal units.
    public static func text(_ bytes: UInt64) -> ByteString {
        for (unit, factor) in [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)]
            as [(String, UInt64)]
        where bytes >= factor {
            let tenths = bytes / (factor / 10)
            return ByteString(tenths >= 1000 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)")
        }
        return ByteString("\(bytes) B")
    }
}
