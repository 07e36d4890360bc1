public import Formats
internal import Host
public import Notes

/// What a store holds for one build: what is safe to import, and the lease that keeps it there.
public struct Survey {
    /// One `--cache-from`.
    public struct Import: Equatable, Sendable {
        /// Where it lies.
        public let source: Generation
        /// The manifest, "sha256:...".
        public let digest: ByteString
        /// The directory of its export.
        public let export: ByteString
    }

    /// The nearest export that is safe. One only: where several manifests share their first steps, BuildKit takes those steps'
    /// keys from whichever answers first and then finds the others' later steps no more (moby/buildkit solver/combinedcache.go,
    /// Query; issue 6418). Measured: one manifest hit 4 of 4 steps in 12 of 12 builds, that one beside another in 7 of 18.
    public private(set) var nearest: Import?
    /// Keeps the generation of the nearest there; nil when the store was opened without leases.
    public private(set) var lease: Lease?
    /// What was left out, and why.
    public private(set) var notes: [Note] = []

    /// Whether time was up before all was looked at.
    public var isCut: Bool { notes.contains { $0.reason == .storeSearchCut } }

    /// Reads the exports that there are for a build: names first, then at most eight indexes and 2 MiB of manifests, and no more of
    /// either than there is time for.
    public init(of opened: OpenedStore, for build: BuildIdentity, until deadline: Deadline = .never) {
        let now = Clock.now
        let candidates = opened.generations.flatMap {
            Candidate.list(in: $0.generation, for: build, now: now, until: deadline)
        }
        choose(from: candidates, until: deadline)
        if nearest == nil, !isCut, deadline.hasPassed { notes.append(Note(.storeSearchCut, build.key.directoryName)) }
        lease = opened.generations.first { $0.generation == nearest?.source }?.lease
    }

    /// A damaged one makes room for the next.
    private mutating func choose(from candidates: [Candidate], until deadline: Deadline) {
        var preflight = Preflight(until: deadline)
        for candidate in candidates.sorted(by: { ($0.rank, $1.completed) < ($1.rank, $0.completed) }) {
            guard !preflight.isSpent else { return }
            do throws(Rejection) {
                let manifest = try preflight.manifest(ofExport: candidate.path, in: candidate.generation)
                try preflight.check(manifest, in: candidate.generation)
                nearest = Import(source: candidate.generation, digest: manifest.digest, export: candidate.path)
                return
            } catch {
                notes.append(error.note)
            }
        }
    }
}
