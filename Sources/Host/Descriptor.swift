internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// An open file of our own, closed when it goes out of scope and by exec. Its number is never 0 to 2: a caller may have
/// closed those, and what docker writes to "stdout" must not end up in one of our files.
public struct Descriptor: ~Copyable, Sendable {
    let number: Int32
    private static let hashedAtOnce = 1 << 17

    /// Takes over an open descriptor. Throws if it cannot be moved away from 0 to 2.
    init(taking number: Int32) throws(Errno) {
        guard number <= 2 else {
            self.number = number
            return
        }
        let moved = fcntl(number, F_DUPFD_CLOEXEC, 3)
        let failure = Errno.current
        close(number)
        guard moved != -1 else { throw failure }
        self.number = moved
    }

    deinit { close(number) }

    /// How a file is opened.
    public enum Access: Sendable {
        /// Reading only.
        case read
        /// Appending; creates the file with these permission bits if it does not exist.
        case append(mode: UInt32)
        /// Writing a file that must not exist yet.
        case create(mode: UInt32)
        /// Reading and writing; creates the file with these permission bits if it does not exist.
        case update(mode: UInt32)
    }

    /// Opens a file without ever blocking (not even on a FIFO), closed on exec. The corresponding C function is
    /// `open`.
    public static func open(
        _ path: ByteString, _ access: Access = .read, followLinks: Bool = true
    ) throws(Errno) -> Descriptor {
        var flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        var permissions: mode_t = 0
        switch access {
        case .read: flags |= O_RDONLY
        case .append(let mode):
            flags |= O_WRONLY | O_APPEND | O_CREAT
            permissions = mode
        case .create(let mode):
            flags |= O_WRONLY | O_CREAT | O_EXCL
            permissions = mode
        case .update(let mode):
            flags |= O_RDWR | O_CREAT
            permissions = mode
        }
        if !followLinks { flags |= O_NOFOLLOW }
        let number = try path.withCPath { (name) throws(Errno) in
            try checked { systemOpen(name, flags, permissions) }
        }
        return try Descriptor(taking: number)
    }

    /// What the descriptor refers to. The corresponding C function is `fstat`.
    public borrowing func status() throws(Errno) -> FileStatus {
        var buffer = stat()
        let number = number
        _ = try checked { fstat(number, &buffer) }
        return FileStatus(buffer)
    }

    /// Everything from here to the end; `tooLarge` if that is more than `limit` bytes.
    public borrowing func readAll(limit: Int) throws(Errno) -> ByteString {
        // Most files are small, and /proc returns a page at a time: touching fresh memory costs more than copying.
        var content: [UInt8] = []
        var room = 16_384
        while true {
            let count = min(max(limit &+ 1 &- content.count, 1), room)
            let piece = try fill(count)
            if content.isEmpty { content = piece } else { content += piece }
            if content.count > limit { throw .tooLarge }
            if piece.count < count { return ByteString(content) }
            room = min(room * 4, 1 << 20)
        }
    }

