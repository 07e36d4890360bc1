public import Formats
internal import Host
public import Notes

/// What a store holds for the builds of one command: one manifest that is safe to import, and the lease that keeps it there.
///
/// One only: where several manifests share their first steps, BuildKit takes those steps' keys from whichever answers first and
/// then finds the others' later steps no more (moby/buildkit solver/combinedcache.go, Query; issue 6418). Measured: one manifest hit
/// 4 of 4 steps in 12 of 12 builds, that one beside another in 7 of 18. So it is the union of what has been exported.
public struct CacheLookup {
    /// One `--cache-from`.
    public struct Import: Equatable, Sendable {
        /// Where it lies.
        public let source: Generation
        /// The manifest, "sha256:...".
        public let digest: ByteString
        /// How many exports it is made of.
        public let exports: Int
        /// How many keys they have.
        public let keys: Int
    }

    /// What each build imports, in their order.
    public private(set) var found: [Import?]
    /// The directories of the newest exports of the builds' own keys that are known; nil where there is none.
    public private(set) var newest: [ByteString?]
    /// Keep there what is imported; none when the store was opened without leases, or nothing is imported.
    public var leases: [Lease] {
        let sources = found.compactMap { $0?.source.sources }.flatMap { $0 }
        return held.filter { sources.contains($0.generation) }.compactMap(\.lease)
    }
    /// What was left out, and why.
    public private(set) var notes: [Note] = []
    /// Whether time was up before all was looked at.
    public var isCut: Bool { notes.contains { $0.reason == .storeSearchCut } }
    private var offer: UnionOffer?
    private var others: [UnionOffer] = []
    private let held: [(generation: Generation, lease: Lease?)]
    /// A manifest that is not written yet.
    var merged: ByteString? { offer?.draft?.manifest }

    /// Reads what there is for some builds: the union that is published, and at most 32 exports that are not in it yet, of 512 KiB.
    /// Builds that share steps import a manifest of it each: `numbers` tells them apart, 0 is the union's own.
    public init(
        of opened: OpenedStore, for builds: [BuildIdentity], apart numbers: [Int] = [], scope: UnionScope = .store,
        acting: Bool, until deadline: Deadline = .never
    ) {
        found = builds.map { _ in nil }
        newest = builds.map { _ in nil }
        held = opened.generations
        func offered(_ generation: Generation) -> UnionOffer {
            UnionOffer(of: builds, apart: numbers, scope, in: generation, until: deadline)
        }
        var offers = opened.generations.map { offered($0.generation) }
        offers.sort { $0.nearness > $1.nearness }
        // All of them as one, before any by itself.
        if let links = opened.links { offers.insert(offered(links), at: 0) }
        others = offers
        next(opened.store.user, acting: acting)
        if offer == nil, !builds.isEmpty, !isCut, deadline.hasPassed { notes.append(Note(.storeSearchCut)) }
    }

    /// The first offer that is of any use.
    private mutating func next(_ user: UInt32, acting: Bool) {
        while !others.isEmpty {
            var offer = others.removeFirst()
            // What is merged is written into one's own sub-store.
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

    /// Writes down what was merged, if that has not been done. Where that cannot be, the builds import what is there already.
    public mutating func write() {
        guard var offer else { return }
        if let note = offer.write() { notes.append(note) }
        self.offer = offer
        found = offer.imports
        // Where all of them as one cannot be, one of them as it is.
        if !offer.isUseful { next(.max, acting: false) }
    }
}
