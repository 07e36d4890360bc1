internal import Formats

/// Turns any text into a safe name on disk: small letters, digits, dot, underscore and dash, so that a branch
/// called "../../x\n" is as harmless as any other. The digest beside the slug keeps names apart that have the
/// same slug.
enum Slug {
    /// At most `limit` bytes of `[a-z0-9._-]`, never empty, never starting with a dot.
    static func of(_ text: ByteString, limit: Int = 40) -> ByteString {
        var slug: [UInt8] = []
        for byte in text.lowercasedASCII.bytes where slug.count < limit {
            let keeps = byte.isLetter || byte.isDigit || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            if keeps {
                slug.append(byte)
            } else if slug.last != UInt8(ascii: "-") {
                slug.append(UInt8(ascii: "-"))
            }
        }
        while let first = slug.first, first == UInt8(ascii: ".") || first == UInt8(ascii: "-") { slug.removeFirst() }
        while slug.last == UInt8(ascii: "-") { slug.removeLast() }
        return slug.isEmpty ? "x" : ByteString(slug)
    }

    /// The first digits of a text's SHA-256. `digits` is part of the caller's on-disk format.
    static func tag(of text: ByteString, digits: Int) -> ByteString { SHA256.hexDigest(of: text).prefix(digits) }
}
