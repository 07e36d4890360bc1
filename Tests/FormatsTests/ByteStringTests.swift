import Formats
import Testing

@Suite("Byte strings")
struct ByteStringTests {
    @Test("A C string is copied up to its NUL")
    func cString() {
        let bytes: [CChar] = [0x61, -1, 0, 0x62]
        let copy = bytes.withUnsafeBufferPointer { $0.baseAddress.map { ByteString(cString: $0) } }
        #expect(copy?.bytes == [0x61, 0xFF])
    }

    @Test("Numbers in decimal", arguments: [0, 7, -7, 10, 99, 100, 1_234_567_890, .min, .max] as [Int])
    func decimals(_ number: Int) {
        #expect(ByteString(decimal: number).lossy == String(number))
        #expect(ByteString(decimal: UInt64(bitPattern: Int64(number))).lossy == String(UInt(bitPattern: number)))
        #expect(ByteString(decimal: Int8(truncatingIfNeeded: number)).lossy == String(Int8(truncatingIfNeeded: number)))
        #expect(JSON.integer(number).text.lossy == String(number))
    }

    @Test(
        "Truth values are Go's",
        arguments: [
            ("1 t T TRUE true True", true), ("0 f F FALSE false False", false), ("yes no tRUE 01 2 on", nil),
        ] as [(ByteString, Bool?)])
    func truth(_ texts: ByteString, _ value: Bool?) {
        for text in texts.split(" ") { #expect(Bool(goText: text) == value) }
        #expect(Bool(goText: "") == nil)
    }

    @Test("Bytes that are not UTF-8 are kept, shown as U+FFFD, and are not text")
    func invalidUTF8() {
        let text = ByteString([0x61, 0xFF, 0x62])
        #expect(text.lossy == "a\u{FFFD}b")
        #expect(text.bytes == [0x61, 0xFF, 0x62])
    }

    @Test("Equality is by bytes: Swift's Strings would call these equal")
    func equality() {
        #expect(ByteString("\u{E9}") != ByteString("e\u{301}"))
        #expect("\u{E9}" == "e\u{301}")
    }

    @Test(
        "Prefix and suffix",
        arguments: [
            ("abc", "", true, true), ("abc", "a", true, false), ("abc", "c", false, true), ("abc", "abc", true, true),
            ("abc", "abcd", false, false), ("", "", true, true), ("", "a", false, false),
        ] as [(ByteString, ByteString, Bool, Bool)])
    func ends(_ text: ByteString, _ end: ByteString, _ isPrefix: Bool, _ isSuffix: Bool) {
        #expect(text.hasPrefix(end) == isPrefix)
        #expect(text.hasSuffix(end) == isSuffix)
    }

    @Test(
        "Cutting off more than there is, or a negative number, is not an error",
        arguments: [-1, 0, 2, 3, 4, Int.max, Int.min])
    func counts(_ count: Int) {
        let text: ByteString = "abc"
        let kept = max(0, min(3, count))
        #expect(text.prefix(count).count == kept)
        #expect(text.suffix(count).count == kept)
        #expect(text.dropFirst(count).count == 3 - kept)
        #expect(text.dropLast(count).count == 3 - kept)
    }

    @Test(
        "The first occurrence of a part",
        arguments: [
            ("", "", 0..<0), ("abc", "", 0..<0), ("abc", "bc", 1..<3), ("abab", "ab", 0..<2), ("abc", "abc", 0..<3),
            ("aab", "ab", 1..<3), ("aabaabaaab", "aabaaab", 3..<10), ("ababac", "abac", 2..<6), ("abc", "x", nil),
            ("ab", "abc", nil), ("", "a", nil),
        ] as [(ByteString, ByteString, Range<Int>?)])
    func range(_ text: ByteString, _ part: ByteString, _ expected: Range<Int>?) {
        #expect(text.range(of: part) == expected)
    }

    @Test("The first occurrence of a part is where a search at each place finds it")
    func everyRange() {
        /// All words of two letters with this many letters.
        func words(_ count: Int) -> [ByteString] {
            (0..<1 << count).map { number in ByteString((0..<count).map { number >> $0 & 1 == 0 ? 0x61 : 0x62 }) }
        }
        let parts = (1...4).flatMap(words)
        for text in (0...7).flatMap(words) {
            for part in parts {
                let first = text.bytes.indices.first { text.bytes[$0...].starts(with: part.bytes) }
                #expect(text.range(of: part) == first.map { $0..<$0 + part.count }, "\(part) in \(text)")
            }
        }
    }

    @Test(
        "Cutting in two",
        arguments: [
            ("a=b", ["a", "b"], ["a", "b"]), ("a=b=c", ["a", "b=c"], ["a=b", "c"]), ("=", ["", ""], ["", ""]),
            ("a=", ["a", ""], ["a", ""]), ("=b", ["", "b"], ["", "b"]), ("ab", [], []), ("", [], []),
        ] as [(ByteString, [ByteString], [ByteString])])
    func cut(_ text: ByteString, _ first: [ByteString], _ last: [ByteString]) {
        #expect((text.cut(at: "=").map { [$0.before, $0.after] } ?? []) == first)
        #expect((text.cutLast(at: "=").map { [$0.before, $0.after] } ?? []) == last)
    }

    @Test(
        "Splitting keeps empty pieces",
        arguments: [("", [""]), (",", ["", ""]), ("a,,b", ["a", "", "b"]), ("a", ["a"]), ("a,", ["a", ""])]
            as [(ByteString, [ByteString])])
    func split(_ text: ByteString, _ pieces: [ByteString]) {
        #expect(text.split(",") == pieces)
        #expect(pieces.joined(separator: ",") == text)
    }

    @Test("A separator beyond ASCII separates nothing")
    func separatorBeyondASCII() {
        let text: ByteString = "a\u{E9}b"
        #expect(text.split("\u{E9}") == [text])
        #expect(text.cut(at: "\u{E9}") == nil)
        #expect(text.cutLast(at: "\u{E9}") == nil)
        #expect(!text.contains("\u{E9}"))
    }

    @Test(
        "Blanks at both ends",
        arguments: [("", ""), (" \t\r\n", ""), (" a b\t", "a b"), ("a", "a"), ("\u{A0}a", "\u{A0}a"), ("\0a ", "\0a")]
            as [(ByteString, ByteString)])
    func trimmed(_ text: ByteString, _ expected: ByteString) {
        #expect(text.trimmed == expected)
    }

    @Test("Only ASCII capitals become lower case")
    func lowercased() {
        let all = ByteString(UInt8.min...UInt8.max)
        let changed = zip(all.bytes, all.lowercasedASCII.bytes).filter { $0 != $1 }
        #expect(ByteString(changed.map(\.0)) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        #expect(ByteString(changed.map(\.1)) == "abcdefghijklmnopqrstuvwxyz")
    }

    @Test("Printable ASCII", arguments: UInt8.min...UInt8.max)
    func printableASCII(_ byte: UInt8) {
        #expect(ByteString([0x61, byte]).isPrintableASCII == (byte >= 0x20 && byte < 0x7F))
    }

    @Test(
        "Decimal numbers",
        arguments: [
            ("0", 0), ("007", 7), ("9223372036854775807", .max), ("9223372036854775808", nil), ("", nil), ("-1", nil),
            ("+1", nil), (" 1", nil), ("1 ", nil), ("0x1", nil), ("1_0", nil), ("\u{FF11}", nil),
        ] as [(ByteString, Int?)])
    func decimal(_ text: ByteString, _ number: Int?) {
        #expect(text.decimal == number)
    }

    @Test("Order is by bytes")
    func order() {
        let sorted: [ByteString] = ["", "A", "a", "a\0", "aa", "b", ByteString([0xFF])]
        #expect(sorted.shuffled().sorted() == sorted)
    }
}

@Suite("Paths by name alone")
struct PathTests {
    /// Go 1.22 path/filepath path_test.go, cleantests and nonwincleantests.
    @Test(
        "Cleaned as Go's filepath.Clean does",
        arguments: [
            ("abc", "abc"), ("abc/def", "abc/def"), ("a/b/c", "a/b/c"), (".", "."), ("..", ".."), ("../..", "../.."),
            ("../../abc", "../../abc"), ("/abc", "/abc"), ("/", "/"), ("", "."), ("abc/", "abc"),
            ("abc/def/", "abc/def"), ("a/b/c/", "a/b/c"), ("./", "."), ("../", ".."), ("../../", "../.."),
            ("/abc/", "/abc"), ("abc//def//ghi", "abc/def/ghi"), ("abc//", "abc"), ("abc/./def", "abc/def"),
            ("/./abc/def", "/abc/def"), ("abc/.", "abc"), ("abc/def/ghi/../jkl", "abc/def/jkl"),
            ("abc/def/../ghi/../jkl", "abc/jkl"), ("abc/def/..", "abc"), ("abc/def/../..", "."),
            ("/abc/def/../..", "/"),
            ("abc/def/../../..", ".."), ("/abc/def/../../..", "/"),
            ("abc/def/../../../ghi/jkl/../../../mno", "../../mno"),
            ("/../abc", "/abc"), ("/a//bc", "/a/bc"), ("a/../b:/../../c", "../c"), ("abc/./../def", "def"),
            ("abc//./../def", "def"),
            ("abc/../../././../def", "../../def"), ("//abc", "/abc"), ("///abc", "/abc"), ("//abc//", "/abc"),
            ("...", "..."), ("a/.../b", "a/.../b"), ("/..", "/"),
            // Absolute ones that end with a part to remove, or with one that only looks so.
            ("/.", "/"), ("/./", "/"), ("//", "/"), ("/a/.", "/a"), ("/a/..", "/"), ("/a/../", "/"), ("/.a", "/.a"),
            ("/..a", "/..a"), ("/a.", "/a."), ("/a..", "/a.."), ("/...", "/..."), ("/a", "/a"),
        ] as [(ByteString, ByteString)])
    func cleaned(_ path: ByteString, _ expected: ByteString) {
        #expect(path.cleanedPath == expected)
        #expect(expected.cleanedPath == expected)
    }

