// How texts are written in columns, for shells and in addresses.

extension ByteString {
    /// A mode as people write it: four octal digits, or more.
    public init(octal mode: UInt32) { self = ByteString(String(mode, radix: 8)).zeroPadded(to: 4) }

    /// With blanks behind it, if it is shorter.
    public func padded(to width: Int) -> ByteString { self + Self.filling(width - count, 0x20) }

    /// With blanks in front of it, if it is shorter.
    public func padded(left width: Int) -> ByteString { Self.filling(width - count, 0x20) + self }

    /// With zeros in front of it, if it is shorter.
    public func zeroPadded(to width: Int) -> ByteString { Self.filling(width - count, UInt8(ascii: "0")) + self }

    private static func filling(_ count: Int, _ byte: UInt8) -> ByteString {
        ByteString(repeatElement(byte, count: max(0, count)))
    }

    /// With all but the unreserved characters of RFC 3986 in %XX.
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

    /// One word for a shell. Nothing in it steers a terminal.
    public var shellQuoted: ByteString {
        let plain = bytes.allSatisfy { $0.isDigit || $0.isLetter || "_-./=:,@%+".utf8.contains($0) }
        if plain && !isEmpty { return self }
        guard !isTerminalSafe else { return "'" + split("'").joined(separator: "'\\''") + "'" }
        var quoted: ByteString = "$'"
        var rest = bytes[...]
        // A character at a time, and with the shell's own signs escaped before: what is shown stands for the very same bytes.
        while !rest.isEmpty {
            let piece = ByteString(rest.prefix(Self.firstScalar(of: rest).length))
            quoted += piece == "'" || piece == "\\" ? "\\" + piece : piece.terminalSafe
            rest = rest.dropFirst(piece.count)
        }
        return quoted + "'"
    }
}
