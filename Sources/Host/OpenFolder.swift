internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// An open directory: paths below it are looked at without being spelled out in full, and changed without ever following a
/// link.
public struct OpenFolder: ~Copyable {
    private let folder: Descriptor

    /// Opens a directory. The corresponding C function is `open` with O_PATH.
    public init(_ path: ByteString) throws(Errno) {
        let number = try path.withCPath { (name) throws(Errno) in
            try checked { openRead(AT_FDCWD, name, Int32(slipway_o_path) | O_DIRECTORY | O_CLOEXEC) }
        }
        folder = try Descriptor(taking: number)
    }

    /// What stands at a path below; a link at its end is not followed. nil when nothing is there, or it cannot be seen. The
    /// corresponding C function is `fstatat`.
    public borrowing func status(_ path: UnsafePointer<CChar>) -> FileStatus? {
        var buffer = stat()
        guard fstatat(folder.number, path, &buffer, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return FileStatus(buffer)
    }

    /// Sets the permission bits of a file or directory below, if it is still the one that was looked at. No part of the path may
    /// be a link: `symbolicLink`. The corresponding C function is `chmod`.
    public borrowing func setMode(_ path: ByteString, of expected: FileStatus, _ mode: UInt32) throws(Errno) {
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
        let file = try Descriptor(taking: number)
        let status = try file.status()
        guard status.kind != .symbolicLink else { throw .symbolicLink }
        guard status.isSameFile(as: expected) else { throw .noSuchFile }
        // A descriptor for the path alone has no fchmod, and a file that may not be read cannot be opened otherwise.
        let link = "/proc/self/fd/" + ByteString(decimal: file.number)
        _ = try link.withCPath { (name) throws(Errno) in try checked { chmod(name, mode) } }
    }
}

private func openRead(_ folder: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    openat(folder, path, flags)
}
