public import Formats
internal import Host

/// Recognizes an unchanged context without reading any of its files: by kind, mode, size, inode and times of everything
/// that docker sends, as git's index recognizes files.
public struct ContextFingerprint: Equatable, Sendable {
    /// The digest of everything considered: 32 hexadecimal digits.
    public let digest: ByteString
    /// The latest change time of all of it, in nanoseconds since 1970.
    public let changed: Int64

    /// Contexts with more entries get no fingerprint, and none is even tried: a build would wait too long.
    private static let most = 5000
    /// Modification times are no finer than a kernel tick, so a file written twice within one looks unchanged.
    private static let tick: Int64 = 20_000_000

    /// Examines a context, absolute and resolved, and files beside it: its Dockerfile, and its ignore file. Nil if the
    /// time was too short, if some of it cannot be seen, or if there is too much of it.
    public init?(
        of root: ByteString, ignoreFile: ByteString?, besides files: [ByteString], until deadline: Deadline
    ) {
        var summary = Summary(of: root)
        for file in files + (ignoreFile.map { [$0] } ?? []) {
            // The target of a link is read, but the link itself may change, too.
            guard let status = try? Files.status(file), let own = try? Files.status(file, followLinks: false) else {
                return nil
            }
            summary.add(file, status)
            summary.add(file, own)
        }
        var asked = 0
        let gap = ContextWalk.forEach(of: root, ignoreFile: ignoreFile, enteringGit: true, most: Self.most) {
            // Checking the deadline may cost as much as looking at a file.
            asked &+= 1
            return summary.entries > Self.most || asked % 16 == 1 && deadline.hasPassed
        } _: { entry, _ in
            summary.add(entry.path, entry.status)
        }
        guard gap == nil else { return nil }
        (digest, changed) = summary.finish()
    }

    /// Whether no part of it can have changed unnoticed since it was examined, at `time` in nanoseconds since 1970.
    public func isSettled(at time: Int64) -> Bool { changed < time &- Self.tick }

    /// A hash of the entries: 128 bits, in an eighth of the time of SHA-256, which took most of the whole time. All
    /// that a user can gain by making two trees with the same fingerprint is one late export.
    private struct Summary {
        private var low: UInt64 = 0x243f_6a88_85a3_08d3
        private var high: UInt64 = 0x1319_8a2e_0370_7344
        private var changed = Int64.min
        private(set) var entries = 0

        init(of root: ByteString) { add(root) }

        mutating func add(_ path: ByteString, _ status: FileStatus) {
            // docker sends no sockets.
            guard status.kind != .socket else { return }
            entries += 1
            add(path)
            add(UInt64(status.mode) << 8 | Self.number(of: status.kind))
            add(status.inode)
            // A directory's own times tell nothing that its files do not.
            guard status.kind != .directory else { return }
            add(status.device)
            add(UInt64(bitPattern: Int64(status.size)))
            add(UInt64(bitPattern: status.modified))
            add(UInt64(bitPattern: status.changed))
            changed = max(changed, status.changed)
        }

        private static func number(of kind: FileStatus.Kind) -> UInt64 {
            switch kind {
            case .regular: 1
            case .directory: 2
            case .symbolicLink: 3
            case .socket: 4
            case .other: 5
            }
        }

        private mutating func add(_ text: ByteString) {
            add(UInt64(text.count))
            text.bytes.withUnsafeBytes { bytes in
                var word: UInt64 = 0
                var place = 0
                for byte in bytes {
                    word = word << 8 | UInt64(byte)
                    place += 1
                    if place % 8 == 0 { add(word) }
                }
                add(word)
            }
        }

        /// Two lanes of multiplications by odd numbers, each mixed downwards, so that the order of the words matters.
        private mutating func add(_ word: UInt64) {
            low = (low ^ word) &* 0x9e37_79b9_7f4a_7c15
            low ^= low >> 32
            high = (high &+ word) &* 0xd6e8_feb8_6659_fd93
            high ^= high >> 29
        }

        func finish() -> (ByteString, Int64) {
            let digits = [high, low].map { ByteString(String($0, radix: 16)).zeroPadded(to: 16) }
            return (digits.joined(separator: ""), changed)
        }
    }
}
