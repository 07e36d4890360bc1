public import Formats
public import Host
internal import Notes

/// "In use": a shared lock on a generation's lease file. Whoever wants to delete the generation needs it exclusively. Held
/// by an open file, so it ends with its holders and not with anybody's good intentions.
///
/// There are two such files (docs/design.md, "Leases"). `lease` is the owner's alone: nobody else can open it, so nobody else can hold
/// it, and its holders are waited for as long as they live. `readers` is for others who import from here; they can lock it
/// shared and never alone, since that needs write access, and they are waited for a day.
public final class Lease {
    /// The locked file.
    public let path: ByteString
    private let file: Descriptor

    private init(path: ByteString, file: consuming Descriptor) {
        self.path = path
        self.file = file
    }

    /// Takes the lease of a generation without ever waiting, and makes sure afterwards that the file locked is the one that
    /// stands there; nil when it is not.
    public static func take(of generation: Generation) throws(StoreError) -> Lease? {
        let isReader = Kernel.userID != generation.owner && !Files.allows(.read, generation.leasePath)
        let path = isReader ? generation.readersPath : generation.leasePath
        do throws(Errno) {
            let file = try Descriptor.open(path, followLinks: false)
            if isReader { try file.lockByAccess(.shared) } else { try file.lock(.shared) }
            let held = try file.status()
            guard held.kind == .regular, held.owner == generation.owner else { throw .accessDenied }
            // Looked at under the lock: whoever closes it then waits for us.
            if isReader, !Files.isMissing(generation.closedPath) { throw .wouldBlock }
            let standing = try Files.status(path, followLinks: false)
            return held.isSameFile(as: standing) ? Lease(path: path, file: file) : nil
        } catch .wouldBlock {
            throw StoreError(.leaseBusy, generation.path)
        } catch .noSuchFile {
            return nil
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }

    /// What a detached process needs to keep it, too.
    public var inheritance: Detached.Inheritance { file.inheritance() }

    /// Hands the lock to the program that this process becomes. Without it the kernel drops the lease at exec.
    public func outliveExec() throws(Errno) { _ = try file.leaveOpenAcrossExec() }
}

extension Generation {
    /// Makes both lease files, where they are missing. `mode` is that of the generation's directory. They are made with their modes:
    /// whoever could open `lease` for a moment could hold it for ever.
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

    /// Whether an older Slipway made it: its one lease may be held by whoever can read it.
    var hasOldLease: Bool {
        guard let lease = try? Files.status(leasePath, followLinks: false) else { return true }
        return lease.mode & 0o044 != 0 || Files.isMissing(readersPath)
    }
}

extension Store {
    /// What `body` makes of the current generation of a user's sub-store (of nil when that user has none) without holding its
    /// lease. Trimming may switch generations meanwhile and delete the one that is read, so what was found or failed counts only
    /// where `current` still leads to the same name: names are counted up and do not come back. Three tries.
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

    /// The current generation of a user's sub-store with its lease held; nil when that user has none. Once there is a new
    /// generation the old one is held alone, and then deleted.
    func leasedGeneration(of owner: UInt32) throws(StoreError) -> (Generation, Lease)? {
        try withCurrentGeneration(of: owner) { (current) throws(StoreError) in
            guard let current else { return nil }
            guard let lease = try Lease.take(of: current) else { throw StoreError(.generationMoved, current.path) }
            return (current, lease)
        }
    }
}
