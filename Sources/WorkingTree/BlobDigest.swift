internal import Formats

/// git's name for a content: the digest of its type, its size and its bytes.
struct BlobDigest {
    private var short = SHA1()
    private var long = SHA256()
    private let isLong: Bool

    init(size: Int, isLong: Bool) {
        self.isLong = isLong
        update(ByteString("blob ").bytes + ByteString(decimal: size).bytes + [0])
    }

    mutating func update(_ piece: [UInt8]) {
        if isLong { long.update(piece) } else { short.update(piece) }
    }

    mutating func digest() -> [UInt8] { isLong ? Array(long.digest()) : Array(short.digest()) }
}
