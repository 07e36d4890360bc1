import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Descriptors")
struct DescriptorTests {
    private let folder: TemporaryFolder
    private var file: ByteString { folder["file"] }

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("file", "hello", mode: 0o600)
    }

    @Test(
        "The caller's three standard descriptors are never used, even if they are closed",
        arguments: [0, 1, 2] as [Int32])
    func numbers(_ closed: Int32) async {
        await #expect(processExitsWith: .success) { [closed] in
            close(closed)
            let first = try Descriptor.open("/dev/zero")
            let second = try Descriptor.open("/dev/zero")
            #expect(first.number > 2 && second.number > 2)
            // Another thread may have got the number meanwhile, but for another file.
            let standing = try? Files.readLink("/proc/self/fd/" + ByteString(decimal: closed))
            #expect(standing != "/dev/zero")
            #expect(fcntl(first.number, F_GETFD) == FD_CLOEXEC)
        }
    }

    @Test("Closed when it goes out of scope")
    func scope() async {
        await #expect(processExitsWith: .success) {
            func number() throws -> Int32 { try Descriptor.open("/dev/null").number }
            let closed = try number()
            #expect(fcntl(closed, F_GETFD) == -1)
        }
    }

    @Test(
        "A file as long as the limit can be read",
        arguments: [(0, false), (4, false), (5, true), (6, true), (1 << 40, true), (-1, false)])
    func limits(_ limit: Int, _ isEnough: Bool) throws {
        let descriptor = try Descriptor.open(file)
        if isEnough {
            #expect(try descriptor.readAll(limit: limit) == "hello")
        } else {
            #expect(throws: Errno.tooLarge) { try descriptor.readAll(limit: limit) }
        }
    }

    @Test("An empty file fits any limit")
    func empty() throws {
        try folder.write("empty", "")
        #expect(try Descriptor.open(folder["empty"]).readAll(limit: 0) == "")
    }

    @Test("Longer than one read")
    func long() throws {
        let content = ByteString("0123456789abcdef").repeated(20_000)
        try folder.write("long", content)
        #expect(try Descriptor.open(folder["long"]).readAll(limit: content.count) == content)
        #expect(throws: Errno.tooLarge) { try Descriptor.open(folder["long"]).readAll(limit: content.count - 1) }
    }

    @Test("Reading continues where it stopped")
    func pieces() throws {
        let descriptor = try Descriptor.open(file)
        #expect(try descriptor.read(upTo: 0) == [])
        #expect(try descriptor.read(upTo: -1) == [])
        #expect(try ByteString(descriptor.read(upTo: 3)) == "hel")
        #expect(try ByteString(descriptor.read(upTo: 100)) == "lo")
        #expect(try descriptor.read(upTo: 100) == [])
    }

    @Test("Appending creates the file and writes at its end")
    func append() throws {
        for word in ["a", "b"] as [ByteString] {
            try Descriptor.open(folder["new"], .append(mode: 0o600)).write(word)
        }
        #expect(try folder.read("new") == "ab")
        #expect(try Files.status(folder["new"]).mode == 0o600)
    }

    @Test("Creating never uses an existing file, nor a dangling link")
    func create() throws {
        try Files.makeLink(folder["dangling"], to: folder["nowhere"])
        for taken in [file, folder["dangling"]] {
            #expect(throws: Errno.fileExists) { _ = try Descriptor.open(taken, .create(mode: 0o600)) }
        }
        #expect(throws: Errno.noSuchFile) { try Files.status(folder["nowhere"]) }
        #expect(try folder.read("file") == "hello")
    }

    @Test("Links are followed only if permitted")
    func links() throws {
        try Files.makeLink(folder["link"], to: file)
        #expect(try Descriptor.open(folder["link"]).readAll(limit: 9) == "hello")
        #expect(throws: Errno.symbolicLink) { _ = try Descriptor.open(folder["link"], followLinks: false) }
        #expect(throws: Errno.symbolicLink) {
            _ = try Descriptor.open(folder["link"], .append(mode: 0o600), followLinks: false)
        }
    }

    @Test("A FIFO never blocks")
    func fifo() throws {
        #expect(mkfifo(folder["fifo"].lossy, 0o600) == 0)
        #expect(try Descriptor.open(folder["fifo"]).status().kind == .other)
        #expect(throws: Errno(code: ENXIO)) { _ = try Descriptor.open(folder["fifo"], .append(mode: 0o600)) }
        #expect(throws: Errno.invalid) { try Files.read(folder["fifo"], limit: 10) }
    }

    @Test("A path must not contain NUL")
    func nul() {
        #expect(throws: Errno.invalid) { _ = try Descriptor.open("/dev/null\0") }
        #expect(throws: Errno.noSuchFile) { _ = try Descriptor.open("") }
    }

    @Test("Modes are exact, and the status is that of the open file")
    func modes() throws {
        let descriptor = try Descriptor.open(file)
        try descriptor.setMode(0o640)
        #expect(try descriptor.status() == Files.status(file))
        #expect(try descriptor.status().mode == 0o640)
        try descriptor.setOwner(user: Kernel.userID, group: Kernel.groupID)
    }
}

