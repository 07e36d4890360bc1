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
    /// The current generation of a user's sub-store with its lease held; nil when that user has none. Three tries, because
    /// trimming may switch generations in between.
    func leasedGeneration(of owner: UInt32) throws(Rejection) -> (Generation, Lease)? {
        let link = layout.subStore(of: owner).appending(path: StoreLayout.current)
        for _ in 0..<3 {
            let before = try? Files.readLink(link)
            do throws(Rejection) {
                guard let generation = try currentGeneration(of: owner) else { return nil }
                if let lease = try Lease.take(of: generation), try currentGeneration(of: owner) == generation {
                    return (generation, lease)
                }
            } catch {
                // Once there is a new generation the old one is held alone, and then deleted.
                guard let before, let now = try? Files.readLink(link), now != before else { throw error }
            }
        }
        throw Rejection(.generationMoved, layout.subStore(of: owner))
    }
}
