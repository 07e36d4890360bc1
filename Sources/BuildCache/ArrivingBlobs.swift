internal import Formats
internal import Host
internal import Synchronization

/// Hashes the blobs of a layout while a client still writes them: to read a gigabyte once more afterwards takes a third
/// of the time in which it comes from a near registry.
///
/// A client that changes what it has already written goes unnoticed. oras and crane write each blob from its first byte
/// to its last into a new file, and start a new file if they try again.
final class ArrivingBlobs: Sendable {
    /// Kept open, so that no other file can get its number.
    private final class Blob: Sendable {
        let file: Descriptor
        /// The hash of the first `count` bytes, up to which the file has been read.
        let progress = Mutex((hash: SHA256(), count: 0))

        init(_ file: consuming Descriptor) { self.file = file }

        /// Hashes up to so many bytes more; returns how many there were.
        func advance(by most: Int) throws(Errno) -> Int {
            try progress.withLock { progress throws(Errno) in
                let count = try file.add(to: &progress.hash, upTo: most)
                progress.count += count
                return count
            }
        }
    }

    private struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64

        init(_ status: FileStatus) {
            device = status.device
            inode = status.inode
        }
    }

    private let folders: [ByteString]
    private let blobs = Mutex<[Identity: Blob]>([:])

    /// Each costs a descriptor. Further ones are hashed afterwards.
    private static let most = 128
    /// How much of a blob is hashed before the next one's turn, and so how long the end of the transfer may wait.
    private static let turn = 4 << 20
    private static let pause: Int64 = 2_000_000

    /// Those that are written into any of these folders.
    init(in folders: [ByteString]) { self.folders = folders }

    /// Hashes what arrives, as long as `isArriving`.
    func hash(while isArriving: () -> Bool) {
        while isArriving() {
            var (bytes, seen) = (0, Set<Identity>())
            for folder in folders {
                for name in (try? Files.names(in: folder, limit: 65_536)) ?? [] {
                    guard isArriving() else { return }
                    bytes += (try? hash(folder.appending(path: name), &seen)) ?? 0
                }
            }
            // What is open takes up room on the disk although the client has deleted it.
            blobs.withLock { [seen] blobs in blobs = blobs.filter { seen.contains($0.key) } }
            if bytes == 0 { Clock.sleep(nanoseconds: Self.pause) }
        }
    }

    private func hash(_ path: ByteString, _ seen: inout Set<Identity>) throws(Errno) -> Int {
        // Whatever has two names was here before.
        let status = try Files.status(path, followLinks: false)
        guard status.kind == .regular, status.links == 1, status.size > 0 else { return 0 }
        seen.insert(Identity(status))
        return try blob(status, at: path)?.advance(by: Self.turn) ?? 0
    }

    private func blob(_ status: FileStatus, at path: ByteString) throws(Errno) -> Blob? {
        let (known, isFull) = blobs.withLock { ($0[Identity(status)], $0.count >= Self.most) }
        if known != nil || isFull { return known }
        let file = try Descriptor.open(path, followLinks: false)
        // The name may belong to another file by now.
        let opened = Identity(try file.status())
        guard opened == Identity(status) else { return nil }
        let blob = Blob(file)
        blobs.withLock { $0[opened] = blob }
        return blob
    }

    /// The digest of a complete blob, of which only the rest is read; nil if none of it was hashed.
    func digest(of status: FileStatus) throws(Errno) -> Digest? {
        guard let blob = blobs.withLock({ $0[Identity(status)] }) else { return nil }
        while try blob.advance(by: Self.turn) > 0 {}
        let (hash, count) = blob.progress.withLock(\.self)
        return count == status.size ? Digest(hash) : nil
    }
}
