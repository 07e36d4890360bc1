/// What SHA-1 and SHA-256 have in common (FIPS 180-4, 5.1.1 and 6): both process blocks of 64 bytes, and the last block
/// ends with the length in bits.
public protocol BlockHash {
    /// The hash of no bytes yet.
    init()
    /// The bytes that do not fill a block yet, and how many there were in all.
    var input: BlockInput { get set }
    /// The state, in the order of the digest.
    var words: [UInt32] { get }
    /// Processes whole blocks.
    mutating func absorb(_ blocks: UnsafeBufferPointer<UInt8>)
}

/// The input of a hash beyond the last whole block.
public struct BlockInput {
    fileprivate var pending: [UInt8] = []
    fileprivate var length: UInt64 = 0

    init() {}
}

extension BlockHash {
    /// The digest of a whole string.
    public static func digest(of data: ByteString) -> [UInt8] {
        var hash = Self()
        hash.update(data.bytes)
        return hash.digest()
    }

    /// The digest of a whole string, in hexadecimal digits.
    public static func hexDigest(of data: ByteString) -> ByteString { Hex.digits(of: digest(of: data)) }

    /// Adds bytes, of any length: for data too long to hold at once.
    public mutating func update(_ bytes: [UInt8]) {
        input.length &+= UInt64(bytes.count)
        let all = input.pending.isEmpty ? bytes : input.pending + bytes
        let tail = all.count % 64
        all.withUnsafeBufferPointer { absorb(UnsafeBufferPointer(rebasing: $0[..<(all.count - tail)])) }
        input.pending = Array(all.suffix(tail))
    }

    /// The digest of all bytes added.
    public consuming func digest() -> [UInt8] {
        var rest = input.pending + [0x80]
        while rest.count % 64 != 56 { rest.append(0) }
        let bits = input.length &* 8
        for shift in stride(from: 56, through: 0, by: -8) {
            rest.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        rest.withUnsafeBufferPointer { absorb($0) }
        return words.flatMap { word in
            stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    /// The digest of all bytes added, in hexadecimal digits.
    public consuming func hexDigest() -> ByteString { Hex.digits(of: digest()) }

    /// The sixteen words of a block, to which a schedule of rounds is extended.
    static func read(
        _ block: Int, of blocks: UnsafeBufferPointer<UInt8>, into schedule: UnsafeMutableBufferPointer<UInt32>
    ) {
        for word in 0..<16 {
            let at = block + word * 4
            schedule[word] =
                UInt32(blocks[at]) << 24 | UInt32(blocks[at + 1]) << 16
                | UInt32(blocks[at + 2]) << 8 | UInt32(blocks[at + 3])
        }
    }
}
