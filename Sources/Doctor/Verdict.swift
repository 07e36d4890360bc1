public import Formats

extension Report {
    /// The findings in one line.
    public enum Verdict: Equatable, Sendable {
        /// Builds import and export.
        case shared
        /// Builds only import.
        case importedOnly(Finding)
        /// Builds do neither.
        case notShared(Finding)

        /// For programs; stable.
        public var name: ByteString {
            switch self {
            case .shared: "shared"
            case .importedOnly: "imported-only"
            case .notShared: "not-shared"
            }
        }
    }

    /// Commands here do not run the shim.
    private static let past: [Check] = [.shimShadowed, .shimNotOnPath, .bypassSet]
    private static let importsOnly: [Check] = [
        .engineCannotExport, .engineTooOld, .engineSilent, .engineAnswerUnreadable, .endpointNotAsked, .buildxTooOld,
        .storeReadOnly, .storeNotWritable, .diskLow, .inodesLow,
        .storeOverBudget,
    ]
    /// Bad, but it affects no build.
    private static let besides: [Check] = [.blobsDamaged]

    /// Determined by the worst obstacle.
    public var verdict: Verdict {
        let broken = findings.first { $0.severity == .broken && !Self.besides.contains($0.check) }
        if let first = broken ?? findings.first(where: { Self.past.contains($0.check) }) { return .notShared(first) }
        // What a shared builder builds, all that use it have.
        let isShared = findings.contains { $0.check == .sharedBuilderAnswers }
        if !isShared, let first = findings.first(where: { Self.importsOnly.contains($0.check) }) {
            return .importedOnly(first)
        }
        return .shared
    }

    /// The verdict in words.
    public var verdictText: ByteString {
        func because(_ finding: Finding) -> ByteString { ": " + ByteString(finding.check.row.title) }
        switch verdict {
        case .notShared(let finding): return "Builds do not share" + because(finding)
        case .importedOnly(let finding):
            return "Builds import what others have built, and share nothing of their own" + because(finding)
        case .shared:
            let count = findings.count { $0.severity != .ok }
            guard count > 0 else { return "Builds share layers here" }
            let things: ByteString = count == 1 ? "one thing" : ByteString(decimal: count) + " things"
            return "Builds share layers here; " + things + " could be better"
        }
    }
}
