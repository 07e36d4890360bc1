internal import Formats
public import Host
internal import Notes
internal import Synchronization

/// The limits of a store between two trims.
public struct StoreLimits: Equatable, Sendable {
    /// The bytes that a sub-store may hold before exports stop.
    public var maximumSize: UInt64
    /// The bytes of the disk that must stay free; nil for the default.
    public var minimumFree: UInt64?

    /// From named values.
    public init(maximumSize: UInt64, minimumFree: UInt64? = nil) {
        self.maximumSize = maximumSize
        self.minimumFree = minimumFree
    }

    private static let gibibyte: UInt64 = 1 << 30
    /// Stays free whatever the settings say: if there is no space for its index, the client fails a finished build,
    /// even with ignore-error (exit code 102).
    private static let leastFree: UInt64 = 16 << 20
    /// The inodes that must stay free. An export makes a handful of files per layer; a thousand suffice for several
    /// at once.
    public static let fewestInodes: UInt64 = 1000

    /// max(2 GiB, min(5 %, 20 GiB)) of the disk, unless the settings differ.
    public func floor(of space: Files.Space) -> UInt64 {
        minimumFree.map { max($0, Self.leastFree) } ?? max(2 * Self.gibibyte, min(space.total / 20, 20 * Self.gibibyte))
    }

    /// Throws if too little of the disk is free for an export.
    func check(_ space: Files.Space, at path: ByteString) throws(StoreError) {
        if space.available < floor(of: space) {
            throw StoreError(.storeDiskLow, path + " has " + ByteString(decimal: space.available >> 20) + " MiB free")
        }
        if space.totalInodes > 0 && space.availableInodes < Self.fewestInodes {
            throw StoreError(.storeDiskLow, path + " is short of inodes")
        }
    }
}

/// The bytes in a generation's pool, including those being written. The result of a walk is remembered: a directory
/// with an unchanged modification time has no new blobs, and within a minute of the last walk the old figure suffices.
/// Unfinished blobs do not change the pool's modification time, so it is walked at least once an hour.
struct PoolSize: Equatable {
    let bytes: UInt64
    /// The modification time of the pool's directory when it was walked.
    let changed: Int64
    let walked: Int64

    private static let freshFor: Int64 = 60_000_000_000
    private static let goodFor: Int64 = 3_600_000_000_000
    /// The most blobs to look at while a build waits. A larger pool is counted in the background, and the build uses
    /// an older figure.
    static let mostAtOnce = 4096
    /// Pools that this process already has counted in the background: a command may ask for each of a thousand
    /// builds.
    private static let counted = Mutex<Set<ByteString>>([])

    /// The remembered figure, or the result of a new walk. `remember` stores a new figure in the generation. If a walk
    /// takes longer than the deadline allows, the remembered figure counts, however old, and the pool is counted in the
    /// background.
    static func measure(
        _ generation: Generation, now: Int64, remember: Bool, until deadline: Deadline = .never
    ) -> PoolSize? {
        guard let pool = try? Files.status(generation.poolPath, followLinks: false) else { return nil }
        let old = (try? Files.read(generation.sizePath, limit: 256, followLinks: false)).flatMap(PoolSize.init(text:))
        if let old {
            let age = now &- old.walked
            if (0..<freshFor).contains(age) || (old.changed == pool.modified && (0..<goodFor).contains(age)) {
                return old
            }
        }
        guard let names = try? Files.names(in: generation.poolPath, limit: mostAtOnce + 1, until: deadline) else {
            return old
        }
        if names.count <= mostAtOnce || !remember,
            let size = walk(generation, changed: pool.modified, now, remember, until: deadline)
        {
            return size
        }
        guard remember, counted.withLock({ $0.insert(generation.poolPath).inserted }) else { return old }
        let isBehind = Detached.run { _ in
            walk(generation, changed: pool.modified, now, true, until: .never) == nil ? 1 : 0
        }
        return isBehind ? old : walk(generation, changed: pool.modified, now, true, until: deadline) ?? old
    }

    /// nil if the deadline passes before the end, or the pool cannot be listed.
    private static func walk(
        _ generation: Generation, changed: Int64, _ now: Int64, _ remember: Bool, until deadline: Deadline
    ) -> PoolSize? {
        guard let names = try? Files.names(in: generation.poolPath, limit: .max, until: deadline) else { return nil }
        var bytes = generation.unfinishedBytes(until: deadline)
        for name in names {
            guard !deadline.hasPassed else { return nil }
            guard let blob = try? Files.status(generation.poolPath.appending(path: name), followLinks: false) else {
                continue
            }
            bytes = bytes.addingReportingOverflow(UInt64(max(0, blob.size))).partialValue
        }
        guard !deadline.hasPassed else { return nil }
        let size = PoolSize(bytes: bytes, changed: changed, walked: now)
        if remember { try? Files.replace(generation.sizePath, with: size.text, mode: 0o644) }
        return size
    }

    init(bytes: UInt64, changed: Int64, walked: Int64) {
        self.bytes = bytes
        self.changed = changed
        self.walked = walked
    }

    /// nil for an incomplete or foreign text.
    init?(text: ByteString) {
        let fields = text.trimmed.split(" ")
        guard fields.count == 3, let bytes = UInt64(fields[0].lossy), let changed = Int64(fields[1].lossy),
            let walked = Int64(fields[2].lossy)
        else { return nil }
        self.init(bytes: bytes, changed: changed, walked: walked)
    }

    var text: ByteString { ByteString("\(bytes) \(changed) \(walked)\n") }
}
