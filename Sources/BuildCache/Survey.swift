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

    /// At most four, of distinct digests, the nearest export first.
    public private(set) var imports: [Import] = []
    /// One for each generation that an import comes from; none when the survey was made without leases.
    public private(set) var leases: [Lease] = []
    /// What was left out, and why.
    public private(set) var notes: [Note] = []
    /// One's own current generation, if there is one, and its lease.
    public private(set) var own: (generation: Generation, lease: Lease?)?

    private static let mostImports = 4

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
            }
        }
        let now = Clock.now
        choose(from: opened.flatMap { Candidate.list(in: $0.generation, for: build, now: now) })
        for (generation, lease) in opened {
            guard let lease, imports.contains(where: { $0.source == generation }) else { continue }
            leases.append(lease)
        }
    }

    private static func open(
        _ store: Store, _ owner: UInt32, leasing: Bool
    ) throws(Rejection) -> (generation: Generation, lease: Lease?)? {
        guard leasing else { return try store.currentGeneration(of: owner).map { ($0, nil) } }
        return try store.leasedGeneration(of: owner).map { ($0.0, $0.1) }
    }

    /// Each slot gives one in turn, so that no branch or set of arguments pushes another out.
    private mutating func choose(from candidates: [Candidate]) {
        var slots = [[Candidate]](repeating: [], count: Candidate.Rank.slots)
        for candidate in candidates.sorted(by: { ($0.rank, $1.completed) < ($1.rank, $0.completed) }).reversed() {
            slots[candidate.rank.slot].append(candidate)
        }
        var preflight = Preflight()
        while imports.count < Self.mostImports, !preflight.isSpent, slots.contains(where: { !$0.isEmpty }) {
            for slot in slots.indices where imports.count < Self.mostImports {
                // A duplicate or a damaged one makes room for the next of its slot, once.
                for _ in 0..<2 {
                    guard !preflight.isSpent, let candidate = slots[slot].popLast() else { break }
                    if consider(candidate, &preflight) { break }
                }
            }
        }
    }

    private mutating func consider(_ candidate: Candidate, _ preflight: inout Preflight) -> Bool {
        do throws(Rejection) {
            let manifest = try preflight.manifest(of: candidate)
            guard !imports.contains(where: { $0.digest == manifest.digest }) else { return false }
            try preflight.check(manifest, in: candidate.generation)
            imports.append(Import(source: candidate.generation, digest: manifest.digest))
            return true
        } catch {
            notes.append(error.note)
            return false
        }
    }
}
