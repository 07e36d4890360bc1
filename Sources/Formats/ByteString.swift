/// A string of bytes as the kernel and docker know it: never repaired, never assumed to be UTF-8.
public struct ByteString: Hashable, Sendable {
    /// The bytes themselves, without a terminator.
    public var bytes: [UInt8]

    /// The empty string.
    public init() { bytes = [] }

    /// The bytes of a sequence, in order. Inlinable, because unspecialized generic code looks up conformances when it
    /// first runs: 70,000 instructions each in a static executable.
    @inlinable
    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    private init(owning bytes: [UInt8]) { self.bytes = bytes }

    /// The UTF-8 bytes of a Swift string.
    public init(_ string: String) { bytes = Array(string.utf8) }

    /// A number in decimal. Through a String it would cost ten times as many instructions.
    @inlinable
    public init(decimal number: some BinaryInteger) {
        var digits: [UInt8] = []
        var rest = number.magnitude
        repeat {
            digits.append(0x30 | UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        if number < 0 { digits.append(UInt8(ascii: "-")) }
        self.init(digits.reversed())
    }

    /// A copy of a C string.
    public init(cString: UnsafePointer<CChar>) {
        var length = 0
        while cString[length] != 0 { length += 1 }
        bytes = Array(UnsafeRawBufferPointer(start: cString, count: length))
    }

    /// Whether the string has no bytes.
    public var isEmpty: Bool { bytes.isEmpty }

    /// The number of bytes.
    public var count: Int { bytes.count }

    /// For people: invalid UTF-8 appears as U+FFFD. Never compare or execute this.
    public var lossy: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether the string begins with `prefix`.
    public func hasPrefix(_ prefix: ByteString) -> Bool { bytes.starts(with: prefix.bytes) }

    /// Whether the string ends with `suffix`.
    public func hasSuffix(_ suffix: ByteString) -> Bool {
        bytes.count >= suffix.bytes.count && bytes.suffix(suffix.bytes.count).elementsEqual(suffix.bytes)
    }

    /// The string without its first `count` bytes; empty if there are fewer.
    public func dropFirst(_ count: Int) -> ByteString { ByteString(bytes.dropFirst(max(0, count))) }

    /// The string without its last `count` bytes; empty if there are fewer.
    public func dropLast(_ count: Int) -> ByteString { ByteString(bytes.dropLast(max(0, count))) }

    /// At most the first `count` bytes.
    public func prefix(_ count: Int) -> ByteString { ByteString(bytes.prefix(max(0, count))) }

    /// At most the last `count` bytes.
    public func suffix(_ count: Int) -> ByteString { ByteString(bytes.suffix(max(0, count))) }

    /// Whether `byte` occurs.
    public func contains(_ byte: Character) -> Bool {
        guard let ascii = byte.asciiValue else { return false }
        return bytes.contains(ascii)
    }

    /// The range of the first occurrence of `part`.
    public func range(of part: ByteString) -> Range<Int>? {
        let needle = part.bytes
        guard !needle.isEmpty, needle.count <= bytes.count else { return needle.isEmpty ? 0..<0 : nil }
        // Where to continue after a match of this many bytes has failed (Knuth, Morris and Pratt), so that no byte is
        // looked at twice.
        var borders = [Int](repeating: 0, count: needle.count)
        var matched = 0
        for index in needle.indices.dropFirst() {
            while matched > 0, needle[index] != needle[matched] { matched = borders[matched - 1] }
            if needle[index] == needle[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for (index, byte) in bytes.enumerated() {
            while matched > 0, byte != needle[matched] { matched = borders[matched - 1] }
            if byte == needle[matched] { matched += 1 }
            if matched == needle.count { return (index + 1 - matched)..<(index + 1) }
        }
        return nil
    }

    /// The parts before and after the first `separator`; nil if there is none.
    public func cut(at separator: Character) -> (before: ByteString, after: ByteString)? {
        guard let ascii = separator.asciiValue, let index = bytes.firstIndex(of: ascii) else { return nil }
        return (ByteString(bytes[..<index]), ByteString(bytes[(index + 1)...]))
    }

    /// The parts before and after the last `separator`; nil if there is none.
    public func cutLast(at separator: Character) -> (before: ByteString, after: ByteString)? {
        guard let ascii = separator.asciiValue, let index = bytes.lastIndex(of: ascii) else { return nil }
        return (ByteString(bytes[..<index]), ByteString(bytes[(index + 1)...]))
    }

    /// The pieces between separators, empty ones included.
    public func split(_ separator: Character) -> [ByteString] {
        guard let ascii = separator.asciiValue else { return [self] }
        var pieces: [ByteString] = []
        var start = bytes.startIndex
        for index in bytes.indices where bytes[index] == ascii {
            pieces.append(ByteString(bytes[start..<index]))
            start = index + 1
        }
        pieces.append(ByteString(bytes[start...]))
        return pieces
    }

    /// The string without leading and trailing spaces, tabs, carriage returns and newlines.
    public var trimmed: ByteString {
        let blank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let first = bytes.firstIndex(where: { !blank($0) }), let last = bytes.lastIndex(where: { !blank($0) })
        else {
            return ByteString()
        }
        return ByteString(bytes[first...last])
    }

    /// ASCII capitals in lower case; every other byte unchanged.
    public var lowercasedASCII: ByteString { ByteString(bytes.map(\.smallASCII)) }

    /// ASCII small letters in upper case; every other byte unchanged.
    public var uppercasedASCII: ByteString { ByteString(bytes.map(\.capitalASCII)) }

    /// Whether it consists only of printable ASCII.
    public var isPrintableASCII: Bool { bytes.allSatisfy { (0x20...0x7E).contains($0) } }

    /// The number written in decimal digits; nil for anything else and on overflow.
    public var decimal: Int? {
        guard !bytes.isEmpty, bytes.allSatisfy(\.isDigit) else { return nil }
        return Int(lossy)
    }
}

extension ByteString: ExpressibleByStringLiteral, CustomStringConvertible, Comparable {
    /// The UTF-8 bytes of a literal, copied at once: going through a String costs ten times as many instructions.
    public init(stringLiteral value: StaticString) { bytes = value.withUTF8Buffer { Array($0) } }

    /// For people; see `lossy`.
    public var description: String { lossy }

    /// Order by bytes.
    public static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// Both strings, one after the other.
    public static func + (left: ByteString, right: ByteString) -> ByteString { ByteString(left.bytes + right.bytes) }

    /// Appends in place.
    public static func += (left: inout ByteString, right: ByteString) { left.bytes += right.bytes }
}

// MARK: - Paths

extension ByteString {
    /// `component` below this directory.
    public func appending(path component: ByteString) -> ByteString {
        var joined: [UInt8] = []
        joined.reserveCapacity(count + 1 + component.count)
        joined += bytes
        if joined.last != Self.slash { joined.append(Self.slash) }
        joined += component.bytes
        return ByteString(owning: joined)
    }

    /// This path resolved in `directory`, cleaned; an absolute path does not depend on it.
    public func absolute(in directory: ByteString) -> ByteString {
        (bytes.first == Self.slash ? self : directory.appending(path: self)).cleanedPath
    }

    /// The part after the last slash.
    public var lastPathComponent: ByteString { cutLast(at: "/")?.after ?? self }

    /// The part before the last slash: "/" for a name directly below it, "." for a bare name.
    public var parentPath: ByteString {
        guard let before = cutLast(at: "/")?.before else { return "." }
        return before.isEmpty ? "/" : before
    }

    /// The path without ".", ".." and double slashes, resolved by name alone, as in Go's filepath.Clean.
    public var cleanedPath: ByteString {
        if isCleanAbsolutePath { return self }
        let absolute = hasPrefix("/")
        var kept: [ByteString] = []
        for piece in split("/") where !piece.isEmpty && piece != "." {
            if piece != ".." {
                kept.append(piece)
            } else if let last = kept.last, last != ".." {
                kept.removeLast()
            } else if !absolute {
                kept.append(piece)
            }
        }
        let joined = kept.joined(separator: "/")
        if absolute { return "/" + joined }
        return joined.isEmpty ? "." : joined
    }

    /// Whether `cleanedPath` has nothing to do, which is the usual case.
    private var isCleanAbsolutePath: Bool {
        guard bytes.first == Self.slash else { return false }
        guard bytes.count > 1 else { return true }
        guard bytes.last != Self.slash else { return false }
        var start = 1
        for index in bytes.indices.dropFirst() where bytes[index] == Self.slash || index == bytes.count - 1 {
            let end = bytes[index] == Self.slash ? index : index + 1
            switch end - start {
            case 0: return false
            case 1 where bytes[start] == Self.dot: return false
            case 2 where bytes[start] == Self.dot && bytes[start + 1] == Self.dot: return false
            default: start = index + 1
            }
        }
        return true
    }

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")

    /// This path relative to `ancestor`, both absolute and clean; nil if it does not lie below it. "." if they are
    /// equal.
    public func relative(to ancestor: ByteString) -> ByteString? {
        // This is called for every mount and every row, so a negative answer must not copy anything.
        guard bytes.count >= ancestor.count, bytes.starts(with: ancestor.bytes) else { return nil }
        if bytes.count == ancestor.count { return "." }
        if ancestor.bytes.last == Self.slash { return dropFirst(ancestor.count) }
        return bytes[ancestor.count] == Self.slash ? dropFirst(ancestor.count + 1) : nil
    }
}

extension UInt8 {
    /// Whether it is an ASCII digit.
    @inlinable
    public var isDigit: Bool { (0x30...0x39).contains(self) }

    /// Whether it is an ASCII letter.
    @inlinable
    public var isLetter: Bool { (0x61...0x7A).contains(smallASCII) }

    /// An ASCII capital in lower case; any other byte unchanged.
    @inlinable
    public var smallASCII: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }

    /// An ASCII small letter in upper case; any other byte unchanged.
    @inlinable
    public var capitalASCII: UInt8 { (0x61...0x7A).contains(self) ? self & 0xDF : self }
}

extension Sequence where Element: Hashable {
    /// The elements in order, each only where it occurs first.
    @inlinable
    public var withoutRepeats: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}

extension Collection<ByteString> {
    /// All strings with `separator` between them.
    @inlinable
    public func joined(separator: ByteString) -> ByteString {
        var result: [UInt8] = []
        result.reserveCapacity(reduce(0) { $0 &+ $1.count &+ separator.count })
        for (index, piece) in enumerated() {
            if index > 0 { result += separator.bytes }
            result += piece.bytes
        }
        return ByteString(result)
    }
}
