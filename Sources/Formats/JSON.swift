/// A JSON value, read strictly: a truncated or malformed text gives no value.
public enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The number as written in the text.
    case number(ByteString)
    case string(ByteString)
    case array([JSON])
    /// Members in the order of the text; names may repeat.
    case object([Member])

    /// A name and its value in an object.
    public struct Member: Equatable, Sendable {
        /// The unescaped name.
        public let name: ByteString
        /// Its value.
        public let value: JSON

        /// A name and its value.
        public init(name: ByteString, value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// Reads one value that fills the whole text, nested at most 64 deep; nil for anything else, and if the deadline
    /// passes.
    public init?(_ text: ByteString, until deadline: Deadline = .never) {
        var reader = JSONReader(text.bytes, deadline)
        guard let value = reader.document() else { return nil }
        self = value
    }

    /// A struct's field as Go's encoding/json finds it: ASCII case does not matter, and the last match wins.
    public subscript(field name: ByteString) -> JSON? {
        guard case .object(let members) = self else { return nil }
        let wanted = name.lowercasedASCII
        return members.last { $0.name.count == wanted.count && $0.name.lowercasedASCII == wanted }?.value
    }

    /// A map's entry: the exact name, and the last match wins.
    public subscript(key name: ByteString) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The string, or nil.
    public var string: ByteString? { if case .string(let value) = self { value } else { nil } }

    /// The elements, or nil.
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }

    /// The members, or nil.
    public var members: [Member]? { if case .object(let value) = self { value } else { nil } }

    /// The truth value, or nil.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// A whole number written without fraction or exponent, if it fits; otherwise nil.
    public var integer: Int? { if case .number(let text) = self { Int(text.lossy) } else { nil } }
}

/// A cursor over the text. Every step checks the end, so no input can reach a trap.
private struct JSONReader {
    private let text: [UInt8]
    private let deadline: Deadline
    private var position = 0
    private var values = 0
    private static let deepest = 64

    init(_ text: [UInt8], _ deadline: Deadline) {
        self.text = text
        self.deadline = deadline
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    mutating func document() -> JSON? {
        guard let value = value(depth: 0) else { return nil }
        skipBlanks()
        return position == text.count ? value : nil
    }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func word(_ word: StaticString, _ value: JSON) -> JSON? {
        for offset in 0..<word.utf8CodeUnitCount where !take(word.utf8Start[offset]) { return nil }
        return value
    }

    private mutating func value(depth: Int) -> JSON? {
        guard depth < Self.deepest else { return nil }
        values += 1
        if values % 1024 == 0, deadline.hasPassed { return nil }
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map(JSON.string)
        case UInt8(ascii: "t"): return word("true", .bool(true))
        case UInt8(ascii: "f"): return word("false", .bool(false))
        case UInt8(ascii: "n"): return word("null", .null)
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSON? {
        position += 1
        var members: [JSON.Member] = []
        skipBlanks()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipBlanks()
            guard let name = string() else { return nil }
            skipBlanks()
            guard take(UInt8(ascii: ":")), let value = value(depth: depth + 1) else { return nil }
            members.append(JSON.Member(name: name, value: value))
            skipBlanks()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func array(depth: Int) -> JSON? {
        position += 1
        var elements: [JSON] = []
        skipBlanks()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
            skipBlanks()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func number() -> JSON? {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) {
            guard digits() else { return nil }
        }
        if take(UInt8(ascii: ".")) {
            guard digits() else { return nil }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard digits() else { return nil }
        }
        return .number(ByteString(text[start..<position]))
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, byte.isDigit { position += 1 }
        return position > start
    }

    private mutating func string() -> ByteString? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = position
        // Most strings have no escapes and are copied as they are.
        while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") { position += 1 }
        var result = Array(text[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return ByteString(result)
            case UInt8(ascii: "\\"): guard escape(into: &result) else { return nil }
            case 0..<0x20: return nil
            default: result.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into result: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            guard let character = unicodeEscape() else { return false }
            result += character.utf8
        default: return false
        }
        return true
    }

    private mutating func unicodeEscape() -> Character? {
        guard let high = fourHexDigits() else { return nil }
        var scalar = UInt32(high)
        if (0xD800..<0xDC00).contains(high) {
            // A lone surrogate becomes U+FFFD, as in Go's encoding/json.
            let before = position
            if take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let low = fourHexDigits(),
                (0xDC00..<0xE000).contains(low)
            {
                scalar = 0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            } else {
                position = before
            }
        }
        return Character(Unicode.Scalar(scalar) ?? "\u{FFFD}")
    }

    private mutating func fourHexDigits() -> UInt16? {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Hex.value(of: byte) else { return nil }
            position += 1
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