    @Test(
        "Parent and last component",
        arguments: [
            ("/a/b", "/a", "b"), ("/a", "/", "a"), ("/", "/", ""), ("a", ".", "a"), ("a/b", "a", "b"), ("", ".", ""),
            ("a/", "a", ""),
        ] as [(ByteString, ByteString, ByteString)])
    func parts(_ path: ByteString, _ parent: ByteString, _ last: ByteString) {
        #expect(path.parentPath == parent)
        #expect(path.lastPathComponent == last)
    }

    @Test("Appending puts one slash in between")
    func appending() {
        #expect(ByteString("/a").appending(path: "b") == "/a/b")
        #expect(ByteString("/a/").appending(path: "b") == "/a/b")
        #expect(ByteString("/").appending(path: "b") == "/b")
    }

    @Test(
        "Relative to another directory",
        arguments: [
            ("/a/b", "/a", "b"), ("/a/b/c", "/a", "b/c"), ("/a", "/a", "."), ("/a", "/", "a"), ("/", "/", "."),
            ("/ab", "/a", nil), ("/a", "/a/b", nil), ("/b", "/a", nil),
        ] as [(ByteString, ByteString, ByteString?)])
    func relative(_ path: ByteString, _ ancestor: ByteString, _ expected: ByteString?) {
        #expect(path.relative(to: ancestor) == expected)
    }
}
