import CLinux
import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("File systems, second names, attributes")
struct FileSystemTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(
        "Kinds by the kernel's numbers",
        arguments: [
            (0xEF53, "ext4", .local), (0x6969, "NFS", .remote), (0x6573_5546, "FUSE or virtiofs", .remote),
            (0x0102_1997, "9p", .remote), (0x0102_1994, "tmpfs", .memory), (0x794C_7630, "overlay", .layered),
            (0xABCD, "0xabcd", .unknown),
        ] as [(UInt32, ByteString, FileSystem.Place)])
    func kinds(_ type: UInt32, _ name: ByteString, _ place: FileSystem.Place) {
        let system = FileSystem(type: type)
        #expect(system.name == name && system.place == place)
    }

    @Test("The kernel is asked about the given path")
    func asked() throws {
        #expect(try Files.fileSystem(at: "/proc") == FileSystem(type: 0x9FA0))
        #expect(try Files.fileSystem(at: folder.path) != FileSystem(type: 0x9FA0))
        #expect(throws: Errno.noSuchFile) { try Files.fileSystem(at: folder["missing"]) }
    }

    @Test("A hard link is the same file, and never replaces an existing name")
    func hardLinks() throws {
        let file = try folder.write("file", "x")
        try Files.makeHardLink(folder["other"], to: file)
        #expect(try Files.status(folder["other"]).isSameFile(as: Files.status(file)))
        #expect(throws: Errno.fileExists) { try Files.makeHardLink(folder["other"], to: file) }
        #expect(throws: Errno.noSuchFile) { try Files.makeHardLink(folder["new"], to: folder["missing"]) }
    }

    @Test("An attribute exists, or it does not")
    func attributes() throws {
        let file = try folder.write("file", "x")
        #expect(!Files.hasAttribute("user.slipway", at: file))
        let isSet = setxattr(file.lossy, "user.slipway", "1", 1, 0) == 0
        #expect(Files.hasAttribute("user.slipway", at: file) == isSet)
        #expect(!Files.hasAttribute("user.slipway", at: folder["missing"]))
    }

    @Test("A tree is removed completely, and the targets of its links stay")
    func trees() throws {
        let kept = try folder.write("kept/file", "x")
        try folder.write("tree/a/b/file", "x")
        try Files.makeLink(folder["tree/a/link"], to: kept.parentPath)
        #expect(throws: Errno.self) { try Files.removeDirectory(folder["tree"]) }
        try Files.removeTree(folder["tree"])
        #expect(try folder.names() == ["kept"])
        #expect(try Files.read(kept, limit: 9) == "x")
        try Files.removeDirectory(folder.makeFolder("empty"))
        #expect(try folder.names() == ["kept"])
    }
}
