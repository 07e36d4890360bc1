import Formats
import TestSupport
import Testing

@Suite("Digests of blobs")
struct DigestTests {
    @Test(
        "Only SHA-256 in 64 lower-case digits names a blob",
        arguments: [
            ("sha256:" + ByteString("0a").repeated(32), true), ("sha256:" + ByteString("0A").repeated(32), false),
            ("sha256:" + ByteString("0a").repeated(31), false), ("sha256:" + ByteString("0a").repeated(33), false),
            ("sha256:" + ByteString("../").repeated(21) + "x", false), (ByteString("0a").repeated(32), false),
            ("sha512:" + ByteString("0a").repeated(32), false), ("", false), ("sha256:", false),
        ] as [(ByteString, Bool)])
    func names(_ text: ByteString, _ isOne: Bool) {
        #expect(Digest(text)?.name == (isOne ? text : nil))
        #expect(!isOne || Digest(hex: text.dropFirst(7).bytes) == Digest(text))
    }

    @Test("Their order is that of their digits")
    func order() throws {
        let names: [ByteString] = ["0a", "0b", "a0", "ff"].map { ByteString($0).repeated(32) }
        let last = ByteString("0a").repeated(31)
        let digests = try ([last + "09"] + names + [ByteString("ff").repeated(31) + "fe"]).map {
            try #require(Digest(hex: $0.bytes))
        }
        #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
        for digest in digests { #expect(!(digest < digest)) }
    }

    @Test("Its four words are sixteen digits each")
    func words() throws {
        let digits = ["0123456789abcdef", "fedcba9876543210", "0000000000000001", "8000000000000000"]
        let digest = try #require(Digest(hex: Array(digits.joined().utf8)))
        #expect((0..<4).map { digest[word: $0] } == digits.map { UInt64($0, radix: 16) })
    }

    @Test("The digest of a text is its SHA-256, at once or in pieces")
    func texts() {
        #expect(Digest(of: "abc").hex == SHA256.hexDigest(of: "abc"))
        var hash = SHA256()
        for piece in ["a", "", "bc"] as [ByteString] { hash.update(piece.bytes) }
        #expect(Digest(hash) == Digest(of: "abc"))
    }
}
