public import Formats
internal import Host
public import Notes

/// What the store holds for one build: what is safe to import, and the leases that keep it there.
public struct Survey {
    /// One `--cache-from`.
    public struct Import: Equatable, Sendable {
        /// Where it lies.
        public let source: Generation
        /// The manifest, "sha256:...".
        public let digest: ByteString
    }

    /// The nearest export that is safe. One only: where several manifests share their first steps, BuildKit takes those steps'
    /// keys from whichever answers first and then finds the others' later steps no more (moby/buildkit solver/combinedcache.go,
    /// Query; issue 6418). Measured: one manifest hit 4 of 4 steps in 12 of 12 builds, that one beside another in 7 of 18.
    public private(set) var nearest: Import?
    /// Keeps the generation of the nearest there; nil when the survey was made without leases.
    public private(set) var lease: Lease?
    /// What was left out, and why.
    public private(set) var notes: [Note] = []
    /// One's own current generation, if there is one, and its lease.
    public private(set) var own: (generation: Generation, lease: Lease?)?
    private var isOwnRefused = false

    /// Reads what exports there are for a build in the sub-stores of `trusted` users: names first, then at most eight
    /// indexes and 2 MiB of manifests. Without `leasing` nothing is locked: for looking only.
    public init(of store: Store, for build: BuildIdentity, trusted: [UInt32], leasing: Bool) {
        var opened: [(generation: Generation, lease: Lease?)] = []
        for owner in trusted {
            do throws(Rejection) {
                guard let found = try Self.open(store, owner, leasing: leasing) else { continue }
                opened.append(found)
                if owner == store.user { own = found }
            } catch {
                notes.append(error.note)
                if owner == store.user { isOwnRefused = true }
            }
        }
        let now = Clock.now
        choose(from: opened.flatMap { Candidate.list(in: $0.generation, for: build, now: now) })
        lease = opened.first { $0.generation == nearest?.source }?.lease
    }

    /// Makes one's own sub-store where the survey found none, and takes its lease. Nothing is imported from it yet, though
    /// another build may have made and filled it meanwhile.
    public mutating func makeOwn(in store: Store) throws(Rejection) {
        guard own == nil, !isOwnRefused else { return }
        try store.makeOwnIfMissing()
        guard let found = try Self.open(store, store.user, leasing: true) else {
            throw Rejection(.generationMoved, store.layout.subStore(of: store.user))
        }
        own = found
    }

    private static func open(
        _ store: Store, _ owner: UInt32, leasing: Bool
    ) throws(Rejection) -> (generation: Generation, lease: Lease?)? {
        guard leasing else { return try store.currentGeneration(of: owner).map { ($0, nil) } }
        return try store.leasedGeneration(of: owner).map { ($0.0, $0.1) }
    }

    /// A damaged one makes room for the next.
    private mutating func choose(from candidates: [Candidate]) {
        var preflight = Preflight()
        for candidate in candidates.sorted(by: { ($0.rank, $1.completed) < ($1.rank, $0.completed) }) {
            guard !preflight.isSpent else { return }
            do throws(Rejection) {
                let manifest = try preflight.manifest(ofExport: candidate.path, in: candidate.generation)
                try preflight.check(manifest, in: candidate.generation)
                nearest = Import(source: candidate.generation, digest: manifest.digest)
                return
            } catch {
                notes.append(error.note)
            }
        }
    }
}
