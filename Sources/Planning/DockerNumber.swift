internal import Formats

/// Numbers in the formats of docker's own options.
enum DockerNumber {
    private static let most = UInt64(Int64.max)

    /// The bytes in "4g", "512m", "1.5GiB" or "1048576"; every unit is a power of 1024. nil for a text that docker may
    /// read differently or not at all.
    ///
    /// Source: docker/go-units size.go, RAMInBytes.
    static func bytes(_ text: ByteString) -> UInt64? {
        let text = text.lowercasedASCII
        let written = ByteString(text.bytes.prefix { $0.isDigit || $0 == UInt8(ascii: ".") })
        let unit = text.dropFirst(written.count)
        let shift: UInt64
        switch unit {
        case "", "b": shift = 0
        case "k", "kb", "kib": shift = 10
        case "m", "mb", "mib": shift = 20
        case "g", "gb", "gib": shift = 30
        case "t", "tb", "tib": shift = 40
        default: return nil
        }
        return scaled(written, by: 1 << shift, digits: 6)
    }

    /// In the largest unit that needs no fraction, in docker's format.
    static func text(bytes: UInt64) -> ByteString {
        for (unit, factor) in [("t", 1 << 40), ("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)] as [(ByteString, UInt64)]
        where bytes >= factor && bytes % factor == 0 {
            return ByteString(decimal: bytes / factor) + unit
        }
        return ByteString(decimal: bytes)
    }

    /// Billionths of a processor: for "1.5", 1,500,000,000. nil as above.
    ///
    /// Source: docker/cli opts/opts.go, ParseCPUs.
    static func processors(_ text: ByteString) -> UInt64? { scaled(text, by: 1_000_000_000, digits: 9) }

    /// The shortest text for a number of billionths.
    static func text(processors: UInt64) -> ByteString {
        let whole = ByteString(decimal: processors / 1_000_000_000)
        var rest = ByteString(decimal: processors % 1_000_000_000 + 1_000_000_000).dropFirst(1)
        while rest.hasSuffix("0") { rest = rest.dropLast(1) }
        return rest.isEmpty ? whole : whole + "." + rest
    }

    /// A decimal number times a factor, rounded down.
    private static func scaled(_ text: ByteString, by factor: UInt64, digits: Int) -> UInt64? {
        let (whole, fraction) = text.cut(at: ".").map { ($0.before, $0.after) } ?? (text, "")
        guard !whole.isEmpty, whole.bytes.allSatisfy(\.isDigit), fraction.bytes.allSatisfy(\.isDigit),
            fraction.count <= digits, let number = UInt64(whole.lossy)
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        var part: UInt64 = 0
        var scale: UInt64 = 1
        for digit in fraction.bytes {
            part = part * 10 + UInt64(digit - 0x30)
            scale *= 10
        }
        // The product is at most 999,999 times 2^40, or 999,999,999 times 10^9.
        let (sum, tooLarge) = product.addingReportingOverflow(part * factor / scale)
        return overflow || tooLarge || sum > most ? nil : sum
    }
}
