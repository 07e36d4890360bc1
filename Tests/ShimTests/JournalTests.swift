import Formats
import Glibc
import Host
import Notes
import Planning
import TestSupport
import Testing

@testable import Shim

@Suite("The journal")
struct JournalTests {
    private static let plan = Plan.unchanged(
        ["docker", "build", "--build-arg=TOKEN=SECRET", "."], [Note(.storeMissing, "/s")])
    private static let state: ByteString = ".local/state/slipway"
    private static let current: ByteString = state + "/journal.jsonl"
    private static let older: ByteString = state + "/journal.1.jsonl"

    @Test("One JSON line for each decision, without the command line, for its owner only")
    func lines() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            umask(0)
            chdir(folder.path.lossy)
            Journal.append(Self.plan, command: "build")
            Journal.append(Self.plan, command: "unknown")
            let lines = try folder.read(Self.current).split("\n")
            #expect(lines.count == 3 && lines.last == "")
            let entry = try #require(JSON(lines[0]))
            #expect(entry.members?.map(\.name) == ["time", "pid", "command", "directory", "changed", "notes"])
            #expect(entry[key: "pid"]?.integer == Int(getpid()))
            #expect(entry[key: "command"]?.string == "build")
            #expect(entry[key: "directory"]?.string == folder.path)
            #expect(entry[key: "changed"]?.bool == false)
            #expect(entry[key: "notes"]?.array?.first?[key: "code"]?.string == "SLP301")
            #expect(lines[0].range(of: "SECRET") == nil)
            #expect(try Files.status(folder[Self.current]).mode == 0o600)
            #expect(try Files.status(folder[Self.state]).mode == 0o700)
            #expect(Journal.files == [folder[Self.older], folder[Self.current]])
            #expect(Journal.hasWritten(Int(getpid())) && !Journal.hasWritten(Int(getpid()) + 1))
            let now = ByteString(decimal: Clock.now / 1_000_000_000)
            func line(_ process: ByteString, time: ByteString = now) -> ByteString {
                "{\"time\":" + time + ",\"pid\":" + process + ",\"command\":\"build\"}\n"
            }
            try folder.write(Self.current, line("7") + line("8") + "\n" + line("9", time: "1"))
            #expect(Journal.hasWritten(7) && Journal.hasWritten(8))
            #expect(!Journal.hasWritten(9), "long ago")
            #expect(!Journal.hasWritten(1))
            let long = "{\"x\": \"" + ByteString("x").repeated(1 << 16) + "\"}\n"
            try folder.write(Self.current, line("7") + long + line("8"))
            #expect(Journal.hasWritten(8) && !Journal.hasWritten(7))
            try folder.write(Self.current, "torn \"pid\":7,")
            #expect(!Journal.hasWritten(7))
        }
    }

    @Test("After 1 MiB the next line starts a new file, and one older file is kept")
    func rotation() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.older, "oldest")
            try folder.write(Self.current, ByteString("x").repeated(1 << 20) + "\n", mode: 0o600)
            Journal.append(Self.plan, command: "last")
            #expect(try folder.names(in: Self.state) == ["journal.1.jsonl"])
            let kept = try folder.read(Self.older)
            #expect(kept.hasPrefix("xxx") && kept.range(of: "\"last\"") != nil)
            Journal.append(Self.plan, command: "first")
            #expect(try folder.read(Self.current).range(of: "\"first\"") != nil)
            #expect(try folder.read(Self.older) == kept)
        }
    }

    @Test("Only one process moves a full file away")
    func moving() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.current, ByteString(" ").repeated((1 << 20) + 1), mode: 0o600)
            func appendWhileLocked() throws {
                let held = try Descriptor.open(folder[Self.current])
                try held.lock(.exclusive)
                Journal.append(Self.plan, command: "build")
                #expect(try held.status().size > (1 << 20) + 1)
            }
            try appendWhileLocked()
            #expect(try folder.names(in: Self.state) == ["journal.jsonl"])
            Journal.append(Self.plan, command: "build")
            #expect(try folder.names(in: Self.state) == ["journal.1.jsonl"])
        }
    }

    @Test("A file of exactly 1 MiB is not full yet")
    func notFull() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.current, ByteString("x").repeated(1 << 20), mode: 0o600)
            Journal.append(Self.plan, command: "x")
            #expect(try folder.names(in: Self.state) == ["journal.jsonl"])
        }
    }

    @Test("Lines written at the same time do not mix, and none is lost if all writers find the file full")
    func atOnce() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            let full = ByteString(" ").repeated((1 << 20) + 1) + "\n"
            for _ in 0..<5 {
                try folder.write(Self.current, full, mode: 0o600)
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 { group.addTask { Journal.append(Self.plan, command: "build") } }
                }
                let newer = (try? folder.read(Self.current)) ?? ""
                let older = try folder.read(Self.older)
                #expect(older.hasPrefix(full))
                let lines = (older.dropFirst(full.count) + newer).split("\n").dropLast()
                #expect(lines.count == 8)
                #expect(lines.allSatisfy { JSON($0)?[key: "command"]?.string == "build" })
            }
        }
    }

    @Test("Nothing happens if it cannot be written", arguments: ["file", "link", "fifo", "directory"])
    func unwritable(_ kind: String) async {
        await #expect(processExitsWith: .success) { [kind] in
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write("victim", "kept")
            switch kind {
            case "file": try folder.write(Self.state, "")
            case "link":
                try folder.makeFolder(Self.state)
                try Files.makeLink(folder[Self.current], to: folder["victim"])
            case "fifo":
                try folder.makeFolder(Self.state)
                mkfifo(folder[Self.current].lossy, 0o600)
            default: try folder.makeFolder(Self.current)
            }
            Journal.append(Self.plan, command: "build")
            #expect(try folder.read("victim") == "kept")
            #expect((try? folder.names(in: Self.state).contains("journal.1.jsonl")) != true)
        }
    }
}