@Suite("Locks")
struct LockTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("lock", "")
    }

    @Test("Shared locks coexist; an exclusive one does not, and nobody waits")
    func exclusion() throws {
        let first = try Descriptor.open(folder["lock"])
        let second = try Descriptor.open(folder["lock"])
        let third = try Descriptor.open(folder["lock"])
        try first.lock(.shared)
        try second.lock(.shared)
        #expect(throws: Errno.wouldBlock) { try third.lock(.exclusive) }
        #expect(throws: Errno.wouldBlock) { try first.lock(.exclusive) }
    }

    @Test("An exclusive lock keeps out shared ones")
    func exclusive() throws {
        let first = try Descriptor.open(folder["lock"])
        let second = try Descriptor.open(folder["lock"])
        try first.lock(.exclusive)
        #expect(throws: Errno.wouldBlock) { try second.lock(.shared) }
        #expect(throws: Errno.wouldBlock) { try second.lock(.exclusive) }
    }

    // In a separate process: a program that another test starts meanwhile holds a copy until its exec.
    @Test("The lock ends with its descriptor")
    func release() async {
        await #expect(processExitsWith: .success) { [path = folder["lock"].lossy as String] in
            func lockAndForget() throws { try Descriptor.open(ByteString(path)).lock(.exclusive) }
            try lockAndForget()
            try Descriptor.open(ByteString(path)).lock(.exclusive)
        }
    }

    @Test("Kept open across exec, it is numbered 10 or higher, is inherited, and keeps the lock")
    func leftOpen() async {
        await #expect(processExitsWith: .success) { [path = folder["lock"].lossy as String] in
            func leave() throws -> Int32 {
                let descriptor = try Descriptor.open(ByteString(path))
                try descriptor.lock(.shared)
                return try descriptor.leaveOpenAcrossExec()
            }
            let number = try leave()
            #expect(number >= 10)
            #expect(fcntl(number, F_GETFD) == 0)
            #expect(throws: Errno.wouldBlock) { try Descriptor.open(ByteString(path)).lock(.exclusive) }
            let answer = try Execution.ask(
                "/bin/sh", arguments: ["sh", "-c", ByteString("readlink /proc/self/fd/\(number)")],
                nanoseconds: 20_000_000_000, limit: 10_000)
            #expect(answer.output.trimmed.lossy == path)
            close(number)
            try Descriptor.open(ByteString(path)).lock(.exclusive)
        }
    }
}

@Suite("Errors of the kernel")
struct ErrnoTests {
    @Test("Described in the kernel's words")
    func description() {
        #expect(Errno.noSuchFile.description == "No such file or directory")
        #expect(!Errno(code: 99_999).description.isEmpty)
    }

    @Test("A call that a signal interrupted is repeated")
    func interrupted() throws {
        var calls = 0
        let result: Int32 = try checked {
            calls += 1
            errno = EINTR
            return calls < 3 ? -1 : 7
        }
        #expect(result == 7 && calls == 3)
    }

    @Test("Any other error is thrown")
    func thrown() {
        #expect(throws: Errno(code: EPERM)) {
            try checked { () -> Int32 in
                errno = EPERM
                return -1
            }
        }
    }
}