    /// As many bytes as requested; fewer only at the end.
    private borrowing func fill(_ count: Int) throws(Errno) -> [UInt8] {
        let number = number
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, initialized in
            do throws(Errno) {
                while initialized < buffer.count {
                    let rest = UnsafeMutableBufferPointer(rebasing: buffer[initialized...])
                    let got = try checked { systemRead(number, rest.baseAddress, rest.count) }
                    if got == 0 { return }
                    initialized += got
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Moves to this many bytes before the end, or to the beginning if the file is shorter. The corresponding C
    /// function is `lseek`.
    public borrowing func seek(beforeEnd count: Int) throws(Errno) {
        let (number, place) = (number, max(0, try status().size &- max(0, count)))
        _ = try checked { lseek(number, place, SEEK_SET) }
    }

    /// Moves forward by this many bytes. The corresponding C function is `lseek`.
    public borrowing func skip(_ count: Int) throws(Errno) {
        let number = number
        _ = try checked { lseek(number, count, SEEK_CUR) }
    }

    /// The digest of everything from here to the end, however much that is. `progress` gets the bytes of each piece.
    public borrowing func digest(_ progress: (Int) -> Void = { _ in }) throws(Errno) -> Digest {
        var hash = SHA256()
        while true {
            let count = try add(to: &hash, upTo: 1 << 20)
            if count == 0 { return Digest(hash) }
            progress(count)
        }
    }

    /// Adds the bytes from here on to a hash; returns how many there were, which is fewer only at the end.
    public borrowing func add(to hash: inout SHA256, upTo count: Int) throws(Errno) -> Int {
        var added = 0
        while added < count {
            let piece = try read(upTo: min(Self.hashedAtOnce, count - added))
            if piece.isEmpty { break }
            hash.update(piece)
            added += piece.count
        }
        return added
    }

    /// At most `count` bytes; none at the end. The corresponding C function is `read`.
    public borrowing func read(upTo count: Int) throws(Errno) -> [UInt8] {
        let number = number
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, initialized in
            do throws(Errno) {
                initialized = try checked { systemRead(number, buffer.baseAddress, buffer.count) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes all of it. The corresponding C function is `write`.
    public borrowing func write(_ content: ByteString) throws(Errno) {
        let number = number
        var rest = content.bytes[...]
        while !rest.isEmpty {
            let written = try checked { rest.withUnsafeBytes { systemWrite(number, $0.baseAddress, $0.count) } }
            rest = rest.dropFirst(written)
        }
    }

    /// Removes the file's whole content. The corresponding C function is `ftruncate`.
    public borrowing func truncate() throws(Errno) {
        let number = number
        _ = try checked { ftruncate(number, 0) }
    }

    /// Sets the permission bits regardless of the umask. The corresponding C function is `fchmod`.
    public borrowing func setMode(_ mode: UInt32) throws(Errno) {
        let number = number
        _ = try checked { fchmod(number, mode) }
    }

    /// Sets owner and group. The corresponding C function is `fchown`.
    public borrowing func setOwner(user: UInt32, group: UInt32) throws(Errno) {
        let number = number
        _ = try checked { fchown(number, user, group) }
    }

    /// How a file is locked.
    public enum Lock: Sendable {
        /// Any number of holders at once.
        case shared
        /// A single holder.
        case exclusive
    }

    /// Locks the open file without waiting; `wouldBlock` if another process holds the lock. The corresponding C
    /// function is `flock`.
    public borrowing func lock(_ kind: Lock) throws(Errno) {
        let number = number
        let operation = (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB
        _ = try checked { flock(number, operation) }
    }

    /// Locks the open file without waiting, with a lock that requires the matching access: an exclusive lock requires
    /// that the file is open for writing, a shared lock that it is open for reading. So nobody with read access only
    /// can lock out another reader, as they could with `flock`. The lock belongs to the open file, like that of `lock`,
    /// but the two kinds do not see each other. The corresponding C function is `fcntl` with F_OFD_SETLK.
    public borrowing func lockByAccess(_ kind: Lock) throws(Errno) {
        let number = number
        var range = Self.wholeFile(kind)
        _ = try checked { fcntl(number, Int32(slipway_f_ofd_setlk), &range) }
    }

    /// Whether another process's lock would make `lockByAccess` fail. The check takes no lock and needs no access. The
    /// corresponding C function is `fcntl` with F_OFD_GETLK.
    public borrowing func isLockedByAccess(against kind: Lock) throws(Errno) -> Bool {
        let number = number
        var range = Self.wholeFile(kind)
        _ = try checked { fcntl(number, Int32(slipway_f_ofd_getlk), &range) }
        return range.l_type != Int16(F_UNLCK)
    }

    private static func wholeFile(_ kind: Lock) -> flock {
        var range = flock()
        range.l_type = Int16(kind == .shared ? F_RDLCK : F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        return range
    }

    /// Hands the open file, with its lock, to the program that this process becomes: returns a copy numbered 10 or
    /// higher that exec leaves open. The kernel drops the lock when the last process that inherited it ends, however it
    /// ends.
    public borrowing func leaveOpenAcrossExec() throws(Errno) -> Int32 {
        let number = number
        return try checked { fcntl(number, F_DUPFD, 10) }
    }
}

// The overlay's function names clash with the members above.
private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t) -> Int32 {
    open(path, flags, mode)
}
private func systemRead(_ number: Int32, _ to: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(number, to, count)
}
private func systemWrite(_ number: Int32, _ from: UnsafeRawPointer?, _ count: Int) -> Int { write(number, from, count) }

extension ByteString {
    /// Calls `body` with the path as a C string; a path that contains a NUL is `invalid`.
    func withCPath<Result>(_ body: (UnsafePointer<CChar>) throws(Errno) -> Result) throws(Errno) -> Result {
        guard !bytes.contains(0) else { throw .invalid }
        return try (bytes + [0]).withUnsafeBufferPointer { (buffer) throws(Errno) in
            guard let start = UnsafeRawPointer(buffer.baseAddress) else { throw .invalid }
            return try body(start.assumingMemoryBound(to: CChar.self))
        }
    }
}
