import Formats
import Testing

@Suite("SHA-1")
struct SHA1Tests {
    @Test(
        "The standard's own examples",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            // git hash-object of an empty file, and of "hello\n".
            ("blob 0\0", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            ("blob 6\0hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
        ])
    func vectors(text: String, digits: String) {
        #expect(Hex.digits(of: SHA1.digest(of: ByteString(text))).lossy == digits)
    }

    @Test("A million times the letter a")
    func million() {
        var hash = SHA1()
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        for _ in 0..<1000 { hash.update(piece) }
        #expect(Hex.digits(of: hash.digest()) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    }

    @Test("Pieces of any length give the same digest")
    func pieces() {
        let whole = ByteString((0..<1000).map { UInt8(truncatingIfNeeded: $0) })
        for length in [1, 7, 55, 56, 63, 64, 65, 128, 999] {
            var hash = SHA1()
            var rest = whole
            while !rest.isEmpty {
                hash.update(rest.prefix(length).bytes)
                rest = rest.dropFirst(length)
            }
            #expect(hash.digest() == SHA1.digest(of: whole), "pieces of \(length)")
        }
    }
}
