import Foundation
import TestSupport
import Testing

@testable import Formats

@Suite("SHA-256")
struct SHA256Tests {
    /// Example values of FIPS 180-4 and NIST.
    @Test(
        "The standard's own examples",
        arguments: [
            ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
                    + "nopqrstu", 1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
            ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ] as [(ByteString, Int, ByteString)])
    func examples(_ text: ByteString, _ times: Int, _ digest: ByteString) {
        #expect(SHA256.hexDigest(of: text.repeated(times)) == digest)
    }

    /// sha256.txt contains the output of sha256sum for the bytes `(7i + n) mod 256`, for each length n from 0 to 200:
    /// every position of the padding in and around a block.
    @Test("Every length up to 200")
    func lengths() throws {
        let file = try #require(Bundle.module.url(forResource: "sha256", withExtension: "txt"))
        let digests = ByteString(try Data(contentsOf: file)).split("\n")
        for length in 0...200 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + length) }
            #expect(SHA256.hexDigest(of: ByteString(bytes)) == digests[length], "\(length) bytes")
        }
    }

    @Test("In pieces is the same as at once", arguments: [1, 3, 63, 64, 65, 1000])
    func pieces(_ size: Int) {
        for length in [0, 1, 63, 64, 65, 128, 1000] {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7) }
            var hash = SHA256()
            for start in stride(from: 0, to: length, by: size) {
                hash.update(Array(bytes[start..<min(start + size, length)]))
            }
            #expect(hash.hexDigest() == SHA256.hexDigest(of: ByteString(bytes)))
        }
    }

    @Test("With the processor's own instructions and without them")
    func instructions() {
        var numbers = SystemRandomNumberGenerator()
        for length in [0, 1, 55, 56, 63, 64, 65, 127, 128, 4096, 100_001] {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &numbers) }
            var (byHand, own) = (SHA256(), SHA256())
            byHand.usesInstructions = false
            byHand.update(bytes)
            own.update(bytes)
            #expect(byHand.hexDigest() == own.hexDigest(), "\(length) bytes")
        }
    }

    @Test("A digest is 32 bytes, its text their digits")
    func digits() {
        let digest = SHA256.digest(of: "x")
        #expect(digest.count == 32)
        #expect(Hex.digits(of: digest) == SHA256.hexDigest(of: "x"))
    }
}

@Suite("Hexadecimal digits")
struct HexTests {
    @Test("Two lower-case digits for each byte")
    func digits() {
        #expect(Hex.digits(of: []) == "")
        #expect(Hex.digits(of: [0x00, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
    }

    @Test("The value of every byte that is a digit, and of no other", arguments: UInt8.min...UInt8.max)
    func values(_ byte: UInt8) {
        let isASCII = byte < 0x80
        let expected = isASCII ? Character(Unicode.Scalar(byte)).hexDigitValue : nil
        #expect(Hex.value(of: byte).map(Int.init) == expected)
    }
}
