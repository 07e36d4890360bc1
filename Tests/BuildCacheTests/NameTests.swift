import Formats
import TestSupport
import Testing

@testable import BuildCache

@Suite("Names on disk")
struct NameTests {
    @Test(
        "Slugs",
        arguments: [
            ("app", "app"), ("My App", "my-app"), ("feature/x", "feature-x"), ("a.b_c-d", "a.b_c-d"), ("", "x"),
            ("/", "x"),
            ("../../x\n", "x"), (".git", "git"), ("..", "x"), ("-a-", "a"), ("a//--b", "a-b"), ("\u{E9}", "x"),
            ("a\u{E9}b", "a-b"), ("\0", "x"), ("....a", "a"), (".-.a", "a"),
        ] as [(ByteString, ByteString)])
    func slugs(_ text: ByteString, _ slug: ByteString) {
        #expect(Slug.of(text) == slug)
    }

    @Test("The slug of any text is a valid name of at most 40 bytes", arguments: 1...4 as ClosedRange<UInt64>)
    func anySlug(seed: UInt64) {
        var generator = Repeatable(seed: seed)
        let allowed = Set(ByteString("abcdefghijklmnopqrstuvwxyz0123456789._-").bytes)
        for _ in 0..<2_000 {
            let slug = Slug.of(ByteString(generator.bytes(upTo: 120)))
            #expect((1...40).contains(slug.count))
            #expect(slug.bytes.allSatisfy(allowed.contains))
            #expect(!slug.hasPrefix(".") && !slug.hasPrefix("-") && !slug.hasSuffix("-"))
            #expect(Slug.of(slug) == slug)
        }
        #expect(Slug.of(ByteString("a").repeated(250)).count == 40)
    }

    @Test("Branches with the same slug are still distinguished")
    func branches() {
        let names: [ByteString] = ["a/b", "a-b", "A/b", "a//b", "a/b\n", ""]
        #expect(Set(names.map(Variant.tag(ofBranch:))).count == names.count)
        #expect(Variant.tag(ofBranch: "main") == "main.0d6e4079")
    }

    @Test(
        "The name of an export can be read back",
        arguments: ["main", "a.b-c.d", "feature/x", "", "..", "x\n", "-"] as [ByteString],
        [0, 1, 1_700_000_000, 0xFF_FFFF_FFFF] as [Int64])
    func roundTrip(_ branch: ByteString, _ started: Int64) {
        let name = ExportName(
            variant: Variant(branch: branch, arguments: ["A=1"]), started: started, random: "0123456789abcdef")
        #expect(ExportName(name.text) == name)
        #expect(name.text.count <= 81)
        #expect(!name.text.hasPrefix(".") && !name.text.contains("/"))
        // As a reader of many names takes them from their ends.
        #expect(ExportName.number(of: name.text) == 0x0123_4567_89AB_CDEF)
        #expect(ExportName.started(name.text) == started)
    }

    @Test(
        "Of a foreign name neither number nor time are read",
        arguments: [
            "", "-0123456789abcdef", "a_0123456789abcdef", "a-0123456789abcdeg", "a-0123456789abcdef0",
            "abcdefghijklmnopqrstuvwxyz_0123456789abcdef",
        ] as [ByteString])
    func otherNames(_ name: ByteString) {
        #expect(ExportName.number(of: name) == nil)
        #expect(ExportName.started(name) == 0)
    }

    @Test("Number and time stand at the end, whatever is before them")
    func shortest() {
        #expect(ExportName.started(".00000000ff-0123456789abcdef") == 255)
        #expect(ExportName.started("00000000ff-0123456789abcdef") == 0, "a name has something before the time")
    }

    @Test("A clock out of range still makes a name", arguments: [Int64.min, -1, 0x100_0000_0001, .max])
    func oddClocks(_ started: Int64) {
        let name = ExportName(
            variant: Variant(branch: "b", arguments: []), started: started, random: "0123456789abcdef")
        #expect(ExportName(name.text) != nil)
    }

    @Test(
        "Foreign names",
        arguments: [
            "", "key.json", ".", "main.0d6e4079.abc.0065533f80-0123456789abcde",
            "0d6e4079.abc.0065533f80-0123456789abcdef",
            "main.0d6e4079.ab.0065533f80-0123456789abcdef", "main.0d6e4079.abc.065533f80-0123456789abcdef",
            "main.0d6e4079.abc.+065533f80-0123456789abcdef", "main.0d6e4079.abc.-065533f80-0123456789abcdef",
            "main.0d6e4079.abc.0065533F80-0123456789abcdef", "main.0d6e4079.abc.0065533fg0-0123456789abcdef",
            "main.0d6e4079.xyz.0065533f80-0123456789abcdef", "main.0d6e4079.abc.0065533f80-0123456789abcdeg",
            "main.0d6e4079.abc.0065533f80", "main.0d6e4079.abc.0065533f80-0123456789abcdef-",
        ] as [ByteString])
    func foreign(_ name: ByteString) {
        #expect(ExportName(name) == nil)
        #expect(ExportName("main.0d6e4079.abc.0065533f80-0123456789abcdef") != nil)
    }

    @Test(
        "A store's path",
        arguments: [
            ("/a/store", "/a/store"), ("/a/../store//", "/store"), ("/", "/"), ("/a,b \"c\"", "/a,b \"c\""), ("", nil),
            ("store", nil), ("./store", nil), ("/a\nb", nil), ("/a\u{7F}", nil), ("/a\0", nil), ("/\u{E9}", nil),
        ] as [(ByteString, ByteString?)])
    func roots(_ path: ByteString, _ root: ByteString?) {
        #expect(StoreLayout(root: path)?.root == root)
        #expect(StoreLayout(root: ByteString([0x2F, 0xFF])) == nil)
    }

    @Test("Paths in a store")
    func layout() throws {
        let layout = try #require(StoreLayout(root: "/s"))
        #expect(layout.format == "/s/v1")
        #expect(layout.subStore(of: 0) == "/s/v1/u0")
        #expect(layout.subStore(of: .max) == "/s/v1/u4294967295")
    }

    @Test(
        "Our own paths are recognized",
        arguments: [
            ("/s/v1/u0/gen-000001", true), ("/s/v1/u0/gen-000001/exports/k/i", true), ("/v1/u0/gen-000001", true),
            ("v1/u1000/gen-999999/", true), ("/v1/v1/u0/gen-000001", true), ("/s/v1/u0", false),
            ("/s/v1/u0/current", false),
            ("/s/v1/u/gen-000001", false), ("/s/v1/ux/gen-000001", false), ("/s/v1/u0/gen-00001", false),
            ("/s/v2/u0/gen-000001", false), ("/s/v1/u0/x/gen-000001", false), ("", false), ("/", false),
        ] as [(ByteString, Bool)])
    func inGeneration(_ path: ByteString, _ expected: Bool) {
        #expect(StoreLayout.isInGeneration(path) == expected)
    }
}
