import Formats
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Files by their paths")
struct FilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("The kind of file")
    func status() throws {
        let file = try folder.write("file", "12345", mode: 0o640)
        try Files.makeLink(folder["link"], to: file)
        #expect(mkfifo(folder["fifo"].lossy, 0o600) == 0)
        #expect(link(file.lossy, folder["hard"].lossy) == 0)
        let status = try Files.status(file)
        #expect(status.kind == .regular && status.size == 5 && status.mode == 0o640)
        #expect(status.owner == Kernel.userID)
        #expect(try Files.status(folder["hard"]).isSameFile(as: status))
        #expect(try Files.status(folder["link"]) == status)
        #expect(try Files.status(folder["link"], followLinks: false).kind == .symbolicLink)
        #expect(try Files.status(folder.path).kind == .directory)
        #expect(try Files.status(folder["fifo"]).kind == .other)
        #expect(try !Files.status(folder.path).isSameFile(as: status))
        #expect(throws: Errno.noSuchFile) { try Files.status(folder["missing"]) }
        #expect(throws: Errno.notDirectory) { try Files.status(file.appending(path: "below")) }
    }

    @Test("Times are exact to the nanosecond")
    func times() throws {
        let file = try folder.write("file", "")
        var times = [timespec(tv_sec: 1, tv_nsec: 2), timespec(tv_sec: 1_700_000_000, tv_nsec: 123_456_789)]
        #expect(utimensat(AT_FDCWD, file.lossy, &times, 0) == 0)
        #expect(try Files.status(file).modified == 1_700_000_000_123_456_789)
    }

    @Test("Who can write", arguments: [(0o600, false), (0o644, false), (0o620, true), (0o602, true), (0o1777, true)])
    func writable(_ mode: UInt32, _ byOthers: Bool) throws {
        #expect(try Files.status(folder.makeFolder("x", mode: mode)).isWritableByOthers == byOthers)
    }

    @Test("Only regular files are read, completely or not at all")
    func read() throws {
        try folder.write("file", "12345")
        #expect(try Files.read(folder["file"], limit: 5) == "12345")
        #expect(throws: Errno.tooLarge) { try Files.read(folder["file"], limit: 4) }
        #expect(throws: Errno.invalid) { try Files.read(folder.path, limit: 4) }
        #expect(throws: Errno.invalid) { try Files.read("/dev/zero", limit: 4) }
        #expect(throws: Errno.noSuchFile) { try Files.read(folder["missing"], limit: 4) }
    }

    @Test("Readers of a replaced file see either the old or the new content")
    func replaceIsAtomic() async throws {
        let contents: [ByteString] = [ByteString("a").repeated(10), ByteString("b").repeated(50_000)]
        try folder.write("file", contents[0])
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<2 {
                group.addTask {
                    for round in 0..<150 {
                        #expect(throws: Never.self) {
                            try Files.replace(folder["file"], with: contents[(writer + round) % 2], mode: 0o600)
                        }
                    }
                }
            }
            for _ in 0..<300 { #expect((try? folder.read("file")).map(contents.contains) == true) }
        }
        #expect(try folder.names() == ["file"])
    }

    @Test("A link is replaced itself, not what it leads to")
    func replaceLink() throws {
        try folder.write("other", "other")
        try Files.makeLink(folder["link"], to: folder["other"])
        try Files.replace(folder["link"], with: "new", mode: 0o600)
        #expect(try Files.status(folder["link"], followLinks: false).kind == .regular)
        #expect(try folder.read("other") == "other")
    }

    @Test("A replacement that fails leaves nothing behind")
    func replaceFails() throws {
        try folder.makeFolder("taken/inside")
        #expect(throws: Errno(code: EISDIR)) { try Files.replace(folder["taken"], with: "x", mode: 0o600) }
        #expect(throws: Errno.noSuchFile) { try Files.replace(folder["missing/file"], with: "x", mode: 0o600) }
        #expect(throws: Errno.invalid) { try Files.replace(folder["nul\0"], with: "x", mode: 0o600) }
        #expect(try folder.names() == ["taken"])
    }

    @Test("Directories have exactly the mode asked for, whatever the umask", arguments: [0o000, 0o022, 0o077, 0o177])
    func directoryModes(_ mask: UInt32) async {
        await #expect(processExitsWith: .success) { [path = folder.path.lossy as String, mask] in
            umask(mask)
            let folder = ByteString(path)
            for mode: UInt32 in [0o700, 0o755, 0o1777] {
                let made = folder.appending(path: ByteString(decimal: mode))
                try Files.makeDirectory(made, mode: mode)
                #expect(try Files.status(made).mode == mode)
            }
            try Files.makeDirectories(folder.appending(path: "a/b/c"), mode: 0o750)
            for made: ByteString in ["a", "a/b", "a/b/c"] {
                #expect(try Files.status(folder.appending(path: made)).mode == 0o750)
            }
            try Files.makeDirectories(folder.appending(path: "a/b"), mode: 0o700)
            #expect(try Files.status(folder.appending(path: "a/b")).mode == 0o750)
        }
    }

    @Test("A name that is taken")
    func directoryTaken() throws {
        try folder.write("file", "")
        try Files.makeLink(folder["dangling"], to: folder["nowhere"])
        try Files.makeLink(folder["link"], to: folder.path)
        #expect(throws: Errno.fileExists) { try Files.makeDirectory(folder["file"], mode: 0o755) }
        #expect(throws: Errno.fileExists) { try Files.makeDirectory(folder["dangling"], mode: 0o755) }
        #expect(throws: Errno.notDirectory) { try Files.makeDirectories(folder["file"], mode: 0o755) }
        #expect(throws: Errno.notDirectory) { try Files.makeDirectories(folder["file/below"], mode: 0o755) }
        #expect(throws: Errno.noSuchFile) { try Files.makeDirectories(folder["dangling/below"], mode: 0o755) }
        #expect(throws: Errno.noSuchFile) { try Files.makeDirectory(folder["a/b"], mode: 0o755) }
        #expect(throws: Errno.noSuchFile) { try Files.makeDirectories("", mode: 0o755) }
        try Files.makeDirectories(folder["link/made/below/"], mode: 0o755)
        #expect(try Files.status(folder["made/below"]).kind == .directory)
        try Files.makeDirectories("/", mode: 0o700)
    }

    @Test("Many at once make one directory")
    func directoriesAtOnce() async throws {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<20 {
                        let path = folder["x/" + ByteString(decimal: number) + "/y"]
                        #expect(throws: Never.self) { try Files.makeDirectories(path, mode: 0o755) }
                    }
                }
            }
        }
        #expect(try folder.names(in: "x").count == 20)
    }

    @Test("A link's target is returned as written, existing or not")
    func links() throws {
        let target = ByteString([0x2F, 0xFF, 0x20, 0x0A])
        try Files.makeLink(folder["link"], to: target)
        #expect(try Files.readLink(folder["link"]) == target)
        #expect(throws: Errno.fileExists) { try Files.makeLink(folder["link"], to: "x") }
        #expect(throws: Errno.invalid) { try Files.readLink(folder.path) }
        #expect(throws: Errno.noSuchFile) { try Files.readLink(folder["missing"]) }
        let long = ByteString("a/").repeated(2_000)
        try Files.makeLink(folder["long"], to: long)
        #expect(try Files.readLink(folder["long"]) == long)
    }

    @Test("The real path has no links")
    func realPath() throws {
        try folder.makeFolder("a/b")
        try Files.makeLink(folder["link"], to: "a/./b")
        #expect(try Files.realPath(folder["link/../b/."]) == folder["a/b"])
        #expect(throws: Errno.noSuchFile) { try Files.realPath(folder["link/missing"]) }
        try Files.makeLink(folder["loop"], to: "loop")
        #expect(throws: Errno.symbolicLink) { try Files.realPath(folder["loop"]) }
    }

    @Test("Names in a directory, no more than the limit", arguments: [(0, 0), (1, 1), (3, 3), (4, 3)])
    func names(_ limit: Int, _ count: Int) throws {
        let names = [".hidden", ByteString([0xFF]), ByteString("x").repeated(255)]
        for name in names { try folder.write(name, "") }
        let found = try Files.names(in: folder.path, limit: limit)
        #expect(found.count == count)
        #expect(Set(found).isSubset(of: names))
    }

    @Test("Names in something other than a directory")
    func noNames() throws {
        try folder.write("file", "")
        #expect(throws: Errno.notDirectory) { try Files.names(in: folder["file"], limit: 9) }
        #expect(throws: Errno.noSuchFile) { try Files.names(in: folder["missing"], limit: 9) }
    }

    @Test("Removing and renaming")
    func renaming() throws {
        try folder.write("a", "a")
        try Files.rename(folder["a"], to: folder["b"])
        #expect(try folder.names() == ["b"])
        try Files.remove(folder["b"])
        #expect(throws: Errno.noSuchFile) { try Files.remove(folder["b"]) }
        #expect(throws: Errno.noSuchFile) { try Files.rename(folder["b"], to: folder["a"]) }
    }

    // Root may do everything, so the test changes to another user first.
    @Test("Permissions are the effective user's")
    func permissions() async throws {
        try folder.write("closed", "", mode: 0)
        try folder.write("program", "", mode: 0o555)
        await #expect(processExitsWith: .success) { [path = folder.path.lossy as String] in
            if geteuid() == 0 { #expect(seteuid(54_321) == 0) }
            let folder = ByteString(path)
            let closed = folder.appending(path: "closed")
            #expect(throws: Errno.accessDenied) { try Files.check(.read, closed) }
            #expect(throws: Errno.accessDenied) { try Files.check(.write, closed) }
            #expect(!Files.allows(.execute, closed))
            #expect(Files.allows(.execute, folder.appending(path: "program")))
            #expect(Files.allows(.read, folder.appending(path: "program")))
            #expect(throws: Errno.noSuchFile) { try Files.check(.read, folder.appending(path: "missing")) }
        }
    }

    @Test("Space on a disk")
    func space() throws {
        let space = try Files.space(at: folder.path)
        #expect(space.total > 0 && space.available <= space.total)
        #expect(throws: Errno.noSuchFile) { try Files.space(at: folder["missing"]) }
    }

    @Test("Whether something exists below a variable's value")
    func exists() async throws {
        try folder.write("file", "")
        await #expect(processExitsWith: .success) { [path = folder.path.lossy as String] in
            setenv("SLIPWAY_TEST_FOLDER", path, 1)
            #expect(Files.exists(below: "SLIPWAY_TEST_FOLDER", "/file"))
            #expect(Files.exists(below: "SLIPWAY_TEST_FOLDER", ""))
            #expect(!Files.exists(below: "SLIPWAY_TEST_FOLDER", "/missing"))
            #expect(!Files.exists(below: "SLIPWAY_TEST_UNSET", "/file"))
            #expect(Files.exists("/dev/null"))
            #expect(!Files.exists("/dev/null/below"))
        }
    }

    @Test("A file is read only within its own directory, whatever links there are")
    func within() throws {
        let folder = try TemporaryFolder()
        try folder.write("in/a", "a")
        try folder.write("in/b/c", "c")
        try folder.write("out", "out")
        for (name, target): (ByteString, ByteString) in [
            ("in/near", "b/c"), ("in/far", "../out"), ("in/deep", "../in/a"), ("in/absolute", folder["in/a"]),
            ("in/root", "/etc/passwd"), ("in/loop", "loop"), ("in/up", ".."),
        ] {
            try Files.makeLink(folder[name], to: target)
        }
        for name: ByteString in ["a", "b/c", "near", "deep", "absolute", "up/in/a"] {
            #expect(try Files.read(folder["in"].appending(path: name), within: folder["in"], limit: 9).count == 1)
        }
        for name: ByteString in ["far", "root", "up/out", "../out", "b", "loop", ".", "missing"] {
            #expect(throws: Errno.self, "\(name)") {
                try Files.read(folder["in"].appending(path: name), within: folder["in"], limit: 1 << 20)
            }
        }
        #expect(throws: Errno.tooLarge) { try Files.read(folder["out"], within: folder.path, limit: 2) }
    }

    @Test("A temporary directory is private, and others' leftovers are removed after a day")
    func temporaryFolders() throws {
        let prefix = "slipway-left-" + Hex.digits(of: Kernel.randomBytes(4)) + "-"
        let (old, young) = try (Files.makeTemporaryFolder(prefix: prefix), Files.makeTemporaryFolder(prefix: prefix))
        // Older, but not of this kind: another name, a file, a link's target.
        let other = old + "-kept"
        try Files.makeDirectory(other, mode: 0o700)
        // Nor one that others may write to: they could have moved it here.
        let open = old.dropLast(16) + "00000000ffffffff"
        try Files.makeDirectory(open, mode: 0o755)
        let file = old.dropLast(16) + "0123456789abcdef"
        try Files.replace(file, with: "x", mode: 0o600)
        let link = old.dropLast(16) + "fedcba9876543210"
        try Files.makeLink(link, to: young)
        defer { for path in [young, other, open, file, link] { try? Files.removeTree(path) } }
        try Files.replace(old.appending(path: "token"), with: "secret", mode: 0o600)
        #expect(try Files.status(old).mode == 0o700)
        let past = Clock.now - 90_000_000_000_000
        for path in [old, other, open, file] { try Files.setModified(path, past) }
        let new = try Files.makeTemporaryFolder(prefix: prefix)
        defer { try? Files.removeTree(new) }
        #expect(Files.isMissing(old))
        for path in [young, other, open, file, link, new] { #expect(!Files.isMissing(path)) }
    }
}
