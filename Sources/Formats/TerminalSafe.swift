// Characters that a terminal, or a reader's eye, takes for more than text. One list for everything that Slipway
// prints or stores.

extension ByteString {
    /// For one line of text. Escapes (`\n`, otherwise `\xNN` for each byte) whatever controls a terminal, changes a
    /// text's direction, is invisible, starts a new line or is not UTF-8. A terminal must not obey a name, and no name
    /// may look like another.
    public var terminalSafe: ByteString { replacingSteering { $0 == 0x0A ? "\\n" : nil } }

    /// The same for several lines, which remain lines.
    public var terminalSafeLines: ByteString {
        replacingSteering { $0 == 0x0A ? "\n" : $0 == 0x09 ? "\t" : nil }
    }

    /// Whether nothing in it needs to be escaped.
    public var isTerminalSafe: Bool { isPrintableASCII || terminalSafe == self }

    private func replacingSteering(_ replacement: (UInt32) -> ByteString?) -> ByteString {
        guard !isPrintableASCII else { return self }
        var text: [UInt8] = []
        text.reserveCapacity(count)
        var rest = bytes[...]
        while !rest.isEmpty {
            let (scalar, length) = Self.firstScalar(of: rest)
            if let scalar, !Self.steers(scalar) {
                text += rest.prefix(length)
            } else if let scalar, let other = replacement(scalar) {
                text += other.bytes
            } else {
                for byte in rest.prefix(length) { text += ("\\x" + Hex.digits(of: [byte])).bytes }
            }
            rest = rest.dropFirst(length)
        }
        return ByteString(text)
    }

    /// The first character of a text and its length in bytes; nil and 1 if the text begins with invalid UTF-8 (RFC
    /// 3629: overlong forms, surrogates and values beyond U+10FFFF are invalid). A lone byte above 0x7F is a command to
    /// terminals with 8-bit controls.
    static func firstScalar(of bytes: ArraySlice<UInt8>) -> (scalar: UInt32?, length: Int) {
        guard let first = bytes.first else { return (nil, 0) }
        let length: Int
        let least: UInt32
        switch first {
        case 0..<0x80: return (UInt32(first), 1)
        case 0xC2...0xDF: (length, least) = (2, 0x80)
        case 0xE0...0xEF: (length, least) = (3, 0x800)
        case 0xF0...0xF4: (length, least) = (4, 0x1_0000)
        default: return (nil, 1)
        }
        let others = bytes.dropFirst().prefix(length - 1)
        guard others.count == length - 1, others.allSatisfy({ $0 & 0xC0 == 0x80 }) else { return (nil, 1) }
        let scalar = others.reduce(UInt32(first) & (0x7F >> UInt32(length))) { $0 << 6 | UInt32($1 & 0x3F) }
        guard scalar >= least, scalar <= 0x10_FFFF, !(0xD800...0xDFFF).contains(scalar) else { return (nil, 1) }
        return (scalar, length)
    }

    /// Whether a character is more than text: C0 and C1 controls, direction marks, invisible characters, and line
    /// breaks.
    static func steers(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7F..<0xA0: true
        case 0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B...0x180F: true
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9...0xFFFB: true
        case 0xE0000...0xE0FFF: true
        default: false
        }
    }
}
