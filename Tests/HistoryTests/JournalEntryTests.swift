import Formats
import History
import Notes
import TestSupport
import Testing

@Suite("The journal, read back")
struct JournalEntryTests {
    private static let line: ByteString =
        #"{"time":1800000000,"pid":7,"command":"build","directory":"/w","changed":true,"notes":["#
        + #"{"code":"SLP400","message":"the store holds nothing for this build yet"},"#
        + #"{"code":"SLP002","message":"layers are exported to the store: /s/x: y"}]}"#

    private func entry(_ time: Int, changed: Bool, _ reasons: [Reason]) throws -> JournalEntry {
        let notes = reasons.map { #"{"code":""# + $0.code + #"","message":""}"# }.joined(separator: ",")
        return try #require(
            JournalEntry(
                #"{"time":"# + ByteString(decimal: time) + #","command":"build","changed":"#
                    + (changed ? "true" : "false") + #","notes":["# + notes + "]}"))
    }

    @Test("A line")
    func whole() throws {
        let entry = try #require(JournalEntry(Self.line))
        #expect(entry.time == 1_800_000_000 && entry.command == "build" && entry.directory == "/w" && entry.isChanged)
        #expect(entry.line == Self.line)
        #expect(entry.notes.map(\.code) == ["SLP400", "SLP002"])
        #expect(entry.notes.map(\.detail) == [nil, "/s/x: y"])
        #expect(entry.has(.exportAdded) && !entry.has(.importAdded))
    }

    @Test("What is exported, and notes about one target of several")
    func targets() throws {
        let alone = try #require(JournalEntry(Self.line))
        #expect(alone.exports == ["/s/x: y"] && alone.targets.isEmpty)
        let said = [
            Note(.modesDiffer, "3 files"), Note(.layerRejected, "one, sha256:a"), Note(.nothingToImport, "one"),
            Note(.exportAdded, "one, /s/a,b"), Note(.importAdded, "two, sha256:b"), Note(.exportAdded, "two, /s/c"),
            Note(.noCacheGiven, "three"),
        ]
        let notes = said.map { JSON.object(["code": .string($0.reason.code), "message": .string($0.message)]) }
        let line = JSON.object([
            "time": .integer(1), "command": .string("bake"), "changed": .bool(true), "notes": .array(notes),
        ])
        let entry = try #require(JournalEntry(line.text))
        #expect(entry.exports == ["/s/a,b", "/s/c"] && entry.targets == ["one", "two"])
        #expect(entry.notes(besides: ["two", "three"]).map(\.code) == ["SLP700", "SLP403", "SLP400", "SLP002"])
        #expect(entry.notes(besides: ["one", "two"]).map(\.code) == ["SLP700", "SLP106"])
        let other = try self.entry(1, changed: true, [.pathsTranslated])
        #expect(entry.isAboutBuilds && !other.isAboutBuilds)
    }

    @Test("Which manifests were imported, each once")
    func imports() throws {
        let (one, two) = ("sha256:" + SHA256.hexDigest(of: "1"), "sha256:" + SHA256.hexDigest(of: "2"))
        let said = [
            Note(.importAdded, one + " (3 exports of 2 keys)"), Note(.importAdded, "web, " + one + " (3 exports)"),
            Note(.layerRejected, "sha256:b"), Note(.importAdded, "app, " + two), Note(.importAdded, "nothing"),
        ]
        let notes = said.map { JSON.object(["code": .string($0.reason.code), "message": .string($0.message)]) }
        let line = JSON.object([
            "time": .integer(1), "command": .string("bake"), "changed": .bool(true), "notes": .array(notes),
        ])
        #expect(try #require(JournalEntry(line.text)).imports == [one, two])
    }

    @Test("Torn anywhere, it is not an entry")
    func torn() {
        for count in 0..<Self.line.count { #expect(JournalEntry(Self.line.prefix(count)) == nil) }
    }

    @Test(
        "Nor is a foreign line",
        arguments: [
            "{}", "[]", "null", "7", #"{"time":"7","command":"build","changed":true,"notes":[]}"#,
            #"{"time":-1,"command":"build","changed":true,"notes":[]}"#,
            #"{"time":253402300800,"command":"build","changed":true,"notes":[]}"#,
            #"{"time":99999999999999999999,"command":"build","changed":true,"notes":[]}"#,
            #"{"time":7,"command":"build","changed":1,"notes":[]}"#, #"{"time":7,"command":"build","changed":true}"#,
            #"{"time":7,"changed":true,"notes":[]}"#,
        ] as [ByteString])
    func foreign(_ line: ByteString) {
        #expect(JournalEntry(line) == nil)
    }

    @Test("Findings in a Dockerfile, with any code")
    func findings() throws {
        let lint: ByteString =
            #","lint":{"file":"a/Dockerfile","findings":[{"line":3,"column":5,"code":"LNT101"},{"line":1},7,{"line":9,"column":1,"#
            + #""code":"LNT999"}]}}"#
        let entry = try #require(JournalEntry(Self.line.dropLast(1) + lint))
        #expect(entry.findings.map(\.code) == ["LNT101", "LNT999"])
        #expect(entry.findings.map(\.line) == [3, 9] && entry.findings.map(\.column) == [5, 1])
        #expect(entry.findings.allSatisfy { $0.file == "a/Dockerfile" })
        #expect(entry.partlyRead == nil)
        #expect(try #require(JournalEntry(Self.line)).findings.isEmpty)
        let partial: ByteString = #","lint":{"file":"a/Dockerfile","partial":true,"findings":[]}}"#
        let other = try #require(JournalEntry(Self.line.dropLast(1) + partial))
        #expect(other.partlyRead == "a/Dockerfile" && other.findings.isEmpty)
    }

    @Test("A reason from a later Slipway is kept, a note without a code is not")
    func laterReasons() throws {
        let entry = try #require(
            JournalEntry(
                #"{"time":7,"command":"x","changed":false,"notes":[{"code":"SLP999","message":"new: x"},{},1]}"#))
        #expect(entry.notes.map(\.message) == ["new: x"])
        #expect(entry.notes.map(\.detail) == [nil])
        #expect(entry.directory == "")
    }

    @Test("Files in order, the older first; torn lines and missing files are skipped")
    func files() throws {
        let folder = try TemporaryFolder()
        let other = try entry(7, changed: false, [])
        try folder.write("1", Self.line.prefix(40) + "\n" + other.line + "\n\n")
        try folder.write("2", Self.line + "\n" + Self.line.prefix(70) + other.line + "\n" + Self.line.prefix(20))
        try folder.makeFolder("3")
        let entries = JournalEntry.entries(of: [folder["0"], folder["1"], folder["2"], folder["3"]])
        #expect(entries.map(\.line) == [other.line, Self.line])
    }

    @Test("Filters: all conditions, any of the reasons")
    func filters() throws {
        let entries = [
            try entry(1, changed: false, [.engineSilent]), try entry(2, changed: true, [.importAdded, .engineSilent]),
            try entry(3, changed: true, [.importAdded, .exportAdded]), try entry(4, changed: false, [.helpOrCheck]),
        ]
        func times(_ filter: JournalFilter) -> [Int] { entries.filter(filter.accepts).map(\.time) }
        #expect(times(JournalFilter()) == [1, 2, 3, 4])
        #expect(times(JournalFilter(since: 3)) == [3, 4])
        #expect(times(JournalFilter(since: 5)) == [])
        #expect(times(JournalFilter(reasons: [.engineSilent])) == [1, 2])
        #expect(times(JournalFilter(reasons: [.exportAdded, .helpOrCheck])) == [3, 4])
        #expect(times(JournalFilter(onlyDeclined: true)) == [1, 4])
        #expect(times(JournalFilter(since: 2, reasons: [.engineSilent, .helpOrCheck], onlyDeclined: true)) == [4])
    }
}
