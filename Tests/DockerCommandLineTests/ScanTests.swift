import Formats
import Testing

@testable import DockerCommandLine

@Suite("The scanner keeps the position of every token")
struct ScanTests {
    /// A minimal container command: the first positional argument ends its options.
    private static let run = OptionTable(
        command: "docker run", isInterspersed: false,
        rows: [
            .init("interactive", short: "i", .flag),
            .init("tty", short: "t", .flag),
            .init("volume", short: "v", .value, .output),
            .init("blkio-weight", .value),
        ])

    private func scan(_ arguments: [ByteString], _ table: OptionTable = .buildxBuild) throws -> Scan {
        try Scan(arguments, from: 0, table: table)
    }

    @Test("Options are the same only with the same name, letter, arity and role")
    func rows() {
        let row = OptionTable.Row("volume", short: "v", .value, .output)
        #expect(row == OptionTable.Row("volume", short: "v", .value, .output))
        for other in [
            OptionTable.Row("volumes", short: "v", .value, .output), OptionTable.Row("volume", .value, .output),
            OptionTable.Row("volume", short: "v", .flag, .output), OptionTable.Row("volume", short: "v", .value),
        ] {
            #expect(row != other)
        }
    }

    @Test(
        "The position of a value",
        arguments: [
            (["--tag", "x"], 0..<2, 0),
            (["--tag=x"], 0..<1, 6),
            (["-t", "x"], 0..<2, 0),
            (["-tx"], 0..<1, 2),
            (["-t=x"], 0..<1, 3),
            (["-qtx"], 0..<1, 3),
            (["-qt=x"], 0..<1, 4),
            (["-qt", "x"], 0..<2, 0),
        ] as [([ByteString], Range<Int>, Int)])
    func valuePlace(_ arguments: [ByteString], _ range: Range<Int>, _ offset: Int) throws {
        let scanned = try #require(try scan(arguments).occurrences.last)
        #expect(scanned.value == "x")
        #expect(scanned.row.role == .tag)
        #expect(scanned.arguments == range)
        #expect(scanned.valueOffset == offset)
    }

    @Test("A flag's implied value has no position, a written one does")
    func flagPlace() throws {
        let scanned = try scan(["-q", "--pull", "--load=0", "-Dq=f", "--check"]).occurrences
        #expect(scanned.map(\.value) == ["true", "true", "0", "true", "f", "true"])
        #expect(scanned.map(\.valueOffset) == [nil, nil, 7, nil, 4, nil])
        #expect(scanned.map(\.arguments) == [0..<1, 1..<2, 2..<3, 3..<4, 3..<4, 4..<5])
    }

    @Test("An empty value after '=' is at the argument's end")
    func emptyValue() throws {
        let scanned = try #require(try scan(["--tag="]).occurrences.first)
        #expect(scanned.value.isEmpty)
        #expect(scanned.valueOffset == 6)
    }

    @Test("Positionals and the terminator")
    func positionals() throws {
        let scanned = try scan(["a", "-q", "", "-", "-t", "--", "--", "-q", "--"])
        #expect(scanned.positionals == [0, 2, 3, 7, 8])
        #expect(scanned.terminator == 6)
        #expect(scanned.values(of: .tag) == ["--"])
    }

    @Test("A scan begins at the given index")
    func start() throws {
        #expect(try Scan(["-x", "-q", "."], from: 1, table: .buildxBuild).positionals == [2])
        #expect(try Scan(["-q"], from: 1, table: .buildxBuild).occurrences.isEmpty)
        #expect(try Scan(["-q"], from: 99, table: .buildxBuild).occurrences.isEmpty)
        #expect(try Scan(["-q"], from: -1, table: .buildxBuild).occurrences.count == 1)
    }

    // Lines that docker-on-docker-shim misread, whose table came from a regular expression over `docker run --help`.
    @Test(
        "Options of a command whose options must come first",
        arguments: [
            (["-itv", "/ws/a:/b", "img", "-v", "/x:/y"], ["/ws/a:/b"], 2),
            (["-v/ws/a:/b", "img"], ["/ws/a:/b"], 1),
            (["-itv/ws/a:/b", "img"], ["/ws/a:/b"], 1),
            (["-v=/ws/a:/b", "img"], ["/ws/a:/b"], 1),
            (["--volume=/ws/a:/b", "-it", "img", "--nope"], ["/ws/a:/b"], 2),
            (["--blkio-weight", "500", "-v", "/ws/a:/b", "img"], ["/ws/a:/b"], 4),
            (["--", "-v", "/x:/y"], [], 1),
            (["-", "-v", "/x:/y"], [], 0),
            (["", "-v", "/x:/y"], [], 0),
        ] as [([ByteString], [ByteString], Int)])
    func notInterspersed(_ arguments: [ByteString], _ volumes: [ByteString], _ image: Int) throws {
        let scanned = try scan(arguments, Self.run)
        #expect(scanned.values(of: .output) == volumes)
        #expect(scanned.positionals == Array(image..<arguments.count))
    }

    @Test("NUL is not an option's letter")
    func nul() {
        #expect(throws: GrammarError.unknownFlag(0)) { try scan([ByteString([0x2D, 0])]) }
    }

    @Test("The last one wins, and no value differs from an empty one")
    func reading() throws {
        let scanned = try scan(["--target", "a", "--target=", "--no-cache", "--no-cache=0"])
        #expect(scanned.lastValue(of: .target) == "")
        #expect(scanned.lastValue(of: .file) == nil)
        #expect(scanned.lastFlag(of: .noCache) == false)
        #expect(scanned.lastFlag(of: .check) == nil)
    }
}

@Suite("Booleans as Go reads them")
struct BooleanTests {
    @Test(arguments: ["1", "t", "T", "TRUE", "true", "True"] as [ByteString])
    func truths(_ text: ByteString) {
        #expect(Bool(goText: text) == true)
    }

    @Test(arguments: ["0", "f", "F", "FALSE", "false", "False"] as [ByteString])
    func falsehoods(_ text: ByteString) {
        #expect(Bool(goText: text) == false)
    }

    @Test(arguments: ["", " ", "2", "yes", "no", "on", "tRUE", "fALSE", "true ", "01", "\u{FF11}"] as [ByteString])
    func neither(_ text: ByteString) {
        #expect(Bool(goText: text) == nil)
    }
}
