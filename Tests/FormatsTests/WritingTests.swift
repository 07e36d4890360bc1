import Formats
import Testing

@Suite("Writing")
struct WritingTests {
    @Test("Columns: padded, never truncated")
    func columns() {
        #expect(ByteString("ab").padded(to: 4) == "ab  " && ByteString("ab").padded(left: 4) == "  ab")
        #expect(ByteString("7").zeroPadded(to: 3) == "007" && ByteString("1234").zeroPadded(to: 3) == "1234")
        #expect(ByteString("ab").padded(to: 1) == "ab" && ByteString("ab").padded(left: -1) == "ab")
        #expect(ByteString(octal: 0o22) == "0022" && ByteString(octal: 0o40755) == "40755")
    }

    @Test(
        "One word for a shell",
        arguments: [
            ("", "''"), ("/a-b_c.d:e", "/a-b_c.d:e"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$x", "'$x'"),
            ("a\n'\u{1B}", "$'a\\n\\'\\x1b'"),
        ] as [(ByteString, ByteString)])
    func quoting(_ text: ByteString, _ quoted: ByteString) { #expect(text.shellQuoted == quoted) }

    @Test("Addresses: all characters but the unreserved ones are escaped")
    func addresses() { #expect(ByteString("a/B-._~9 %\u{E9}").percentEncoded == "a%2FB-._~9%20%25%C3%A9") }

    @Test("Capitals, repeats, and paths in a directory")
    func others() {
        #expect(ByteString("aZ\u{E9}1_").uppercasedASCII == "AZ\u{E9}1_")
        #expect([3, 1, 3, 2, 1].withoutRepeats == [3, 1, 2])
        #expect(ByteString("../b/./c").absolute(in: "/a") == "/b/c" && ByteString("/x/").absolute(in: "/a") == "/x")
    }
}
