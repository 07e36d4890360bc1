internal import Formats

/// git's name for a content: the digest of its type, its size and its bytes.
struct BlobDigest {
    private var hash: any BlockHash

    init(size: Int, isLong: Bool) {
        hash = isLong ? SHA256() : SHA1()
        update(ByteString("blob ").bytes + ByteString(decimal: size).bytes + [0])
    }

    mutating func update(_ piece: [UInt8]) {
        hash.update(piece)
    }

    func digest() -> [UInt8] { hash.digest() }
}
