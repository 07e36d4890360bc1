internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// An open directory. Paths below it are looked up without spelling out the full path, and changed without ever
/// following a link.
public struct DirectoryDescriptor: ~Copyable {
    private let folder: Descriptor

    /// Opens a directory. The corresponding C function is `open` with O_PATH.
    public init(_ path: ByteString) throws(Errno) {
        let number = try path.withCPath { (name) throws(Errno) in
            try checked { openRead(AT_FDCWD, name, Int32(slipway_o_path) | O_DIRECTORY | O_CLOEXEC) }
        }
        folder = try Descriptor(taking: number)
    }

    /// The status of a path below; nil if nothing exists there or it cannot be seen. The corresponding C function is
    /// `fstatat`.
    public borrowing func status(_ path: UnsafePointer<CChar>, followLinks: Bool = false) -> FileStatus? {
        var buffer = stat()
        guard fstatat(folder.number, path, &buffer, followLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return FileStatus(buffer)
    }

    /// Opens a regular file below for reading, if it is still the `expected` one; without `expected`, any regular file.
    /// No part of the path may be a link: `symbolicLink`. It never opens anything else: opening a FIFO would unblock
    /// its writer. The corresponding C function is `openat`.
    public borrowing func openFile(_ path: ByteString, of expected: FileStatus? = nil) throws(Errno) -> Descriptor {
        let seen = try look(path)
        let status = try seen.status()
        guard status.kind != .symbolicLink else { throw .symbolicLink }
        guard status.kind == .regular else { throw .invalid }
        guard expected.map(status.isSameFile) ?? true else { throw .noSuchFile }
        // An O_PATH descriptor cannot be read, and the path may name another file by now.
        return try Descriptor.open("/proc/self/fd/" + ByteString(decimal: seen.number))
    }

    /// A directory below that is not a link. The corresponding C function is `openat` with O_PATH.
    public borrowing func folder(_ name: ByteString) throws(Errno) -> DirectoryDescriptor {
        let base = folder.number
        let number = try name.withCPath { (name) throws(Errno) in
            try checked { openRead(base, name, Int32(slipway_o_path) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        }
        return DirectoryDescriptor(try Descriptor(taking: number))
    }

    /// A directory further below; no part of the path may be a link.
    public borrowing func folders(_ path: ByteString) throws(Errno) -> DirectoryDescriptor {
        let place = try look(path)
        guard try place.status().kind == .directory else { throw .notDirectory }
        return DirectoryDescriptor(place)
    }

    private init(_ folder: consuming Descriptor) { self.folder = folder }

    /// The status of a name below; a link is not followed. The corresponding C function is `fstatat`.
    public borrowing func status(of name: ByteString) throws(Errno) -> FileStatus {
        let base = folder.number
        var buffer = stat()
        _ = try name.withCPath { (name) throws(Errno) in
            try checked { fstatat(base, name, &buffer, AT_SYMLINK_NOFOLLOW) }
        }
        return FileStatus(buffer)
    }

    /// The names in it; at most `limit` of them.
    public borrowing func names(limit: Int) throws(Errno) -> [ByteString] {
        try Files.names(in: "/proc/self/fd/" + ByteString(decimal: folder.number), limit: limit)
    }

    /// The target of a symbolic link below. The corresponding C function is `readlink`.
    public borrowing func readLink(_ name: ByteString) throws(Errno) -> ByteString {
        try Files.readLink("/proc/self/fd/" + ByteString(decimal: folder.number) + "/" + name)
    }

    /// Sets the permission bits of a file or directory below, if it is still the `expected` one. No part of the path
    /// may be a link: `symbolicLink`. The corresponding C function is `chmod`.
    public borrowing func setMode(_ path: ByteString, of expected: FileStatus, _ mode: UInt32) throws(Errno) {
        let file = try look(path)
        let status = try file.status()
        guard status.kind != .symbolicLink else { throw .symbolicLink }
        guard status.isSameFile(as: expected) else { throw .noSuchFile }
        // fchmod does not work on an O_PATH descriptor, and a file without read permission cannot be opened
        // otherwise.
        let link = "/proc/self/fd/" + ByteString(decimal: file.number)
        _ = try link.withCPath { (name) throws(Errno) in try checked { chmod(name, mode) } }
    }

    /// An O_PATH descriptor for a path below; no directory on the way may be a link.
    private borrowing func look(_ path: ByteString) throws(Errno) -> Descriptor {
        var parts = path.split("/")
        guard let name = parts.popLast() else { throw .invalid }
        var base = folder.number
        var opened: [Int32] = []
        defer { for number in opened { close(number) } }
        for part in parts {
            base = try part.withCPath { (name) throws(Errno) in
                try checked {
                    openRead(base, name, Int32(slipway_o_path) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                }
            }
            opened.append(base)
        }
        let number = try name.withCPath { (name) throws(Errno) in
            try checked { openRead(base, name, Int32(slipway_o_path) | O_NOFOLLOW | O_CLOEXEC) }
        }
        return try Descriptor(taking: number)
    }
}

extension Files {
    /// The content of a regular file whose real place is below a folder: `accessDenied` if a link leads out of it.
    /// Nothing on the way can become a link meanwhile.
    public static func read(_ path: ByteString, within folder: ByteString, limit: Int) throws(Errno) -> ByteString {
        let (root, real) = (try realPath(folder), try realPath(path))
        guard let below = real.relative(to: root), below != "." else { throw .accessDenied }
        return try DirectoryDescriptor(root).openFile(below).readAll(limit: limit)
    }
}

private func openRead(_ folder: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    openat(folder, path, flags)
}
