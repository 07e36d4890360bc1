import Formats
import Synchronization
import TestSupport
import Testing

@Suite("JSON, read strictly")
struct JSONTests {
    @Test(
        "Valid values",
        arguments: [
            ("null", .null), ("true", .bool(true)), ("false", .bool(false)), (" \t\r\n[ ] ", .array([])),
            ("{ }", .object([:])), ("\"\"", .string("")), ("0", .number("0")), ("-0", .number("-0")),
            ("-12.50e+3", .number("-12.50e+3")), ("1E-2", .number("1E-2")),
            ("[1 , 2]", .array([.number("1"), .number("2")])),
            ("{\"a\" : {\"b\":[]}}", .object(["a": .object(["b": .array([])])])),
            ("{ \"a\" : 1 ,\n \"b\" : 2 }", .object(["a": .number("1"), "b": .number("2")])),
        ] as [(ByteString, JSON)])
    func values(_ text: ByteString, _ value: JSON) {
        #expect(JSON(text) == value)
    }

    @Test(
        "Invalid values",
        arguments: [
            "", " ", "nul", "nulll", "True", "TRUE", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+",
            "0x10", "1_000", "1 2", "[1,]", "[,1]", "[1 2]", "[1;2]", "[", "]", "{", "}", "{a:1}", "{'a':1}", "{\"a\"}",
            "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{1:2}", "\"", "\"a", "'a'", "\"\\\"", "\"\\x\"",
            "\"\\u12\"", "\"\\u12G4\"", "\"\\U0041\"", "\"a\nb\"", "\"a\tb\"", "\"\0\"", "// c\n1", "/**/1", "1//c",
            "\u{FEFF}1", "[]]", "{}{}", "null\0",
        ] as [ByteString])
    func nothing(_ text: ByteString) {
        #expect(JSON(text) == nil)
    }

    private static let sample: ByteString = """
        {"schemaVersion":2,"neg":-1.5e-3,"t":true,"n":null,"manifests":[{"digest":"sha256:\\u0061\\ud83d\\ude00","size":1}]}
        """

