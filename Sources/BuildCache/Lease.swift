public import Formats
public import Host
internal import Notes

/// Marks a generation as in use: a shared lock on its lease file. To delete the generation, a process needs the lock
/// exclusively. An open file holds the lock, so it ends when its holders do, and nobody has to release it.
///
/// There are two such files (docs/design.md, "Leases"). `lease` is for the owner alone: no one else can open it, so no
/// one else can hold it, and trimming waits for its holders as long as they live. `readers` is for other users who
/// import from here. They can lock it only shared, since an exclusive lock needs write access, and trimming waits for
/// them for a day.
public final class Lease {
    /// The locked file.
    public let path: ByteString
    private let file: Descriptor

    private init(path: ByteString, file: consuming Descriptor) {
        self.path = path
        self.file = file
    }

    /// Takes the lease of a generation without waiting, and checks afterwards that the locked file is still the one at
    /// this path; nil if it is not.
    public static func take(of generation: Generation) throws(StoreError) -> Lease? {
        let isReader = Kernel.userID != generation.owner && !Files.allows(.read, generation.leasePath)
        let path = isReader ? generation.readersPath : generation.leasePath
        do throws(Errno) {
            let file = try Descriptor.open(path, followLinks: false)
            if isReader { try file.lockByAccess(.shared) } else { try file.lock(.shared) }
            let held = try file.status()
            guard held.kind == .regular, held.owner == generation.owner else { throw .accessDenied }
            // Checked under the lock: a process that closes the generation after this check waits for this lease.
            if isReader, !Files.isMissing(generation.closedPath) { throw .wouldBlock }
            let current = try Files.status(path, followLinks: false)
            return held.isSameFile(as: current) ? Lease(path: path, file: file) : nil
        } catch .wouldBlock {
            throw StoreError(.leaseBusy, generation.path)
        } catch .noSuchFile {
            return nil
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }

    /// Lets a detached process keep the lease, too.
    public var inheritance: Detached.Inheritance { file.inheritance() }

    /// Hands the lock to the program that this process becomes. Otherwise the kernel would drop the lease at exec.
    public func outliveExec() throws(Errno) { _ = try file.leaveOpenAcrossExec() }
}

extension Generation {
    /// Makes the two lease files if they are missing. `mode` is that of the generation's directory. They get their
    /// modes at creation: anyone who could open `lease` for a moment could hold it for ever.
    func makeLeases(mode: UInt32) throws(Errno) {
        for (path, bits) in [(leasePath, 0o600), (readersPath, mode & 0o444 | 0o200)] {
            do throws(Errno) {
                let file = try Descriptor.open(path, .create(mode: 0o600), followLinks: false)
                try file.setMode(bits)
            } catch .fileExists {
                continue
            }
        }
    }

    /// Whether an older Slipway made it: anyone who can read its only lease file may hold it.
    var hasOldLease: Bool {
        guard let lease = try? Files.status(leasePath, followLinks: false) else { return true }
        return lease.mode & 0o044 != 0 || Files.isMissing(readersPath)
    }
}

extension Store {
    /// Calls `body` with the current generation of a user's sub-store (nil if that user has none) without holding its
    /// lease. Meanwhile trimming may switch generations and delete the one that is being read, so a result or an error
    /// counts only if `current` still leads to the same name; names are numbered upwards and not reused. Tries three
    /// times.
    public func withCurrentGeneration<Value>(
        of owner: UInt32, _ body: (Generation?) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let home = layout.subStore(of: owner)
        let link = home.appending(path: StoreLayout.current)
        for _ in 0..<3 {
            let before = try? Files.readLink(link)
            let found = Result { () throws(StoreError) in try body(try currentGeneration(of: owner)) }
            if (try? Files.readLink(link)) == before { return try found.get() }
        }
        throw StoreError(.generationMoved, home)
    }

    /// The current generation of a user's sub-store, with its lease held; nil if that user has none. Once a new
    /// generation exists, trimming locks the old one exclusively and then deletes it.
    func leasedGeneration(of owner: UInt32) throws(StoreError) -> (Generation, Lease)? {
        try withCurrentGeneration(of: owner) { (current) throws(StoreError) in
            guard let current else { return nil }
            guard let lease = try Lease.take(of: current) else { throw StoreError(.generationMoved, current.path) }
            return (current, lease)
        }
    }
}
