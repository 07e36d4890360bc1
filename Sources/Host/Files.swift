public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// What `stat` returns, to the extent that Slipway needs it.
public struct FileStatus: Equatable, Sendable {
    /// The kind of file.
    public enum Kind: Equatable, Sendable {
        case regular, directory, symbolicLink, socket, other
    }

    /// The kind of file.
    public let kind: Kind
    /// The device number of the file system.
    public let device: UInt64
    /// The file's number on its file system.
    public let inode: UInt64
    /// The number of names (hard links).
    public let links: UInt64
    /// The owner's user ID.
    public let owner: UInt32
    /// The group ID.
    public let group: UInt32
    /// The twelve permission bits.
    public let mode: UInt32
    /// The size in bytes.
    public let size: Int
    /// The modification time of the content, in nanoseconds since 1970.
    public let modified: Int64
    /// The change time of the inode, in nanoseconds since 1970.
    public let changed: Int64

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFSOCK: .socket
            default: .other
            }
        device = UInt64(truncatingIfNeeded: raw.st_dev)
        inode = UInt64(truncatingIfNeeded: raw.st_ino)
        links = UInt64(truncatingIfNeeded: raw.st_nlink)
        owner = raw.st_uid
        group = raw.st_gid
        mode = UInt32(raw.st_mode) & 0o7777
        size = Int(raw.st_size)
        modified = Clock.nanoseconds(raw.st_mtim)
        changed = Clock.nanoseconds(raw.st_ctim)
    }

    /// Whether both are the same file, whatever their names.
    public func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }

    /// Whether others than the owner may write it.
    public var isWritableByOthers: Bool { mode & 0o022 != 0 }

    /// Whether the mode lets a user read it, whatever their groups. Saves a system call for each of many files; root
    /// gets no special treatment.
    public func isReadable(to user: UInt32) -> Bool { owner == user ? mode & 0o400 != 0 : mode & 0o044 == 0o044 }
}

/// Operations on the file system by path.
public enum Files {
    /// The status of a path. The corresponding C functions are `stat` and `lstat`.
    public static func status(_ path: ByteString, followLinks: Bool = true) throws(Errno) -> FileStatus {
        var buffer = stat()
        _ = try path.withCPath { (name) throws(Errno) in
            try checked { followLinks ? stat(name, &buffer) : lstat(name, &buffer) }
        }
        return FileStatus(buffer)
    }

