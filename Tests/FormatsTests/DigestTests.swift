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

    @Test("The digest of a text is its SHA-256, at once or in pieces")
    func texts() {
        #expect(Digest(of: "abc").hex == SHA256.hexDigest(of: "abc"))
        var hash = SHA256()
        for piece in ["a", "", "bc"] as [ByteString] { hash.update(piece.bytes) }
        #expect(Digest(hash) == Digest(of: "abc"))
    }
}
