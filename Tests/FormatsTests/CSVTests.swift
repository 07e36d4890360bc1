import Formats
import TestSupport
import Testing

@Suite("Comma-separated fields, as in Go's encoding/csv")
struct CSVTests {
    @Test(
        "Read",
        arguments: [
            ("a", ["a"]), ("a,b", ["a", "b"]), (",", ["", ""]), ("a,", ["a", ""]), (",a", ["", "a"]),
            (",,", ["", "", ""]),
            (#""a""#, ["a"]), (#""""#, [""]), (#""a,b",c"#, ["a,b", "c"]), (#""a""b""#, [#"a"b"#]),
            ("\"\"\"\"", ["\""]),
            (#"type=local,"src=/a,b""#, ["type=local", "src=/a,b"]), (" a , b ", [" a ", " b "]), ("#a", ["#a"]),
            (#"a,"""#, ["a", ""]), ("\u{E9},\u{E9}", ["\u{E9}", "\u{E9}"]),
        ] as [(ByteString, [ByteString])])
    func fields(_ record: ByteString, _ fields: [ByteString]) {
        #expect(CSV.fields(of: record) == fields)
    }

    @Test(
        "Refused",
        arguments: [
            "", "\"", #""a"#, #"a"b"#, #"a""#, #""a"b"#, #""a" ,b"#, #" "a""#, #"a,"b"#, #"a, "b""#, "\"\"\"", "a\nb",
            "a\r", "\"a\nb\"",
        ] as [ByteString])
    func refused(_ record: ByteString) {
        #expect(CSV.fields(of: record) == nil)
    }

    @Test(
        "Written with quotes only if necessary",
        arguments: [
            (["type=local", "src=/a b"], "type=local,src=/a b"), (["src=/a,b"], #""src=/a,b""#),
            ([#"src=/a"b"#, "c"], #""src=/a""b",c"#), (["", ""], ","), (["#a", " b"], "#a, b"), ([""], #""""#),
        ] as [([ByteString], ByteString)])
    func record(_ fields: [ByteString], _ record: ByteString) {
        #expect(CSV.record(of: fields) == record)
    }

    @Test("Written text can be read back; anything else never traps", arguments: 1...4 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) {
        var generator = Repeatable(seed: seed)
        let alphabet = ByteString("a,\"= \u{E9}").bytes
        for _ in 0..<2_000 {
            let fields = (0..<Int.random(in: 2...4, using: &generator)).map { _ in
                ByteString(
                    (0..<Int.random(in: 0...4, using: &generator)).compactMap { _ in
                        alphabet.randomElement(using: &generator)
                    })
            }
            #expect(CSV.fields(of: CSV.record(of: fields)) == fields)
            _ = CSV.fields(of: ByteString(generator.bytes(upTo: 12)))
            _ = CSV.fields(of: fields.joined(separator: ","))
        }
    }

    @Test("The position of each field, including its quotes")
    func places() {
        let record: ByteString = "a,\"b,\"\"c\",,d"
        let fields = CSV.places(of: record) ?? []
        #expect(fields.map(\.text) == ["a", "b,\"c", "", "d"])
        #expect(fields.map { ByteString(record.bytes[$0.place]) } == ["a", "\"b,\"\"c\"", "", "d"])
    }
}