    /// Whether anything exists at a path made of a variable's value and a fixed rest. Makes no copies, because this
    /// runs before every docker command.
    public static func exists(below variable: StaticString, _ rest: StaticString) -> Bool {
        guard let value = getenv(variable.cString) else { return false }
        let length = strlen(value)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + rest.utf8CodeUnitCount + 1) { path in
            guard let start = path.baseAddress else { return false }
            memcpy(start, value, length)
            memcpy(start + length, rest.utf8Start, rest.utf8CodeUnitCount)
            start[length + rest.utf8CodeUnitCount] = 0
            return access(start, F_OK) == 0
        }
    }

    /// Whether anything exists at a fixed path.
    public static func exists(_ path: StaticString) -> Bool { access(path.cString, F_OK) == 0 }

    /// Whether nothing exists at a path, not even a link unless links are followed; false if in doubt.
    public static func isMissing(_ path: ByteString, followLinks: Bool = false) -> Bool {
        do throws(Errno) {
            _ = try status(path, followLinks: followLinks)
            return false
        } catch {
            return error == .noSuchFile
        }
    }

    /// The whole content of a regular file; `tooLarge` beyond `limit` bytes, `invalid` for anything but a regular
    /// file, `accessDenied` if `isAccepted` rejects it. `isAccepted` is asked about the very file that is open.
    public static func read(
        _ path: ByteString, limit: Int, followLinks: Bool = true, where isAccepted: (FileStatus) -> Bool = { _ in true }
    ) throws(Errno) -> ByteString {
        // Checked before opening: opening a FIFO unblocks its writer, and opening a device may have effects.
        let seen = try status(path, followLinks: followLinks)
        guard seen.kind == .regular else { throw seen.kind == .symbolicLink ? .symbolicLink : .invalid }
        let file = try Descriptor.open(path, followLinks: followLinks)
        let status = try file.status()
        guard status.kind == .regular else { throw .invalid }
        guard isAccepted(status) else { throw .accessDenied }
        return try file.readAll(limit: limit)
    }

    /// Replaces a file atomically: readers see the old content or the new. Not flushed to disk, because what is kept
    /// this way can be recomputed.
    public static func replace(_ path: ByteString, with content: ByteString, mode: UInt32) throws(Errno) {
        let temporary = path + "." + Hex.digits(of: Kernel.randomBytes(8)) + ".tmp"
        do throws(Errno) {
            let file = try Descriptor.open(temporary, .create(mode: mode), followLinks: false)
            try file.write(content)
        } catch {
            try? remove(temporary)
            throw error
        }
        do throws(Errno) {
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)
            throw error
        }
    }

    /// The corresponding C function is `unlink`.
    public static func remove(_ path: ByteString) throws(Errno) {
        _ = try path.withCPath { (name) throws(Errno) in try checked { unlink(name) } }
    }

    /// The corresponding C function is `rename`.
    public static func rename(_ path: ByteString, to target: ByteString) throws(Errno) {
        _ = try path.withCPath { (from) throws(Errno) in
            try target.withCPath { (to) throws(Errno) in try checked { systemRename(from, to) } }
        }
    }

    /// Makes one directory with exactly these permission bits, regardless of the umask; `fileExists` if the name is
    /// taken.
    public static func makeDirectory(_ path: ByteString, mode: UInt32) throws(Errno) {
        _ = try path.withCPath { (name) throws(Errno) in try checked { mkdir(name, 0o700) } }
        let directory = try Descriptor.open(path, followLinks: false)
        try directory.setMode(mode)
    }

    /// Makes a directory and the missing ones above it, with exactly these permission bits. Existing ones stay
    /// unchanged.
    public static func makeDirectories(_ path: ByteString, mode: UInt32) throws(Errno) {
        do throws(Errno) {
            return try makeDirectory(path, mode: mode)
        } catch .fileExists {
            guard try status(path).kind == .directory else { throw .notDirectory }
            return
        } catch .noSuchFile {
            let parent = path.parentPath
            guard parent != path, parent != "." else { throw .noSuchFile }
            try makeDirectories(parent, mode: mode)
        }
        do throws(Errno) {
            try makeDirectory(path, mode: mode)
        } catch .fileExists {
            return
        }
    }

    /// The corresponding C function is `symlink`.
    public static func makeLink(_ path: ByteString, to target: ByteString) throws(Errno) {
        _ = try target.withCPath { (target) throws(Errno) in
            try path.withCPath { (name) throws(Errno) in try checked { symlink(target, name) } }
        }
    }

    /// The target of a symbolic link. The corresponding C function is `readlink`.
    public static func readLink(_ path: ByteString) throws(Errno) -> ByteString {
        try path.withCPath { (name) throws(Errno) in
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = try checked { readlink(name, &buffer, buffer.count) }
            return ByteString(buffer.prefix(count).map { UInt8(bitPattern: $0) })
        }
    }

    /// The absolute path with all links resolved; every part must exist. The corresponding C function is `realpath`.
    public static func realPath(_ path: ByteString) throws(Errno) -> ByteString {
        try path.withCPath { (name) throws(Errno) in
            guard let resolved = realpath(name, nil) else { throw .current }
            defer { free(resolved) }
            return ByteString(cString: resolved)
        }
    }

    /// The names in a directory, without "." and "..", in no particular order; at most `limit` of them, and none after
    /// the deadline. An incomplete listing is an error: a caller that deletes what is not listed must not take half of
    /// it for the whole.
    public static func names(
        in path: ByteString, limit: Int, until deadline: Deadline = .never
    ) throws(Errno) -> [ByteString] {
        try path.withCPath { (name) throws(Errno) in
            guard let directory = opendir(name) else { throw .current }
            defer { closedir(directory) }
            var names: [ByteString] = []
            while names.count < limit {
                // readdir returns nil both at the end and on failure: only errno tells which.
                errno = 0
                guard let entry = readdir(directory) else {
                    guard errno == 0 else { throw .current }
                    break
                }
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                        ByteString(cString: $0)
                    }
                }
                if name != "." && name != ".." { names.append(name) }
                if names.count % 64 == 0, deadline.hasPassed { break }
            }
            return names
        }
    }

    /// What a process wants to do with a path.
    public enum Permission: Sendable {
        case read, write, execute
    }

    /// Checks whether this process's effective user has this permission; throws the error that the operation itself
    /// would give, `readOnly` included. The corresponding C function is `faccessat` with AT_EACCESS.
    public static func check(_ permission: Permission, _ path: ByteString) throws(Errno) {
        let wanted =
            switch permission {
            case .read: R_OK
            case .write: W_OK
            case .execute: X_OK
            }
        _ = try path.withCPath { (name) throws(Errno) in
            try checked { faccessat(AT_FDCWD, name, wanted, Int32(AT_EACCESS)) }
        }
    }

    /// Whether `check` succeeds.
    public static func allows(_ permission: Permission, _ path: ByteString) -> Bool {
        (try? check(permission, path)) != nil
    }

    /// The space on a file system.
    public struct Space: Equatable, Sendable {
        /// Bytes in total.
        public let total: UInt64
        /// Bytes that an ordinary user may still use.
        public let available: UInt64
        /// Inodes in total; 0 if the file system does not count them.
        public let totalInodes: UInt64
        /// Inodes that an ordinary user may still use.
        public let availableInodes: UInt64

        /// Named values, for tests and tables.
        public init(total: UInt64, available: UInt64, totalInodes: UInt64, availableInodes: UInt64) {
            self.total = total
            self.available = available
            self.totalInodes = totalInodes
            self.availableInodes = availableInodes
        }
    }

    /// The space on the file system of a path. The corresponding C function is `statvfs`.
    public static func space(at path: ByteString) throws(Errno) -> Space {
        var buffer = statvfs()
        _ = try path.withCPath { (name) throws(Errno) in try checked { statvfs(name, &buffer) } }
        let unit = UInt64(buffer.f_frsize)
        return Space(
            total: UInt64(buffer.f_blocks).multipliedReportingOverflow(by: unit).partialValue,
            available: UInt64(buffer.f_bavail).multipliedReportingOverflow(by: unit).partialValue,
            totalInodes: UInt64(buffer.f_files),
            availableInodes: UInt64(buffer.f_favail)
        )
    }
}

private func systemRename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) -> Int32 { rename(from, to) }
