internal import Host
public import Notes

/// The sub-stores that one command reads, each under one lease, however many builds the command makes.
public struct OpenedStore {
    /// The store, as seen by this user.
    public let store: Store
    /// The user's own current generation, if any, and its lease.
    public private(set) var own: (generation: Generation, lease: Lease?)?
    /// What was left out, and why.
    public private(set) var notes: [Note] = []
    /// Each generation with its lease; without a lease if they are only inspected.
    private(set) var generations: [(generation: Generation, lease: Lease?)] = []
    private var isOwnRefused = false

    /// Opens the current generations of `trusted` users. Without `leasing` it locks nothing: for inspection only.
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

    /// Makes the user's own sub-store if it does not exist yet, and takes its lease. This command imports nothing from
    /// it, though another build may have made and filled it meanwhile.
    public mutating func makeOwn() throws(StoreError) {
        guard own == nil, !isOwnRefused else { return }
        try store.makeOwnIfMissing()
        guard let found = try open(store.user, leasing: true) else {
            throw StoreError(.generationMoved, store.layout.subStore(of: store.user))
        }
        own = found
    }

    /// The folder of links over all generations that hold exports; nil if only one does, or if the folder would not
    /// be the user's own.
    var links: Generation? {
        guard let own else { return nil }
        let lenders = generations.map(\.generation).filter { generation in
            guard let folder = try? Files.status(generation.exportsPath, followLinks: false),
                folder.kind == .directory, folder.owner == generation.owner, !folder.isWritableByOthers
            else { return false }
            // A directory has two links plus one for each directory in it, or one if the file system does not count
            // them.
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
