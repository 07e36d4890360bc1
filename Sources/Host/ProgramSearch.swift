public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A program that this process may become.
public struct Program: Equatable, Sendable {
    /// The path as found, unresolved: some programs behave according to the name they are called by.
    public let path: ByteString
    /// Whether it is not an ELF file: then it is a wrapper script, which may itself search for the next program of
    /// its name.
    public let isScript: Bool
}

/// Searches PATH for the next program with this program's name. This runs before every command, so it works on the C
/// strings of the environment and on the stack: with byte arrays the same walk cost a third more than the whole start
/// of the runtime.
public enum ProgramSearch {
    /// The first executable called `name` after this program's own place on PATH, otherwise the first one before it. It
    /// skips this very file, files with `marker` in their first 4 KiB, relative and empty entries of PATH, and what
    /// `refuses` rejects.
    public static func next(
        named name: StaticString, withoutMarker marker: StaticString, refuses: (Program) -> Bool
    ) -> Program? {
        guard let path = getenv("PATH") else { return nil }
        return next(named: name, along: path, withoutMarker: marker, refuses: refuses)
    }

    /// The usual folders for programs: what shells and sudo use if PATH is not set, and snap's folder.
    ///
    /// Source: debian/patches of bash, DEFAULT_PATH_VALUE; dash src/var.c, defpathvar; sudo's secure_path. The C
    /// library and Go use less: "/bin:/usr/bin" (confstr, _CS_PATH), and nothing (os/exec LookPath).
    public static var usualFolders: ByteString {
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
    }

    /// The same search in other folders than those of PATH.
    public static func next(
        named name: StaticString, along folders: ByteString, withoutMarker marker: StaticString,
        refuses: (Program) -> Bool
    ) -> Program? {
        let found = try? folders.withCPath { (path) throws(Errno) -> Program? in
            next(named: name, along: path, withoutMarker: marker, refuses: refuses)
        }
        return found ?? nil
    }

    private static func next(
        named name: StaticString, along path: UnsafePointer<CChar>, withoutMarker marker: StaticString,
        refuses: (Program) -> Bool
    ) -> Program? {
        let own = ownFile
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + name.utf8CodeUnitCount + 2) {
            buffer in
            guard let candidate = buffer.baseAddress else { return nil }
            var before: Program?
            var isPastOwn = false
            var entry = path
            while true {
                let length = strcspn(entry, ":")
                if entry[0] == 0x2F, length < Int(PATH_MAX) {
                    memcpy(candidate, entry, length)
                    candidate[length] = 0x2F
                    memcpy(candidate + length + 1, name.utf8Start, name.utf8CodeUnitCount)
                    candidate[length + 1 + name.utf8CodeUnitCount] = 0
                    var status = stat()
                    if stat(candidate, &status) == 0 {
                        if let own, own.device == status.st_dev, own.inode == status.st_ino {
                            isPastOwn = true
                        } else if isPastOwn || before == nil,
                            let program = program(candidate, status, marker), !refuses(program)
                        {
                            if isPastOwn { return program }
                            before = program
                        }
                    }
                }
                guard entry[length] != 0 else { return before }
                entry += length + 1
            }
        }
    }

    /// A program by its absolute path, under the same conditions.
    public static func named(_ path: ByteString, withoutMarker marker: StaticString) -> Program? {
        let found = try? path.withCPath { (name) throws(Errno) -> Program? in
            var status = stat()
            guard path.hasPrefix("/"), stat(name, &status) == 0 else { return nil }
            if let own = ownFile, own.device == status.st_dev, own.inode == status.st_ino { return nil }
            return program(name, status, marker)
        }
        return found ?? nil
    }

    /// The bytes by which shims recognize each other wherever they were copied: room Shim puts them into its
    /// programs.
    public static let marker: StaticString = "SLIPWAY-SHIM"

    /// Whether the file at a path is a shim; false if it cannot be read.
    public static func isShim(_ path: ByteString) -> Bool {
        let found = try? path.withCPath { (name) throws(Errno) -> Bool in
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { head in
                holds(UnsafeRawBufferPointer(rebasing: head[..<fill(head, from: name)]), marker)
            }
        }
        return found ?? false
    }

    /// An executable file that is not a shim, at a path that may be relative.
    public static func plugin(_ path: ByteString) -> Program? {
        let found = try? path.withCPath { (name) throws(Errno) -> Program? in
            var status = stat()
            guard stat(name, &status) == 0 else { return nil }
            return program(name, status, marker)
        }
        return found ?? nil
    }

    private static var ownFile: (device: dev_t, inode: ino_t)? {
        var status = stat()
        return stat("/proc/self/exe", &status) == 0 ? (status.st_dev, status.st_ino) : nil
    }

    private static func program(_ path: UnsafePointer<CChar>, _ status: stat, _ marker: StaticString) -> Program? {
        guard status.st_mode & S_IFMT == S_IFREG, faccessat(AT_FDCWD, path, X_OK, Int32(AT_EACCESS)) == 0 else {
            return nil
        }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { head in
            let count = fill(head, from: path)
            if holds(UnsafeRawBufferPointer(rebasing: head[..<count]), marker) { return nil }
            let isELF = head[..<count].starts(with: [0x7F, 0x45, 0x4C, 0x46])
            return Program(path: ByteString(cString: path), isScript: count > 0 && !isELF)
        }
    }

    /// Reads the first bytes of a file. A file that may be executed but not read cannot be checked, and is accepted.
    private static func fill(_ head: UnsafeMutableRawBufferPointer, from path: UnsafePointer<CChar>) -> Int {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return 0 }
        defer { close(number) }
        var count = 0
        // A short read need not be the end: a marker must not be missed.
        while count < head.count, let start = head.baseAddress {
            let got = read(number, start + count, head.count - count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            count += got
        }
        return count
    }

    private static func holds(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        var offset = 0
        while let start = text.baseAddress, text.count - offset >= word.utf8CodeUnitCount,
            let found = memchr(start + offset, Int32(word.utf8Start[0]), text.count - offset)
        {
            offset = UnsafeRawPointer(found) - start
            guard text.count - offset >= word.utf8CodeUnitCount else { return false }
            if memcmp(found, word.utf8Start, word.utf8CodeUnitCount) == 0 { return true }
            offset += 1
        }
        return false
    }
}
