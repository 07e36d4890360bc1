import BuildCache
import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import WorkingTree

@Suite("Records of contexts")
struct ContextTests {
    private let folder: TemporaryFolder
    private let git: RealGit
    private let limits = ContextSurvey.Limits(files: 1000, time: 10_000_000_000)

    init() throws {
        folder = try TemporaryFolder()
        git = RealGit(folder)
        try folder.write("app/Dockerfile", "FROM x\n")
        try folder.write("app/src/a", "a\n")
        try folder.write("app/src/run", "run\n", mode: 0o755)
        try Files.makeLink(folder["app/src/link"], to: "a")
    }

    private func record(
        _ name: ByteString = "app", _ limits: ContextSurvey.Limits? = nil, began: Int64 = .max
    ) -> ContextRecord {
        let dockerfile = folder[name].appending(path: "Dockerfile")
        return ContextSurvey.record(
            of: folder[name], ignoreFile: ContextSurvey.ignoreFile(of: folder[name], dockerfile: dockerfile),
            limits ?? self.limits, began: began)
    }

    private func paths(_ record: ContextRecord) -> [ByteString] { record.entries.map(\.path) }

    @Test("A record has everything, with modes, and can be read back")
    func whole() {
        let record = record()
        #expect(record.gap == nil)
        #expect(paths(record) == ["Dockerfile", "src", "src/a", "src/link", "src/run"])
        #expect(record.entries.map(\.kind) == [.file, .directory, .file, .link, .file])
        #expect(record.entries.map(\.mode)[4] == 0o755)
        // git hash-object of "a\n".
        #expect(record.entries[2].digest == 0x7898_1922_613b_2afb)
        #expect(ContextRecord(record.bytes) == record)
    }

    // The start of a process's memory cannot be read: EIO, as from a broken disk.
    @Test("A file that cannot be read to its end has no digest, and leaves a gap in the record")
    func brokenFile() throws {
        try folder.write("ignore", "*\n!mem\n")
        let record = ContextSurvey.record(
            of: "/proc/self", ignoreFile: folder["ignore"], limits, began: .max)
        #expect(record.entries.map(\.path) == ["mem"] && record.entries.map(\.digest) == [0])
        #expect(record.gap == .unreadable)
    }

    @Test("The contents of files that changed after the build began are unknown")
    func changedSince() throws {
        let began = Clock.now
        #expect(record(began: began) == record())
        // The kernel's change times may lag behind the clock by a tick.
        let places = [folder["app/src/a"], folder["app/src/link"]]
        while try places.contains(where: { try Files.status($0, followLinks: false).changed <= began }) {
            try folder.write("app/src/a", "b\n")
            try Files.remove(folder["app/src/link"])
            try Files.makeLink(folder["app/src/link"], to: "b")
        }
        let changed = record(began: began)
        #expect(changed.entries.map { $0.digest == 0 } == [false, true, true, true, false])
        let difference = ContextDifference(from: changed, to: record())
        #expect(difference.isEmpty && difference.unread == ["src/a", "src/link"])
        try folder.write("app/src/a", "longer\n")
        #expect(ContextDifference(from: changed, to: record()).contents == ["src/a"])
    }

