/// A SHA-256 digest as four numbers, because a store has a hundred thousand of them.
public struct Digest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    private static let algorithm: ByteString = "sha256:"

    /// From "sha256:" and 64 lower-case hexadecimal digits; nil for anything else. Only this algorithm and case: a
    /// name of another form could lead out of a pool.
    public init?(_ name: ByteString) {
        guard name.hasPrefix(Self.algorithm) else { return nil }
        self.init(hex: name.bytes[Self.algorithm.count...])
    }

    /// From 64 lower-case hexadecimal digits; nil for anything else.
    @inlinable
    public init?(hex digits: some RandomAccessCollection<UInt8>) {
        guard digits.count == 64 else { return nil }
        var words = SIMD4<UInt64>()
        var index = 0
        for byte in digits {
            let value: UInt8
            switch byte {
            case 0x30...0x39: value = byte & 0x0F
            case 0x61...0x66: value = byte - 0x57
            default: return nil
            }
            words[index >> 4] = words[index >> 4] << 4 | UInt64(value)
            index += 1
        }
        self.init(words: words)
    }

    /// The digest of a text.
    public init(of text: ByteString) {
        var hash = SHA256()
        hash.update(text.bytes)
        self.init(hash)
    }

    /// The digest of what has been added to a hash.
    public init(_ hash: consuming SHA256) {
        var words = SIMD4<UInt64>()
        for (index, byte) in hash.digest().enumerated() where index < 32 {
            words[index >> 3] = words[index >> 3] << 8 | UInt64(byte)
        }
        self.init(words: words)
    }

    @usableFromInline
    init(words: SIMD4<UInt64>) { self.words = words }

    /// In an honest digest each of the four words is as good as random.
    public subscript(word index: Int) -> UInt64 { words[index & 3] }

    /// The 64 digits.
    public var hex: ByteString {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        write(to: &digits)
        return ByteString(digits)
    }

    /// "sha256:" and the 64 digits, as in manifests.
    public var name: ByteString { Self.algorithm + hex }

    /// Appends the 64 digits.
    public func write(to out: inout [UInt8]) {
        for index in 0..<4 {
            var word = words[index]
            for _ in 0..<16 {
                word = word << 4 | word >> 60
                let digit = UInt8(truncatingIfNeeded: word & 0x0F)
                out.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }
}

extension Digest: Comparable {
    /// Order by the digits.
    public static func < (left: Digest, right: Digest) -> Bool {
        for index in 0..<4 where left.words[index] != right.words[index] {
            return left.words[index] < right.words[index]
        }
        return false
    }
}
