public import Formats
public import Host

/// The content of one user's sub-store, for people.
public struct SubStoreSummary: Sendable {
    /// One key.
    public struct Key: Sendable {
        /// The name of its directory among the exports, which `trim --key` takes.
        public let name: ByteString
        /// The key in words; nil if they cannot be read.
        public let description: JSON?
        /// The number of branches, counted with their build arguments.
        public let variants: Int
        /// Exports that can be imported.
        public let complete: Int
        /// Exports of builds that are running, or failed.
        public let unfinished: Int
        /// Exports of which something is missing or wrong.
        public let damaged: Int
        /// Bytes that no other key reaches.
        public let ownBytes: UInt64
        /// Bytes that other keys also reach.
        public let sharedBytes: UInt64
        /// In nanoseconds since 1970, if known.
        public let lastUsed: Int64
    }

    /// One generation.
    public struct Generation: Sendable {
        /// The name of its directory.
        public let name: ByteString
        /// Whether builds that start now use it.
        public let isCurrent: Bool
        /// Bytes in its pool.
        public let bytes: UInt64
        /// The holders of its leases, if this process may see them.
        public let holders: [LockHolder]
    }

    /// The sub-store and its user.
    public let subStore: StoreLayout.SubStore
    /// Bytes, as trimming counts them.
    public let usage: Trim.Usage
    /// The most recently used first.
    public let keys: [Key]
    /// The current one first.
    public let generations: [Generation]

    /// The processes that are trimming it.
    public let trimmers: [LockHolder]

    /// What builds import from it: unions of its own exports, and, in the user's own sub-store, unions that include
    /// those of trusted users.
    public let unions: [UnionSummary]

    /// Reads a user's sub-store; nil if nothing has been made in it yet. Throws if it is not trusted or cannot be read.
    /// `age` is how old exports of other repositories may be; `trusted` are the users whose sub-stores are read.
    public init?(
        of subStore: StoreLayout.SubStore, in store: Store, othersUpTo age: Int64 = .max,
        trusting trusted: [UInt32] = []
    ) throws(StoreError) {
        // No lease: it would list this process as a holder.
        let summary = try store.withCurrentGeneration(of: subStore.user) {
            (current) throws(StoreError) -> SubStoreSummary? in
            guard let current else { return nil }
            let inventory = try Inventory(of: current, now: Clock.now)
            var unions = UnionSummary.all(of: inventory, othersUpTo: age, now: Clock.now)
            if subStore.user == store.user, let links = OpenedStore(store, trusted: trusted, leasing: false).links {
                unions += UnionSummary.all(over: links)
            }
            return SubStoreSummary(of: subStore, inventory, unions)
        }
        guard let summary else { return nil }
        self = summary
    }

    private init(of subStore: StoreLayout.SubStore, _ inventory: Inventory, _ unions: [UnionSummary]) {
        let current = inventory.generation
        self.subStore = subStore
        self.unions = unions
        usage = Trim.usage(inventory.pool, live: inventory.liveBytes, besides: current)
        var keysOfBlob: [Digest: Int] = [:]
        let reached = inventory.keys.map { inventory.reached(by: $0.exports) }
        for blobs in reached { for blob in blobs { keysOfBlob[blob, default: 0] += 1 } }
        keys = zip(inventory.keys, reached).map { key, blobs in
            func count(_ isMeant: (ExportRecord.State) -> Bool) -> Int { key.exports.count { isMeant($0.state) } }
            return Key(
                name: key.name, description: key.description,
                variants: Set(key.exports.map { $0.variant.branch + "." + $0.variant.arguments }).count,
                complete: count { $0 == .complete }, unfinished: count { $0 == .unfinished },
                damaged: count { if case .damaged = $0 { true } else { false } },
                ownBytes: inventory.pool.bytes(of: blobs.filter { keysOfBlob[$0] == 1 }),
                sharedBytes: inventory.pool.bytes(of: blobs.filter { keysOfBlob[$0] != 1 }), lastUsed: key.lastUsed)
        }.sorted { ($0.lastUsed, $0.name) > ($1.lastUsed, $1.name) }
        generations = ([current] + Trim.retired(besides: current)).map { generation in
            Generation(
                name: generation.path.lastPathComponent, isCurrent: generation == current,
                bytes: generation == current ? inventory.bytes : (try? Pool(of: generation))?.bytes ?? 0,
                holders: generation.holders)
        }
        trimmers = Trim.holders(of: subStore.path)
    }
}
