public import Formats
internal import Host

/// By what a context is known again without reading a file of it: kind, mode, size, inode and times of all that docker sends, as
/// git's index knows its files.
public struct ContextFingerprint: Equatable, Sendable {
    /// Of everything that was looked at: 32 hexadecimal digits.
    public let digest: ByteString
    /// The latest time of change among it, in nanoseconds since 1970.
    public let changed: Int64

    /// Of more entries there is none: a build would wait too long for a look at all of them, and no look at them is begun.
    private static let most = 5000
    /// Times of files are no finer than a tick of the kernel's, so what was written within one looks the same twice.
    private static let tick: Int64 = 20_000_000

    /// Looks at a context, absolute and resolved, and at files beside it: its Dockerfile, and what it leaves out. Nil when there was no
    /// time for all of it, some of it cannot be seen, or there is too much.
    public init?(
        of root: ByteString, ignoreFile: ByteString?, besides files: [ByteString], until deadline: Deadline
    ) {
        var summary = Summary(of: root)
        for file in files + (ignoreFile.map { [$0] } ?? []) {
            // What a link leads to is read, and the link may be changed, too.
            guard let status = try? Files.status(file), let own = try? Files.status(file, followLinks: false) else {
                return nil
            }
            summary.add(file, status)
            summary.add(file, own)
        }
        var asked = 0
        let gap = ContextWalk.forEach(of: root, ignoreFile: ignoreFile, enteringGit: true, most: Self.most) {
            // Asking may cost as much as a file.
            asked &+= 1
            return summary.entries > Self.most || asked % 16 == 1 && deadline.hasPassed
        } _: { entry, _ in
            summary.add(entry.path, entry.status)
        }
        guard gap == nil else { return nil }
        (digest, changed) = summary.finish()
    }

    /// Whether nothing of it can have changed unnoticed after it was looked at, at `time` in nanoseconds since 1970.
    public func isSettled(at time: Int64) -> Bool { changed < time &- Self.tick }

    /// What is made of the entries: 128 bits, in an eighth of the time that SHA-256 takes, which was most of a look's. Who makes two trees
    /// of one fingerprint has made one late export.
    private struct Summary {
        private var low: UInt64 = 0x243f_6a88_85a3_08d3
        private var high: UInt64 = 0x1319_8a2e_0370_7344
        private var changed = Int64.min
        private(set) var entries = 0

        init(of root: ByteString) { add(root) }

        mutating func add(_ path: ByteString, _ status: FileStatus) {
            // docker sends none.
            guard status.kind != .socket else { return }
            entries += 1
            add(path)
            add(UInt64(status.mode) << 8 | Self.number(of: status.kind))
            add(status.inode)
            // That a file was added to it or taken away tells of no more than the files themselves do.
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

        /// Two lanes of multiplications by odd numbers, each spread downwards: no word can be told from the others' places.
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
