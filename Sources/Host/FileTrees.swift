internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

extension Files {
    /// Swaps two names atomically; `invalid` or `noSystemCall` if that is not supported. The corresponding C function
    /// is `renameat2` with RENAME_EXCHANGE.
    public static func exchange(_ path: ByteString, _ other: ByteString) throws(Errno) {
        _ = try path.withCPath { (path) throws(Errno) in
            try other.withCPath { (other) throws(Errno) in try checked { slipway_exchange(path, other) } }
        }
    }

    /// Makes a folder that only this user may enter, below TMPDIR or else /tmp. Removes the user's folders with this
    /// prefix that are older than a day: killed processes left them, and they may hold copies of credentials.
    public static func makeTemporaryFolder(prefix: ByteString) throws(Errno) -> ByteString {
        let parents = [Kernel.variable("TMPDIR").flatMap { $0.hasPrefix("/") ? $0 : nil }, "/tmp"].compactMap { $0 }
        for parent in parents.withoutRepeats { removeTemporaryFolders(prefix: prefix, in: parent) }
        let name = prefix + Hex.digits(of: Kernel.randomBytes(8))
        for parent in parents.dropLast() {
            let path = parent.appending(path: name)
            if (try? makeDirectory(path, mode: 0o700)) != nil { return path }
        }
        try makeDirectory("/tmp/" + name, mode: 0o700)
        return "/tmp/" + name
    }

    private static func removeTemporaryFolders(prefix: ByteString, in parent: ByteString) {
        let day: Int64 = 86_400_000_000_000
        // If others could rename our folders here, they could put a link in the place of one while it is removed.
        guard let home = try? status(parent), home.owner == 0 || home.owner == Kernel.userID,
            home.mode & 0o022 == 0 || home.mode & 0o1000 != 0
        else { return }
        for name in (try? names(in: parent, limit: 65_536)) ?? []
        where name.hasPrefix(prefix) && name.count == prefix.count + 16 {
            let path = parent.appending(path: name)
            guard let status = try? status(path, followLinks: false), status.kind == .directory,
                status.owner == Kernel.userID, status.mode == 0o700, Clock.now &- status.modified > day
            else { continue }
            try? removeTree(path)
        }
    }

    /// The files to remove from a folder of remembered files: none if there are at most `most`, otherwise all but the
    /// half that was changed last.
    public static func surplus(in folder: ByteString, most: Int) -> [ByteString] {
        guard let names = try? names(in: folder, limit: 65_536), names.count > most else { return [] }
        let files = names.map { folder.appending(path: $0) }.map { path in
            (path: path, time: (try? status(path, followLinks: false).modified) ?? 0)
        }
        return files.sorted { $0.time > $1.time }.dropFirst(most / 2).map(\.path)
    }

    /// Gives a file another name. Links are not followed. The corresponding C function is `link`.
    public static func makeHardLink(_ path: ByteString, to file: ByteString) throws(Errno) {
        _ = try file.withCPath { (file) throws(Errno) in
            try path.withCPath { (name) throws(Errno) in try checked { link(file, name) } }
        }
    }

    /// Sets the modification time, in nanoseconds since 1970; a link is not followed. The corresponding C function is
    /// `utimensat`.
    public static func setModified(_ path: ByteString, _ time: Int64) throws(Errno) {
        // Nanoseconds count upwards even before 1970.
        let nanoseconds = (time % 1_000_000_000 + 1_000_000_000) % 1_000_000_000
        let stamp = timespec(tv_sec: Int((time - nanoseconds) / 1_000_000_000), tv_nsec: Int(nanoseconds))
        let times = (stamp, stamp)
        _ = try path.withCPath { (name) throws(Errno) in
            try checked {
                withUnsafeBytes(of: times) {
                    utimensat(
                        AT_FDCWD, name, $0.assumingMemoryBound(to: timespec.self).baseAddress, AT_SYMLINK_NOFOLLOW)
                }
            }
        }
    }

    /// Removes an empty directory. The corresponding C function is `rmdir`.
    static func removeDirectory(_ path: ByteString) throws(Errno) {
        _ = try path.withCPath { (name) throws(Errno) in try checked { rmdir(name) } }
    }

    /// Removes what is at a path, with everything below it; it is no error if nothing is there. A link is removed,
    /// never followed, and a directory on another file system is an error: `crossesDevices`. `removed` is called after
    /// each file.
    public static func removeTree(_ path: ByteString, removed: () -> Void = {}) throws(Errno) {
        do throws(Errno) {
            let status = try status(path, followLinks: false)
            try removeTree(path, status, device: status.device, removed)
        } catch .noSuchFile {
            return
        }
    }

    private static func removeTree(
        _ path: ByteString, _ status: FileStatus, device: UInt64, _ removed: () -> Void
    ) throws(Errno) {
        guard status.kind == .directory else {
            try remove(path)
            return removed()
        }
        guard status.device == device else { throw .crossesDevices }
        for name in try names(in: path, limit: .max) {
            let below = path.appending(path: name)
            do throws(Errno) {
                try removeTree(below, try Files.status(below, followLinks: false), device: device, removed)
            } catch .noSuchFile {
                continue
            }
        }
        try removeDirectory(path)
    }
}
