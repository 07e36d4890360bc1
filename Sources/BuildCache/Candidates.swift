internal import Formats
internal import Host

/// A complete export that a build might import.
struct Candidate: Equatable {
    let generation: Generation
    /// The export's directory.
    let path: ByteString
    let rank: Rank
    /// When its index was written, in nanoseconds, never later than now.
    let completed: Int64

    /// How near an export stands to a build, nearest first.
    enum Rank: Int, CaseIterable, Comparable {
        case sameBranchAndArguments, sameBranch, defaultBranchSameArguments, defaultBranch, other

        init(of variant: Variant, for build: BuildIdentity) {
            let sameArguments = variant.arguments == build.variant.arguments
            if variant.branch == build.variant.branch {
                self = sameArguments ? .sameBranchAndArguments : .sameBranch
            } else if build.defaultBranches.contains(variant.branch) {
                self = sameArguments ? .defaultBranchSameArguments : .defaultBranch
            } else {
                self = .other
            }
        }

        static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
    }

    /// Complete exports, nearest rank first: twice as many as are ever looked into. Identical rebuilds leave hundreds; those
    /// that began last are enough.
    private static let most = 16
    /// Exports of each rank whose index is looked for: failed builds leave none, and must not hide what was built before.
    private static let mostLookedFor = 4096
    /// Names read of one key's directory.
    private static let mostNames = 65_536

    /// The complete exports of a build's key in one generation, in no order. Failed builds leave an export without an index:
    /// no candidate.
    static func list(
        in generation: Generation, for build: BuildIdentity, now: Int64, until deadline: Deadline = .never
    ) -> [Candidate] {
        let folder = generation.keyPath(build.key)
        guard let names = try? Files.names(in: folder, limit: mostNames, until: deadline) else { return [] }
        var byRank = [[(ByteString, Int64)]](repeating: [], count: Rank.allCases.count)
        for name in names {
            guard let export = ExportName(name) else { continue }
            byRank[Rank(of: export.variant, for: build).rawValue].append((name, export.started))
        }
        var candidates: [Candidate] = []
        for (rank, exports) in zip(Rank.allCases, byRank) {
            for (name, _) in exports.sorted(by: { $0.1 > $1.1 }).prefix(mostLookedFor) {
                guard candidates.count < most, !deadline.hasPassed else { return candidates }
                guard let completed = completed(folder.appending(path: name), in: generation) else { continue }
                candidates.append(
                    Candidate(
                        generation: generation, path: folder.appending(path: name), rank: rank,
                        completed: min(completed, now)))
            }
        }
        return candidates
    }

    /// When an export's index was written; nil while there is none that counts.
    private static func completed(_ path: ByteString, in generation: Generation) -> Int64? {
        guard let index = try? Files.status(path.appending(path: Export.index), followLinks: false),
            index.kind == .regular, index.owner == generation.owner, index.size > 0
        else { return nil }
        return index.modified
    }
}