    @Test("There is no value if time runs out")
    func timeIsUp() {
        let text = ByteString("[" + String(repeating: "1,", count: 5000) + "1]")
        #expect(JSON(text, until: Deadline { true }) == nil)
        let questions = Atomic<Int>(0)
        let slow = Deadline {
            questions.add(1, ordering: .relaxed)
            return false
        }
        #expect(JSON(text, until: slow) == JSON(text))
        #expect(
            questions.load(ordering: .relaxed) == 4,
            "once for each 1,024 of 5,002 values: the clock costs more than a value")
    }

    @Test("A truncated text is not a value, wherever it ends")
    func truncated() {
        #expect(JSON(Self.sample) != nil)
        for count in 0..<Self.sample.count { #expect(JSON(Self.sample.prefix(count)) == nil, "\(count) bytes") }
    }

    @Test("Anything but blanks after the value makes it invalid", arguments: UInt8.min...UInt8.max)
    func trailing(_ byte: UInt8) {
        let isBlank = [0x20, 0x09, 0x0A, 0x0D].contains(byte)
        #expect((JSON(Self.sample + ByteString([byte])) != nil) == isBlank)
    }

    @Test(
        "64 values may be nested, and no more",
        arguments: [("[", "]"), ("{\"a\":", "}")] as [(ByteString, ByteString)])
    func depth(_ open: ByteString, _ close: ByteString) {
        func nested(_ count: Int, around inner: ByteString) -> ByteString {
            open.repeated(count) + inner + close.repeated(count)
        }
        #expect(JSON(nested(63, around: "1")) != nil)
        #expect(JSON(nested(63, around: "[]")) != nil)
        #expect(JSON(nested(64, around: "1")) == nil)
        #expect(JSON(nested(64, around: "[]")) == nil)
        #expect(JSON(open.repeated(100_000)) == nil)
    }

    @Test(
        "Escapes",
        arguments: [
            (#""\"\\\/""#, "\"\\/"), (#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"),
            (#""\u0041\u00e9\u00E9""#, "A\u{E9}\u{E9}"),
            (#""\u0000""#, "\0"), (#""\ud83d\ude00""#, "\u{1F600}"), (#""\uD83D\uDE00""#, "\u{1F600}"),
            (#""\udbff\udfff""#, "\u{10FFFF}"), (#""\uffff""#, "\u{FFFF}"),
        ] as [(ByteString, ByteString)])
    func escapes(_ text: ByteString, _ value: ByteString) {
        #expect(JSON(text)?.string == value)
    }

    @Test(
        "A lone half of a pair becomes U+FFFD, as in Go",
        arguments: [
            (#""\ud800""#, "\u{FFFD}"), (#""\udc00""#, "\u{FFFD}"), (#""\ud800x""#, "\u{FFFD}x"),
            (#""\ud800\n""#, "\u{FFFD}\n"), (#""\ud800\u0041""#, "\u{FFFD}A"), (#""\ud800\ud800""#, "\u{FFFD}\u{FFFD}"),
            (#""\ud800\ud83d\ude00""#, "\u{FFFD}\u{1F600}"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
            (#""\udc00\udc00""#, "\u{FFFD}\u{FFFD}"), (#""\ud800\ue000""#, "\u{FFFD}\u{E000}"),
        ] as [(ByteString, ByteString)])
    func loneSurrogates(_ text: ByteString, _ value: ByteString) {
        #expect(JSON(text)?.string == value)
    }

    @Test("Bytes that are not UTF-8 stay unchanged")
    func invalidUTF8() {
        #expect(JSON(ByteString([0x22, 0xFF, 0x22]))?.string == ByteString([0xFF]))
    }

    @Test("A field is found as in Go, an entry of a map by its exact name; the last one wins")
    func lookUp() throws {
        let value = try #require(JSON(#"{"a":1,"A":2,"a":3,"Size":4,"":5,"sIZE":6}"#))
        #expect(value[field: "a"]?.integer == 3)
        #expect(value[field: "size"]?.integer == 6)
        #expect(value[key: "A"]?.integer == 2)
        #expect(value[key: "a"]?.integer == 3)
        #expect(value[key: "size"] == nil)
        #expect(value[key: ""]?.integer == 5)
        #expect(value[field: "b"] == nil)
        #expect(JSON.array([])[field: "a"] == nil)
        #expect(JSON.null[key: "a"] == nil)
    }

    @Test(
        "Whole numbers",
        arguments: [
            ("0", 0), ("-7", -7), ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("1.0", nil), ("1e3", nil), ("\"1\"", nil), ("null", nil), ("true", nil),
        ] as [(ByteString, Int?)])
    func integers(_ text: ByteString, _ number: Int?) {
        #expect(JSON(text)?.integer == number)
    }

    @Test("A value of one kind is not one of another kind")
    func kinds() {
        let all: [JSON] = [.null, .bool(true), .number("1"), .string("s"), .array([]), .object([:])]
        #expect(all.map { $0.bool != nil } == [false, true, false, false, false, false])
        #expect(all.map { $0.integer != nil } == [false, false, true, false, false, false])
        #expect(all.map { $0.string != nil } == [false, false, false, true, false, false])
        #expect(all.map { $0.array != nil } == [false, false, false, false, true, false])
        #expect(all.map { $0.members != nil } == [false, false, false, false, false, true])
    }

    @Test("Random bytes and damaged texts never trap", arguments: 1...4 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var generator = Repeatable(seed: seed)
        let alphabet = ByteString("{}[]\",:\\u0dD8eE+-.tfn 1\u{1F600}").bytes
        for _ in 0..<5_000 {
            _ = JSON(ByteString(generator.bytes(upTo: 40)))
            let count = Int.random(in: 0...30, using: &generator)
            _ = JSON(ByteString((0..<count).compactMap { _ in alphabet.randomElement(using: &generator) }))
            var damaged = Self.sample.bytes
            damaged[Int.random(in: damaged.indices, using: &generator)] = UInt8.random(
                in: .min ... .max, using: &generator)
            _ = JSON(ByteString(damaged))
        }
    }
}

@Suite("JSON, written")
struct JSONTextTests {
    @Test(
        "On one line",
        arguments: [
            (
                .object(["a": .integer(1), "b": .array([.null, .bool(false), .string("x")])]),
                #"{"a":1,"b":[null,false,"x"]}"#
            ),
            (.string("\"\\/\n\t\r\u{1F}\u{7F}\0"), #""\"\\/\n\t\u000d\u001f\u007f\u0000""#), (.object([:]), "{}"),
            (.array([]), "[]"), (.string("ä\u{1F600}"), "\"ä\u{1F600}\""),
            (.integer(UInt64.max), "18446744073709551615"),
        ] as [(JSON, ByteString)])
    func texts(_ value: JSON, _ text: ByteString) {
        #expect(value.text == text)
    }

    @Test("A byte that is not UTF-8 becomes U+FFFD")
    func invalidUTF8() {
        #expect(JSON.string(ByteString([0x61, 0xC3])).text == "\"a\u{FFFD}\"")
    }

    @Test("Written JSON can be read back", arguments: 1...4 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) {
        var generator = Repeatable(seed: seed)
        for _ in 0..<500 {
            let value = Self.value(&generator, depth: 0)
            #expect(JSON(value.text) == value)
        }
    }

    private static func value(_ generator: inout Repeatable, depth: Int) -> JSON {
        let size = Int.random(in: 0...3, using: &generator)
        switch Int.random(in: 0...(depth < 5 ? 5 : 3), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .integer(Int.random(in: .min ... .max, using: &generator))
        case 3: return .string(text(&generator))
        case 4: return .array((0..<size).map { _ in value(&generator, depth: depth + 1) })
        default:
            return .object(
                (0..<size).map { _ in JSON.Member(name: text(&generator), value: value(&generator, depth: depth + 1)) })
        }
    }

    private static func text(_ generator: inout Repeatable) -> ByteString {
        ByteString(ByteString(generator.bytes(upTo: 12)).lossy)
    }
}
