import Formats
import History
import Host
import Notes
import TestSupport
import Testing

@Suite("The journal, summed up")
struct JournalStatisticsTests {
    private let folder: TemporaryFolder
    private let generation: ByteString = "store/v1/u0/gen-000001"

    init() throws { folder = try TemporaryFolder() }

    private func entry(_ time: Int, _ notes: [Note], command: ByteString = "build") throws -> JournalEntry {
        let isChanged = notes.contains { $0.reason == .importAdded || $0.reason == .exportAdded }
        let notes = notes.map {
            JSON.object(["code": .string($0.reason.code), "message": .string($0.message)])
        }
        let line = JSON.object([
            "time": .integer(time), "command": .string(command), "changed": .bool(isChanged), "notes": .array(notes),
        ])
        return try #require(JournalEntry(line.text))
    }

    private func put(_ content: ByteString) throws -> JSON {
        let digits = SHA256.hexDigest(of: content)
        let path = generation + "/blobs/sha256/" + digits
        if (try? Files.status(folder[path])) == nil { try folder.write(path, content) }
        return .object(["digest": .string("sha256:" + digits), "size": .integer(content.count)])
    }

    /// An export of these layers; returns its note and the size of its manifest.
    private func export(_ name: ByteString, _ layers: [ByteString]) throws -> (note: Note, manifest: Int) {
        let manifest = JSON.object(["config": try put("config"), "layers": .array(try layers.map(put))]).text
        let path = generation + "/exports/key/" + name
        let index = JSON.object(["manifests": .array([try put(manifest)])]).text
        try folder.write(path + "/index.json", index)
        return (Note(.exportAdded, folder[path]), manifest.count)
    }

    @Test("An empty journal")
    func empty() {
        let text: ByteString =
            #"{"entries":0,"first":null,"last":null,"commands":{},"builds":0,"changed":0,"imported":0,"exported":0,"#
            + #""arrived":0,"bytes":0,"declined":0,"waited":0,"reasons":[],"leftOut":[],"remote":[]}"#
        #expect(JournalStatistics(of: []).json.text == text)
    }

    @Test("Counts, and the reasons for unchanged commands by frequency")
    func counts() throws {
        let journal = [
            try entry(
                30,
                [
                    Note(.importAdded, "sha256:x"), Note(.engineSilent), Note(.unionNotMerged, "2 exports"),
                    Note(.exportNotNeeded),
                ]),
            try entry(10, [Note(.engineCannotExport), Note(.nothingToImport), Note(.nothingToImport)]),
            try entry(20, [Note(.engineSilent), Note(.nothingToImport)]),
            try entry(40, [Note(.commandNotUnderstood, "--x")], command: "unknown"),
        ]
        let text: ByteString =
            #"{"entries":4,"first":10,"last":40,"commands":{"build":3,"unknown":1},"builds":3,"changed":1,"imported":1,"#
            + #""exported":0,"arrived":0,"bytes":0,"declined":3,"waited":0,"reasons":["#
            + #"{"code":"SLP400","sentence":"the store holds nothing for this build yet","count":2},"#
            + #"{"code":"SLP102","sentence":"Slipway does not understand the command line, so it passes it through unchanged","count":1},"#
            + #"{"code":"SLP214","sentence":"the engine does not answer in time","count":1},"#
            + #"{"code":"SLP217","sentence":"the engine has no containerd image store: import only","count":1}],"#
            + #""leftOut":[{"code":"SLP413","sentence":"too new for this union: the next one will contain it","count":1}],"remote":[]}"#
        #expect(JournalStatistics(of: journal).json.text == text)
        let some = JournalStatistics(of: journal, JournalFilter(since: 30))
        #expect(some.entries == 2 && some.first == 30 && some.last == 40 && some.builds == 1 && some.declined == 1)
    }

