public import Formats

extension Report {
    /// What the findings come to, for who reads one line.
    public enum Verdict: Equatable, Sendable {
        /// Builds import and export.
        case shared
        /// They import only.
        case importedOnly(Finding)
        /// Neither.
        case notShared(Finding)

        /// For programs; keeps its meaning.
        public var name: ByteString {
            switch self {
            case .shared: "shared"
            case .importedOnly: "imported-only"
            case .notShared: "not-shared"
            }
        }
    }

    /// The shim is not what runs here.
    private static let past: [Check] = [.shimShadowed, .shimNotOnPath, .bypassSet]
    private static let importsOnly: [Check] = [
        .engineCannotExport, .engineTooOld, .engineSilent, .engineAnswerUnreadable, .endpointNotAsked, .buildxTooOld,
        .storeReadOnly, .storeNotWritable, .diskLow, .inodesLow,
        .storeOverBudget,
    ]
    /// Bad, and in no build's way.
    private static let besides: [Check] = [.blobsDamaged]

    /// By the worst of what stands in the way.
    public var verdict: Verdict {
        let broken = findings.first { $0.severity == .broken && !Self.besides.contains($0.check) }
        if let first = broken ?? findings.first(where: { Self.past.contains($0.check) }) { return .notShared(first) }
        if let first = findings.first(where: { Self.importsOnly.contains($0.check) }) { return .importedOnly(first) }
        return .shared
    }

    /// The same in words.
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
