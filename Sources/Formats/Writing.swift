// Formatting of texts for columns, shells and addresses.

extension ByteString {
    /// A mode in the usual form: four octal digits, or more.
    public init(octal mode: UInt32) { self = ByteString(String(mode, radix: 8)).zeroPadded(to: 4) }

    /// Padded with blanks on the right.
    public func padded(to width: Int) -> ByteString { self + Self.filling(width - count, 0x20) }

    /// Padded with blanks on the left.
    public func padded(left width: Int) -> ByteString { Self.filling(width - count, 0x20) + self }

    /// Padded with zeros on the left.
    public func zeroPadded(to width: Int) -> ByteString { Self.filling(width - count, UInt8(ascii: "0")) + self }

    private static func filling(_ count: Int, _ byte: UInt8) -> ByteString {
        ByteString(repeatElement(byte, count: max(0, count)))
    }

    /// With all but the unreserved characters of RFC 3986 as %XX.
    public var percentEncoded: ByteString {
        var encoded: [UInt8] = []
        for byte in bytes {
            if byte.isLetter || byte.isDigit || "-._~".utf8.contains(byte) {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded += Hex.digits(of: [byte]).uppercasedASCII.bytes
            }
        }
        return ByteString(encoded)
    }

    /// Quoted as one word for a shell. Terminal control sequences are escaped.
    public var shellQuoted: ByteString {
        let plain = bytes.allSatisfy { $0.isDigit || $0.isLetter || "_-./=:,@%+".utf8.contains($0) }
        if plain && !isEmpty { return self }
        guard !isTerminalSafe else { return "'" + split("'").joined(separator: "'\\''") + "'" }
        var quoted: ByteString = "$'"
        var rest = bytes[...]
        // Character by character, with the shell's own special characters already escaped: what is shown stands for
        // exactly the same bytes.
        while !rest.isEmpty {
            let piece = ByteString(rest.prefix(Self.firstScalar(of: rest).length))
            quoted += piece == "'" || piece == "\\" ? "\\" + piece : piece.terminalSafe
            rest = rest.dropFirst(piece.count)
        }
        return quoted + "'"
    }
}
