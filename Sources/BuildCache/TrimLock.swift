public import Formats
public import Host
internal import Notes

/// Held by the single process that trims a sub-store.
final class TrimLock {
    /// The file in a sub-store whose modification time tells when it was last trimmed.
    static let name: ByteString = "trimmed"
    /// The file that is locked.
    static let lockName: ByteString = "trimming"
    private let path: ByteString
    private let file: Descriptor
    private let old: Descriptor

    private init(_ path: ByteString, _ file: consuming Descriptor, _ old: consuming Descriptor) {
        self.path = path
        self.file = file
        self.old = old
    }

    /// How long a trim by an older Slipway may take: an hour in nanoseconds.
    private static let longestOldTrim: Int64 = 3_600_000_000_000

    /// nil if another process holds it.
    static func take(in home: ByteString, owner: UInt32) throws(StoreError) -> TrimLock? {
        let path = home.appending(path: name)
        do throws(Errno) {
            let file = try open(home.appending(path: lockName), owner)
            try file.lock(.exclusive)
            let old = try open(path, owner)
            let status = try old.status()
            do throws(Errno) {
                try old.lock(.exclusive)
            } catch .wouldBlock {
                // Older versions use this lock. Other users could also take it while they were able to read the file.
                let age = Clock.now &- (try file.status().modified)
                guard status.mode & 0o044 != 0, !(0..<longestOldTrim).contains(age) else { throw .wouldBlock }
            }
            guard status.mode & 0o044 != 0 else { return TrimLock(path, file, old) }
            // Anyone who already has it open could lock it later, so a new file replaces it, and the old one's lock
            // is kept meanwhile.
            try Files.remove(path)
            let new = try open(path, owner)
            try Files.setModified(path, status.modified)
            try new.lock(.exclusive)
            return TrimLock(path, file, new)
        } catch .wouldBlock {
            return nil
        } catch {
            throw StoreError(error == .readOnly ? .storeReadOnly : .storeNotWritable, path, error)
        }
    }

    /// Opens a file that no one else can open. Anything else at this path is removed: the sub-store's owner must not be
    /// able to block root's trimming with a FIFO or a link.
    private static func open(_ path: ByteString, _ owner: UInt32) throws(Errno) -> Descriptor {
        if let current = try? Files.status(path, followLinks: false),
            current.kind != .regular || current.owner != owner
        {
            try Files.removeTree(path)
        }
        return try Descriptor.lockFile(path, of: owner)
    }

    /// Records that the trim is complete.
    func finish() { try? Files.setModified(path, Clock.now) }
}

extension Trim {
    /// The processes that are trimming a sub-store, by its directory, if they can be seen from here.
    public static func holders(of home: ByteString) -> [LockHolder] {
        let own = Files.lockHolders(home.appending(path: TrimLock.lockName))
        return own.isEmpty ? Files.lockHolders(home.appending(path: TrimLock.name)) : own
    }
}

extension Generation {
    /// How long trimming waits for other users' builds: a day in nanoseconds. It waits for the owner's own builds as
    /// long as they live.
    private static let longestReading: Int64 = 86_400_000_000_000

    /// Whether the time of the readers is over. It starts with the first call: from then on nobody can take a reader's
    /// lease of this generation.
    fileprivate func closeAndWait() throws(Errno) -> Bool {
        if hasWaited { return true }
        do throws(Errno) {
            _ = try Descriptor.open(closedPath, .create(mode: 0o644), followLinks: false)
        } catch .fileExists {
            // A clock that was set back must not extend the time.
            let began = try Files.status(closedPath, followLinks: false).modified
            if began > Clock.now { try Files.setModified(closedPath, Clock.now) }
        }
        return false
    }

    fileprivate var hasWaited: Bool {
        guard let closed = try? Files.status(closedPath, followLinks: false) else { return false }
        return Clock.now &- closed.modified >= Self.longestReading
    }

    /// Accepts readers again.
    func reopen() { try? Files.remove(closedPath) }

    /// The holders of its leases, if they can be seen from here.
    public var holders: [LockHolder] {
        (Files.lockHolders(leasePath) + Files.lockHolders(readersPath)).reduce(into: []) { all, holder in
            if !all.contains(holder) { all.append(holder) }
        }
    }
}

