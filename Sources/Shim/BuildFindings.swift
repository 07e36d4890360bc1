internal import BuildCache
internal import DockerCommandLine
internal import DockerfileLint
internal import Formats
internal import Host

/// What the linter finds in the Dockerfile of a build: for the journal, once the decision stands. It never keeps a build waiting:
/// a file that is no regular one, is large, or lies elsewhere is not read, and where time is up the rest is left out, and that said.
struct BuildFindings {
    /// The Dockerfile, as the command names it.
    let file: ByteString
    let findings: [Finding]
    /// There may be more: time was up, or the line full.
    let isPartial: Bool

    // A journal line stays short: codes and places, no messages, and no more of them than these.
    private static let most = 16
    private static let largest = 65_536
    /// Time is looked at between instructions.
    private static let largestInstruction = 16_384

    /// nil when there is nothing to tell. The time leaves some of the 2 ms that all of it may take to what comes behind. It does
    /// not run while others have the processor: by the wall's clock alone 5 of 200 builds lost findings while eight processes
    /// shared two processors.
    init?(of build: BuildInvocation, within budget: Budget = Budget(), nanoseconds: Int64 = 1_500_000) {
        let share = budget.share(nanoseconds: nanoseconds)
        guard !build.isPassThrough, let place = build.context,
            case .directory(let context) = BuildDescription.context(place), build.file != "-",
            build.file?.range(of: "://") == nil
        else { return nil }
        file = build.file ?? context.appending(path: "Dockerfile")
        guard let text = Self.text(of: file) else { return nil }
        let ignoreFile =
            Self.text(of: file + ".dockerignore") ?? Self.text(of: context.appending(path: ".dockerignore"))
        let hasGit = !Files.isMissing(context.appending(path: ".git"))
        var wasTimeUp = false
        let isTimeUp = {
            wasTimeUp = wasTimeUp || share.isSpent
            return wasTimeUp
        }
        let dockerfile = Dockerfile(text, isTimeUp: isTimeUp)
        findings = Linter.findings(
            in: dockerfile, context: ContextFacts(ignoreFile: ignoreFile, hasGit: hasGit), most: Self.most,
            largest: Self.largestInstruction, isTimeUp: isTimeUp)
        let isCut = wasTimeUp || dockerfile.holdsInstruction(longerThan: Self.largestInstruction)
        isPartial = isCut || findings.count == Self.most
        if findings.isEmpty && !isPartial { return nil }
    }

    /// file, partial, and line, column and code of each.
    var json: JSON {
        .object([
            "file": .string(file),
            "partial": .bool(isPartial),
            "findings": .array(
                findings.map {
                    .object([
                        "line": .integer($0.line), "column": .integer($0.column), "code": .string($0.rule.code),
                    ])
                }),
        ])
    }

    /// Only of a regular file that no link leads out of its folder: a pipe would be emptied, and docker follows no such link.
    private static func text(of path: ByteString) -> ByteString? {
        guard let status = try? Files.status(path), status.kind == .regular, status.size <= largest else { return nil }
        return try? Files.read(path, within: path.parentPath, limit: largest)
    }
}
