/// git's name for an object: 20 bytes of SHA-1, or 32 of SHA-256. A value without heap storage, because each entry of
/// an index has one.
public struct ObjectName: Equatable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)
    private let count: Int

    /// From the big-endian four-byte numbers by which an index stores it.
    init(_ format: GitIndex.ObjectFormat, next: () throws(GitIndex.IndexError) -> UInt32) throws(GitIndex.IndexError) {
        count = format.rawValue
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        words.0 = UInt64(try next()) << 32 | UInt64(try next())
        words.1 = UInt64(try next()) << 32 | UInt64(try next())
        words.2 = UInt64(try next()) << 32
        if format == .sha256 {
            words.2 |= UInt64(try next())
            words.3 = UInt64(try next()) << 32 | UInt64(try next())
        }
        self.words = words
    }

    /// The first eight bytes.
    public var start: UInt64 { words.0 }

    /// All bytes.
    public var bytes: [UInt8] {
        let all = [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
        return Array(all.prefix(count))
    }

    /// Whether they name the same object.
    public static func == (one: Self, other: Self) -> Bool { one.words == other.words && one.count == other.count }
}