    @Test("Truncated anywhere, or with any byte changed, it is not a record")
    func torn() {
        let bytes = record().bytes
        for length in 0..<bytes.count { #expect(ContextRecord(bytes.prefix(length)) == nil) }
        for place in bytes.bytes.indices {
            var spoiled = bytes
            spoiled.bytes[place] ^= 1
            #expect(ContextRecord(spoiled) == nil)
        }
    }

    @Test("Hostile names are read back unchanged")
    func names() throws {
        let entries = [ByteString([0xFF, 0x0A]), ByteString([0xFF, 0x0A, 0x1B]), "z"].map {
            ContextRecord.Entry(path: $0, kind: .file, mode: 0o7777, size: .max >> 1, digest: .max)
        }
        let record = ContextRecord(entries: entries, gap: .time)
        #expect(ContextRecord(record.bytes) == record)
    }

    @Test("What .dockerignore leaves out is not recorded; a Dockerfile's own comes first")
    func ignored() throws {
        try folder.write("app/.dockerignore", "src\n!src/deep/kept\n")
        try folder.write("app/src/deep/kept", "kept\n")
        #expect(paths(record()) == [".dockerignore", "Dockerfile", "src", "src/deep", "src/deep/kept"])
        try folder.write("app/Dockerfile.dockerignore", "src/a\n.dockerignore\n*.dockerignore\n")
        #expect(paths(record()) == ["Dockerfile", "src", "src/deep", "src/deep/kept", "src/link", "src/run"])
        try folder.write("app/Dockerfile.dockerignore", "[\n")
        #expect(record().gap == .ignoreFile)
    }

    @Test("git's own files are mentioned, but not read")
    func gitFolder() throws {
        try folder.write("app/.git/objects/x", "x")
        #expect(paths(record()).filter { $0.hasPrefix(".git") } == [".git"])
    }

    @Test("Limits leave a gap, and say so")
    func gaps() throws {
        #expect(record("app", .init(files: 2, time: 10_000_000_000)).gap == .files)
        #expect(record("app", .init(files: 2, time: 10_000_000_000)).entries.count == 2)
        #expect(record("app", .init(files: 1000, time: 0)).gap == .time)
        #expect(record("none").gap == .unreadable)
        var small = limits
        small.largestRead = 3
        #expect(record("app", small).entries[4].digest == 0)
    }

    @Test("Contents that git knows are not read again", .enabled(if: RealGit.program != nil, "git is not installed"))
    func fromGit() throws {
        try git("init", "-q", "app")
        try git("add", "--all", in: "app")
        let before = record()
        var unread = limits
        unread.reads = 0
        // Files and index were written in the same moment: only older files are certain.
        for name in ["Dockerfile", "src/a", "src/run"] as [ByteString] {
            try Files.setModified(folder["app/" + name], 1_000_000_000_000_000_000)
        }
        try git("update-index", "--refresh", in: "app")
        #expect(record("app", unread).entries.filter { $0.kind == .file } == before.entries.filter { $0.kind == .file })
        try folder.write("app/src/a", "b\n")
        #expect(record("app", unread).entries.first { $0.path == "src/a" }?.digest == 0)
        #expect(record().entries.first { $0.path == "src/a" }?.digest == 0x61780798228d17af)
    }

    @Test("A damaged index neither helps nor harms")
    func spoiledIndex() throws {
        try folder.write("app/.git/index", "DIRC, and then nothing that fits")
        try folder.write("app/.git/HEAD", "ref: refs/heads/main\n")
        #expect(record().entries.first { $0.path == "src/a" }?.digest == 0x7898_1922_613b_2afb)
    }

    @Test("Kinds of differences are distinguished")
    func differences() {
        func entry(_ path: ByteString, mode: UInt32 = 0o644, digest: UInt64 = 1) -> ContextRecord.Entry {
            .init(path: path, kind: .file, mode: mode, size: 1, digest: digest)
        }
        let before = ContextRecord(entries: [
            entry("content"), entry("gone"), entry("mode"), entry("same"), entry("unread"),
        ])
        let after = ContextRecord(entries: [
            entry("content", digest: 2), entry("mode", mode: 0o664), entry("new"), entry("same"),
            entry("unread", digest: 0),
        ])
        let difference = ContextDifference(from: before, to: after)
        #expect(difference.contents == ["content"])
        #expect(difference.removed == ["gone"])
        #expect(difference.added == ["new"])
        #expect(difference.modes.map(\.path) == ["mode"])
        #expect(difference.unread == ["unread"])
        #expect(difference.umask == 0o002)
        #expect(!difference.isPartial)
        #expect(ContextDifference(from: before, to: after) { $0 == "same" }.isEmpty)
        // What a gap may hide is not reported.
        let partial = ContextDifference(from: ContextRecord(entries: before.entries, gap: .time), to: after)
        #expect(partial.added.isEmpty && partial.isPartial)
    }

    @Test("FIFOs, devices and links are recorded, never opened; an ignore file linked from outside is ignored")
    func special() throws {
        #expect(mkfifo(folder["app/fifo"].lossy, 0o644) == 0)
        try Files.makeLink(folder["app/outside"], to: folder["elsewhere"])
        try folder.write("elsewhere/secret", "secret\n")
        let record = record()
        #expect(record.gap == nil)
        #expect(paths(record) == ["Dockerfile", "fifo", "outside", "src", "src/a", "src/link", "src/run"])
        #expect(record.entries.map(\.kind)[1...2] == [.other, .link])
        try folder.write("elsewhere/ignore", "src\n")
        try Files.makeLink(folder["app/.dockerignore"], to: folder["elsewhere/ignore"])
        #expect(self.record().gap == .ignoreFile)
        try Files.remove(folder["app/.dockerignore"])
        #expect(mkfifo(folder["app/.dockerignore"].lossy, 0o644) == 0)
        #expect(self.record().gap == .ignoreFile)
        try Files.remove(folder["app/.dockerignore"])
        try folder.write("app/own", "src\n")
        try Files.makeLink(folder["app/.dockerignore"], to: "own")
        #expect(paths(self.record()) == [".dockerignore", "Dockerfile", "fifo", "outside", "own"])
    }
}
