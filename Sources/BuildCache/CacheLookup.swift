public import Formats
internal import Host
public import Notes

/// What a store offers to the builds of one command: one manifest that is safe to import, and the lease that keeps it
/// there.
///
/// Only one, because if several manifests share their first steps, BuildKit takes the keys of those steps from
/// whichever answers first, and then does not find the later steps of the others (moby/buildkit
/// solver/combinedcache.go, Query; issue 6418). Measured: a single manifest hit 4 of 4 steps in 12 of 12 builds, the
/// same one beside another in 7 of 18. Therefore this manifest is the union of the exports.
public struct CacheLookup {
    /// One `--cache-from`.
    public struct Import: Equatable, Sendable {
        /// The generation that holds it.
        public let source: Generation
        /// Its manifest.
        public let digest: Digest
        /// How many exports it is made from.
        public let exports: Int
        /// How many keys those exports have.
        public let keys: Int
    }

    /// What each build imports, in the order of the builds.
    public private(set) var found: [Import?]
    /// The directories of the newest known exports of the builds' own keys; nil if there is none.
    public private(set) var newest: [ByteString?]
    /// They keep what is imported; empty if the store was opened without leases, or nothing is imported.
    public var leases: [Lease] {
        let sources = found.compactMap { $0?.source.sources }.flatMap { $0 }
        return held.filter { sources.contains($0.generation) }.compactMap(\.lease)
    }
    /// What was left out, and why.
    public private(set) var notes: [Note] = []
    /// Whether the search ran out of time.
    public var isCut: Bool { notes.contains { $0.reason == .storeSearchCut } }
    private var offer: UnionOffer?
    private var others: [UnionOffer] = []
    private let held: [(generation: Generation, lease: Lease?)]
    /// A manifest that has not been written yet.
    var merged: ByteString? { offer?.draft?.manifest }

    /// Reads what is available for some builds: the published union, and at most 32 exports of 512 KiB that are not in
    /// it yet. Builds that share steps each import a manifest of their own: `numbers` tells them apart, 0 is the union
    /// itself.
    public init(
        of opened: OpenedStore, for builds: [BuildIdentity], apart numbers: [Int] = [], scope: UnionScope = .store,
        acting: Bool, until deadline: Deadline = .never
    ) {
        found = builds.map { _ in nil }
        newest = builds.map { _ in nil }
        held = opened.generations
        let deadline = deadline.kept
        func offered(_ generation: Generation) -> UnionOffer {
            UnionOffer(of: builds, apart: numbers, scope, in: generation, until: deadline)
        }
        var offers = opened.generations.map { offered($0.generation) }
        offers.sort { $0.nearness > $1.nearness }
        // The union over all generations, before those of single generations.
        if let links = opened.links { offers.insert(offered(links), at: 0) }
        others = offers
        next(opened.store.user, acting: acting)
        if offer == nil, !builds.isEmpty, !isCut, deadline.hasPassed { notes.append(Note(.storeSearchCut)) }
    }

    /// The first useful offer.
    private mutating func next(_ user: UInt32, acting: Bool) {
        while !others.isEmpty {
            var offer = others.removeFirst()
            // A merged union is written into the user's own sub-store.
            let isOwn = offer.generation.owner == user
            offer.prepare(canWrite: isOwn, remember: isOwn && acting)
            notes += offer.notes
            guard offer.isUseful else { continue }
            self.offer = offer
            found = offer.imports
            newest = offer.newest
            return
        }
        offer = nil
        found = found.map { _ in nil }
    }

    /// Writes the merged union, unless that has been done. If it cannot be written, the builds import what exists
    /// already.
    public mutating func write() {
        guard var offer else { return }
        if let note = offer.write() { notes.append(note) }
        self.offer = offer
        found = offer.imports
        // If the union over all generations cannot be used, use that of a single one.
        if !offer.isUseful { next(.max, acting: false) }
    }
}