    @Test("Waits for equal builds are added up, and do not count as left out")
    func waited() throws {
        let journal = [
            try entry(1, [Note(.importAdded), Note(.flightAwaited, "12 s, process 7"), Note(.flightTooLong, "10 s")]),
            try entry(2, [Note(.importAdded), Note(.flightAwaited, "3 s")]),
            try entry(3, [Note(.exportAdded, "/x"), Note(.flightLed)]), try entry(4, [Note(.flightAwaited, "long")]),
        ]
        let statistics = JournalStatistics(of: journal)
        #expect(statistics.waited == 15)
        #expect(statistics.leftOut.isEmpty)
        #expect(JournalStatistics(of: journal, JournalFilter(since: 2)).waited == 3)
    }

    @Test("A deferred export counts as its build's, and its result is not a command")
    func behind() throws {
        let journal = [
            try entry(1, [Note(.nothingToImport), Note(.exportBehind, "/x")]),
            try entry(2, [Note(.exportedBehind, "300 ms")], command: "export"),
        ]
        let statistics = JournalStatistics(of: journal)
        #expect(statistics.exported == 1 && statistics.declined == 0 && statistics.reasons.isEmpty)
        #expect(statistics.builds == 1 && statistics.leftOut.isEmpty)
        #expect(journal.map(\.exports) == [["/x"], []])
    }

    @Test("A reason from a later Slipway has no sentence")
    func laterReason() throws {
        let line: ByteString =
            #"{"time":1,"command":"build","changed":false,"notes":[{"code":"SLP999","message":"new"}]}"#
        let statistics = JournalStatistics(of: [try #require(JournalEntry(line))])
        #expect(
            statistics.json[key: "reasons"]?.array?.map(\.text) == [
                #"{"code":"SLP999","sentence":null,"count":1}"#
            ])
    }

    @Test("A blob counts for the first export that reaches it; an export that never arrived has none")
    func bytes() throws {
        let first = try export("first", ["one", "three"])
        let second = try export("second", ["one", "seven!!", "seven!!"])
        let journal = [
            try entry(1, [first.note]), try entry(2, [Note(.exportAdded, folder[generation + "/exports/key/failed"])]),
            try entry(3, [Note(.importAdded), second.note]), try entry(4, [second.note]),
        ]
        let all = JournalStatistics(of: journal)
        #expect(all.exported == 4 && all.arrived == 3)
        #expect(all.bytes == UInt64(first.manifest + second.manifest + "configonethreeseven!!".utf8.count))
        let later = JournalStatistics(of: journal, JournalFilter(since: 2))
        #expect(later.exported == 3 && later.arrived == 2)
        #expect(later.bytes == UInt64(second.manifest + "seven!!".utf8.count), "what was there before is not new")
    }

    @Test("Each target of a bake counts")
    func targets() throws {
        let (one, two) = (try export("one", ["one"]), try export("two", ["two"]))
        let notes = [
            Note(.importAdded, "one, sha256:a"), Note(.exportAdded, "one, " + one.note.detail),
            Note(.exportAdded, "two, " + two.note.detail), Note(.exportAdded, "three, " + folder["none"]),
        ]
        let all = JournalStatistics(of: [try entry(1, notes, command: "bake")])
        #expect(all.entries == 1 && all.imported == 1 && all.exported == 3 && all.arrived == 2)
        #expect(all.bytes == UInt64(one.manifest + two.manifest + "configonetwo".utf8.count))
    }

    @Test("A blob that is older than the build, or gone, is not counted")
    func others() throws {
        let export = try export("one", ["layer", "gone"])
        try folder.remove(generation + "/blobs/sha256/" + SHA256.hexDigest(of: "gone"))
        let now = Int(Clock.now / 1_000_000_000)
        #expect(JournalStatistics(of: [try entry(now + 60, [export.note])]).bytes == 0)
        let bytes = JournalStatistics(of: [try entry(now - 60, [export.note])]).bytes
        #expect(bytes == UInt64(export.manifest + "configlayer".utf8.count))
    }

    @Test("A path in the journal is read only if exports can be there")
    func elsewhere() throws {
        try folder.write("index.json", #"{"manifests":[{"digest":"sha256:x"}]}"#)
        for path in [folder.path, "", "relative", "/"] {
            #expect(JournalStatistics(of: [try entry(1, [Note(.exportAdded, path)])]).arrived == 0)
        }
    }
}