extension Descriptor {
    /// Opens a file to lock, and makes it if it is missing, so that no one else can open it; throws if it is not a file
    /// of that user's.
    fileprivate static func lockFile(_ path: ByteString, of owner: UInt32) throws(Errno) -> Descriptor {
        let file = try open(path, .append(mode: 0o600), followLinks: false)
        let status = try file.status()
        guard status.kind == .regular, status.owner == owner else { throw .accessDenied }
        return file
    }
}

/// A generation's lease, held exclusively: nobody uses the generation, and nobody can start to.
final class ExclusiveLease {
    private let own: Descriptor
    private let readers: Descriptor

    private init(_ own: consuming Descriptor, _ readers: consuming Descriptor) {
        self.own = own
        self.readers = readers
    }

    /// nil while a build holds it. If the lease file is missing, it is made: without it nobody can have started to use
    /// the generation. In a generation that no build starts to use any more (`isRetired`), this waits a day for a lease
    /// of an older Slipway, too: while others could read that file, any of them could hold it.
    static func take(of generation: Generation, isRetired: Bool) throws(StoreError) -> ExclusiveLease? {
        var path = generation.leasePath
        do throws(Errno) {
            let own = try Descriptor.lockFile(path, of: generation.owner)
            let isReadable = try own.status().mode & 0o044 != 0
            do throws(Errno) {
                try own.lock(.exclusive)
            } catch .wouldBlock {
                guard isRetired, isReadable, try generation.closeAndWait() else { throw .wouldBlock }
            }
            path = generation.readersPath
            let readers = try Descriptor.lockFile(path, of: generation.owner)
            do throws(Errno) {
                try readers.lockByAccess(.exclusive)
            } catch .wouldBlock {
                guard try generation.closeAndWait() else { throw .wouldBlock }
            }
            return ExclusiveLease(own, readers)
        } catch .wouldBlock {
            return nil
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }

    /// Runs `body` while none of the owner's builds uses a generation, and none can start to; false if one does.
    /// Readers may use it: builds do not write what they read.
    static func withoutBuilds(
        in generation: Generation, _ body: () throws(Errno) -> Void
    ) throws(Errno) -> Bool {
        do throws(Errno) {
            let own = try Descriptor.lockFile(generation.leasePath, of: generation.owner)
            try own.lock(.exclusive)
            try body()
            // Keeps the lock until here.
            _ = try own.status()
            return true
        } catch .wouldBlock {
            return false
        }
    }

    /// Whether nobody holds it; takes the lock for a moment to find out, so only for generations that no build starts
    /// to use.
    static func isFree(_ generation: Generation) -> Bool {
        do throws(Errno) {
            let own = try Descriptor.open(generation.leasePath, followLinks: false)
            do throws(Errno) {
                try own.lock(.exclusive)
            } catch .wouldBlock {
                guard try own.status().mode & 0o044 != 0, generation.hasWaited else { return false }
            }
            let readers = try Descriptor.open(generation.readersPath, followLinks: false)
            return try !readers.isLockedByAccess(against: .exclusive) || generation.hasWaited
        } catch {
            return error == .noSuchFile
        }
    }

    /// Releases it. At the latest it ends with this object.
    func release() { withExtendedLifetime(self) {} }
}

/// What a generation held when it was replaced, stored in the generation: complete exports that are not listed here
/// came later.
struct MarkedExports {
    private var names: Set<ByteString> = []

    /// Nothing.
    init() {}

    private static let fileName: ByteString = "marked"
    private static let largest = 64 << 20

    /// The exports that have been considered. One that was not complete then may be so later: a build may have ended
    /// while the pool was read.
    init(_ inventory: Inventory) {
        for key in inventory.keys {
            for export in key.exports where export.state == .complete { names.insert(key.name + "/" + export.name) }
        }
    }

    mutating func insert(_ key: ByteString, _ export: ByteString) { names.insert(key + "/" + export) }

    private init(names: Set<ByteString>) { self.names = names }

    func contains(_ key: ByteString, _ export: ByteString) -> Bool { names.contains(key + "/" + export) }

    static func read(from generation: Generation) -> MarkedExports {
        let text = try? Files.read(generation.path.appending(path: fileName), limit: largest, followLinks: false)
        return MarkedExports(names: Set((text ?? "").split("\n")))
    }

    func write(to generation: Generation) throws(Errno) {
        let text = names.sorted().joined(separator: "\n")
        try Files.replace(generation.path.appending(path: Self.fileName), with: text, mode: 0o644)
    }
}
