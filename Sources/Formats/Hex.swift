/// Hexadecimal digits in lower case.
public enum Hex {
    /// Two digits for each byte.
    @inlinable
    public static func digits(of bytes: some Sequence<UInt8>) -> ByteString {
        var out: [UInt8] = []
        for byte in bytes {
            out.append(digit(byte >> 4))
            out.append(digit(byte & 0x0F))
        }
        return ByteString(out)
    }

    /// The value of one digit of either case; nil for any other byte.
    public static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    @usableFromInline
    static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }
}
