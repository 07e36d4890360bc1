public import Formats
public import Host
internal import Notes

/// "In use": a shared lock on a generation's lease file. Whoever wants to delete the generation needs it exclusively. Held
/// by an open file, so it ends with its holders and not with anybody's good intentions.
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
    public static func take(of generation: Generation) throws(Rejection) -> Lease? {
        let path = generation.leasePath
        do throws(Errno) {
            let file = try Descriptor.open(path, followLinks: false)
            try file.lock(.shared)
            let held = try file.status()
            guard held.kind == .regular, held.owner == generation.owner else { throw .accessDenied }
            let standing = try Files.status(path, followLinks: false)
            return held.isSameFile(as: standing) ? Lease(path: path, file: file) : nil
        } catch .wouldBlock {
            throw Rejection(.leaseBusy, generation.path)
        } catch .noSuchFile {
            return nil
        } catch {
            throw Rejection(.storeUnreadable, path, error)
        }
    }

    /// Hands the lock to the program that this process becomes. Without it the kernel drops the lease at exec.
    public func outliveExec() throws(Errno) { _ = try file.leaveOpenAcrossExec() }
}

extension Store {
    /// What `body` makes of the current generation of a user's sub-store (of nil when that user has none) without holding its
    /// lease. Trimming may switch generations meanwhile and delete the one that is read, so what was found or failed counts only
    /// where `current` still leads to the same name: names are counted up and do not come back. Three tries.
    public func withCurrentGeneration<Value>(
        of owner: UInt32, _ body: (Generation?) throws(Rejection) -> Value
    ) throws(Rejection) -> Value {
        let home = layout.subStore(of: owner)
        let link = home.appending(path: StoreLayout.current)
        for _ in 0..<3 {
            let before = try? Files.readLink(link)
            let found = Result { () throws(Rejection) in try body(try currentGeneration(of: owner)) }
            if (try? Files.readLink(link)) == before { return try found.get() }
        }
        throw Rejection(.generationMoved, home)
    }

    /// The current generation of a user's sub-store with its lease held; nil when that user has none. Once there is a new
    /// generation the old one is held alone, and then deleted.
    func leasedGeneration(of owner: UInt32) throws(Rejection) -> (Generation, Lease)? {
        try withCurrentGeneration(of: owner) { (current) throws(Rejection) in
            guard let current else { return nil }
            guard let lease = try Lease.take(of: current) else { throw Rejection(.generationMoved, current.path) }
            return (current, lease)
        }
    }
}
