internal import Host
public import Notes

/// The sub-stores that one command reads, each under one lease, however many builds it makes.
public struct OpenedStore {
    /// Whose they are and where.
    public let store: Store
    /// One's own current generation, if there is one, and its lease.
    public private(set) var own: (generation: Generation, lease: Lease?)?
    /// What was left out, and why.
    public private(set) var notes: [Note] = []
    /// Each generation with its lease; without one when they are only looked at.
    private(set) var generations: [(generation: Generation, lease: Lease?)] = []
    private var isOwnRefused = false

    /// Opens the current generations of `trusted` users. Without `leasing` nothing is locked: for looking only.
    public init(_ store: Store, trusted: [UInt32], leasing: Bool) {
        self.store = store
        for owner in trusted {
            do throws(StoreError) {
                guard let found = try open(owner, leasing: leasing) else { continue }
                generations.append(found)
                if owner == store.user { own = found }
            } catch {
                notes.append(error.note)
                if owner == store.user { isOwnRefused = true }
            }
        }
    }

    /// Makes one's own sub-store where there was none yet, and takes its lease. Nothing is imported from it by this command,
    /// though another build may have made and filled it meanwhile.
    public mutating func makeOwn() throws(StoreError) {
        guard own == nil, !isOwnRefused else { return }
        try store.makeOwnIfMissing()
        guard let found = try open(store.user, leasing: true) else {
            throw StoreError(.generationMoved, store.layout.subStore(of: store.user))
        }
        own = found
    }

    /// The folder of links over all generations that hold exports; nil where one alone does, or it would not be one's own.
    var links: Generation? {
        guard let own else { return nil }
        let lenders = generations.map(\.generation).filter { generation in
            guard let folder = try? Files.status(generation.exportsPath, followLinks: false),
                folder.kind == .directory, folder.owner == generation.owner, !folder.isWritableByOthers
            else { return false }
            // A directory has two links and one more for each in it, or one where the file system does not count them.
            return folder.links != 2
        }
        guard lenders.count > 1 else { return nil }
        return own.generation.links(over: lenders.sorted { $0.owner < $1.owner })
    }

    private func open(
        _ owner: UInt32, leasing: Bool
    ) throws(StoreError) -> (generation: Generation, lease: Lease?)? {
        guard leasing else { return try store.currentGeneration(of: owner).map { ($0, nil) } }
        return try store.leasedGeneration(of: owner).map { ($0.0, $0.1) }
    }
}
