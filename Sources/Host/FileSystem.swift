internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The kind of a file system, to the extent that it matters for a store.
public struct FileSystem: Equatable, Sendable {
    /// Where it keeps its files.
    public enum Place: Equatable, Sendable {
        /// On a disk of this machine.
        case local
        /// Elsewhere: other machines, or another program, may change them.
        case remote
        /// In memory: lost at the next reboot.
        case memory
        /// In a container's own layers: lost with the container.
        case layered
        /// An unknown kind.
        case unknown
    }

    /// A name for people, such as "NFS"; the kernel's number in hexadecimal if it is unknown.
    public let name: ByteString
    /// Where it keeps its files.
    public let place: Place

    /// From `f_type` of `statfs`. Source: linux/magic.h and statfs(2).
    public init(type: UInt32) {
        if let known = Self.known[type] {
            (name, place) = known
        } else {
            name = "0x" + ByteString(String(type, radix: 16))
            place = .unknown
        }
    }

    private static let known: [UInt32: (ByteString, Place)] = [
        0xEF53: ("ext4", .local), 0x5846_5342: ("XFS", .local), 0x9123_683E: ("btrfs", .local),
        0x2FC1_2FC1: ("ZFS", .local), 0xF2F5_2010: ("F2FS", .local), 0xCA45_1A4E: ("bcachefs", .local),
        0x7371_7368: ("squashfs", .local), 0xE0F5_E1E2: ("EROFS", .local), 0x4D44: ("FAT", .local),
        0x6969: ("NFS", .remote), 0xFF53_4D42: ("SMB", .remote), 0xFE53_4D42: ("SMB", .remote),
        0x517B: ("SMB", .remote), 0x0102_1997: ("9p", .remote), 0x6573_5546: ("FUSE or virtiofs", .remote),
        0x00C3_6400: ("Ceph", .remote), 0x5346_414F: ("AFS", .remote), 0x0BD0_0BD0: ("Lustre", .remote),
        0x0116_1970: ("GFS2", .remote), 0x7461_636F: ("OCFS2", .remote), 0x786F_4256: ("vboxsf", .remote),
        0x0102_1994: ("tmpfs", .memory), 0x8584_58F6: ("ramfs", .memory),
        0x794C_7630: ("overlay", .layered), 0x6175_6673: ("aufs", .layered),
    ]
}

extension Files {
    /// The file system of a path. The corresponding C function is `statfs`.
    public static func fileSystem(at path: ByteString) throws(Errno) -> FileSystem {
        var buffer = statfs()
        _ = try path.withCPath { (name) throws(Errno) in try checked { statfs(name, &buffer) } }
        return FileSystem(type: UInt32(truncatingIfNeeded: buffer.f_type))
    }

    /// Whether a path has an extended attribute, such as "system.posix_acl_default"; also false if the file system
    /// supports none. The corresponding C function is `getxattr`.
    public static func hasAttribute(_ attribute: ByteString, at path: ByteString) -> Bool {
        let size = try? path.withCPath { (name) throws(Errno) in
            try attribute.withCPath { (attribute) throws(Errno) in try checked { getxattr(name, attribute, nil, 0) } }
        }
        return (size ?? -1) >= 0
    }
}

extension Kernel {
    /// Whether one of the caller's streams, 0 to 2, is a terminal. The corresponding C function is `isatty`.
    public static func isTerminal(_ stream: Int32) -> Bool { isatty(stream) == 1 }
}
