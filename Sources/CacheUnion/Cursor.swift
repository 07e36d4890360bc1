internal import Formats

/// A cursor over JSON with members known in advance: it builds no tree of a text that may be a megabyte. Every step
/// checks for the end.
struct Cursor {
    private let text: [UInt8]
    private(set) var position = 0

    init(_ text: ByteString) { self.text = text.bytes }

    private mutating func skipBlanks() {
        while position < text.count, text[position] <= 0x20,
            text[position] == 0x20 || text[position] == 0x0A || text[position] == 0x0D || text[position] == 0x09
        {
            position += 1
        }
    }

    /// Consumes the next byte if it is this one; returns whether it was.
    mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    /// Whether the end is reached.
    mutating func isAtEnd() -> Bool {
        skipBlanks()
        return position == text.count
    }

    /// Consumes `null` if it comes next; returns whether it did.
    mutating func takeNull() -> Bool {
        skipBlanks()
        guard text.count - position >= 4, text[position] == 0x6E, text[position + 1] == 0x75,
            text[position + 2] == 0x6C, text[position + 3] == 0x6C
        else { return false }
        position += 4
        return true
    }

    /// A list whose elements are read by `element`; `null` is an empty list, as Go writes it.
    mutating func list(_ element: (inout Cursor) -> Bool) -> Bool {
        if takeNull() { return true }
        guard take(0x5B) else { return false }
        if take(0x5D) { return true }
        repeat {
            guard element(&self) else { return false }
        } while take(0x2C)
        return take(0x5D)
    }

    /// An object whose values are read by `member`.
    mutating func object(_ member: (inout Cursor, ArraySlice<UInt8>) -> Bool) -> Bool {
        guard take(0x7B) else { return false }
        if take(0x7D) { return true }
        repeat {
            guard let name = plainString(), take(0x3A), member(&self, name) else { return false }
        } while take(0x2C)
        return take(0x7D)
    }

    /// A string without escapes, as all names, digests and times are.
    mutating func plainString() -> ArraySlice<UInt8>? {
        guard take(0x22) else { return nil }
        let start = position
        while position < text.count, text[position] != 0x22 {
            guard text[position] >= 0x20, text[position] != 0x5C else { return nil }
            position += 1
        }
        guard position < text.count else { return nil }
        position += 1
        return text[start..<(position - 1)]
    }

    /// Any string.
    mutating func string() -> ByteString? {
        let start = position
        if let plain = plainString() { return ByteString(plain) }
        position = start
        guard let text = skippedValue(), case .string(let string)? = JSON(text) else { return nil }
        return string
    }

    /// "sha256:" and 64 digits.
    mutating func digest() -> Digest? {
        guard let string = plainString(), string.count == 71, string.starts(with: Self.algorithm) else { return nil }
        return Digest(hex: string.dropFirst(7))
    }

    private static let algorithm = Array("sha256:".utf8)

    /// A whole number as Go writes it, of at most seven digits: none of our lists is longer.
    mutating func number() -> Int32? {
        let isNegative = take(0x2D)
        let start = position
        var value: Int32 = 0
        while position < text.count, text[position].isDigit {
            guard position - start < 7 else { return nil }
            value = value * 10 + Int32(text[position] & 0x0F)
            position += 1
        }
        guard position > start, position - start == 1 || text[start] != 0x30 else { return nil }
        return isNegative ? -value : value
    }

    /// When a result was made. If an engine has a result from a union, it exports it with the union's time.
    mutating func instant() -> Instant? { plainString().flatMap { Instant($0) }?.young }

    /// One value of any kind, unparsed; the caller decides whether it is JSON.
    mutating func skippedValue() -> ByteString? {
        skipBlanks()
        let start = position
        var depth = 0
        var isQuoted = false
        while position < text.count {
            let byte = text[position]
            if isQuoted {
                if byte == 0x5C { position += 1 } else if byte == 0x22 { isQuoted = false }
            } else {
                switch byte {
                case 0x22: isQuoted = true
                case 0x5B, 0x7B: depth += 1
                case 0x5D, 0x7D:
                    if depth == 0 { return ByteString(text[start..<position]) }
                    depth -= 1
                case 0x2C where depth == 0: return ByteString(text[start..<position])
                default: break
                }
            }
            position += 1
        }
        position = text.count
        return ByteString(text[start...])
    }
}
