extension JSON {
    /// An object from names and values, in the order given.
    public static func object(_ members: KeyValuePairs<ByteString, JSON>) -> JSON {
        .object(members.map { Member(name: $0.key, value: $0.value) })
    }

    /// A whole number.
    @inlinable
    public static func integer(_ number: some BinaryInteger) -> JSON { .number(ByteString(decimal: number)) }

    /// A text, or null. A literal of many members with `?? .null` in them took eight seconds to compile.
    public static func string(orNull text: ByteString?) -> JSON { text.map(JSON.string) ?? .null }

    /// A whole number, or null.
    public static func integer(orNull number: (some BinaryInteger)?) -> JSON { number.map { .integer($0) } ?? .null }

    /// The value on one line, always valid UTF-8: an invalid byte becomes U+FFFD. Terminal control sequences are
    /// escaped.
    public var text: ByteString {
        var out: [UInt8] = []
        write(to: &out)
        return ByteString(out)
    }

    private func write(to out: inout [UInt8]) {
        switch self {
        case .null: out += Array("null".utf8)
        case .bool(let value): out += Array((value ? "true" : "false").utf8)
        case .number(let text): out += text.bytes
        case .string(let value): Self.write(value, to: &out)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                element.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                Self.write(member.name, to: &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ value: ByteString, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for character in value.lossy.unicodeScalars {
            switch character {
            case "\"", "\\": out += [UInt8(ascii: "\\"), UInt8(truncatingIfNeeded: character.value)]
            case "\n": out += Array("\\n".utf8)
            case "\t": out += Array("\\t".utf8)
            case _ where ByteString.steers(character.value):
                for unit in UTF16.encode(character) ?? .init() {
                    out += Array("\\u".utf8)
                    out += Hex.digits(of: [UInt8(unit >> 8), UInt8(unit & 0xFF)]).bytes
                }
            case _ where character.isASCII: out.append(UInt8(truncatingIfNeeded: character.value))
            default: out += Array(UTF8.encode(character) ?? .init())
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
