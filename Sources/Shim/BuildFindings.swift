internal import BuildCache
internal import DockerCommandLine
internal import DockerfileLint
internal import Formats
internal import Host
internal import Planning

/// The linter's findings in the Dockerfile of a build, for the journal, after the build's decision has been made.
/// Linting never holds up a build: only a small regular file in its own folder is read, and when time runs out the
/// findings are marked as partial.
struct BuildFindings {
    /// The Dockerfile as the command names it.
    let file: ByteString
    let findings: [Finding]
    /// Whether there may be more: time ran out, or the list is full.
    let isPartial: Bool

    /// The findings of one command, looked for when they are first asked for: best while an engine is working.
    final class Once {
        private(set) lazy var value = look()
        private let look: () -> BuildFindings?

        /// None for the plugin: the shim that ran before it has already linted.
        init(
            for invocation: Invocation, as role: Role, _ settings: Settings, within budget: Budget,
            nanoseconds: Int64 = BuildFindings.limit
        ) {
            look = {
                guard role == .docker, settings.journal, settings.lint == .journal, case .build(let build) = invocation
                else { return nil }
                return BuildFindings(of: build, within: budget, nanoseconds: nanoseconds)
            }
        }
    }

    // A line of the journal must stay short, so it has codes and positions, but no messages.
    private static let most = 16
    private static let largest = 65_536
    /// The deadline is checked between instructions, so each of them must be short.
    private static let largestInstruction = 16_384

    /// The time limit leaves some of the 2 ms that linting may take for the steps that follow. It excludes time in
    /// which other processes have the processor: measured by wall-clock time, 5 of 200 builds lost findings while eight
    /// processes shared two processors.
    static let limit: Int64 = 1_500_000

    /// nil if there is nothing to report.
    init?(of build: BuildInvocation, within budget: Budget = Budget(), nanoseconds: Int64 = limit) {
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
            in: dockerfile, context: ContextFacts(ignoreFile: ignoreFile, hasGit: hasGit), target: build.target,
            most: Self.most, largest: Self.largestInstruction, isTimeUp: isTimeUp)
        let isCut = wasTimeUp || dockerfile.holdsInstruction(longerThan: Self.largestInstruction)
        isPartial = isCut || findings.count == Self.most
        if findings.isEmpty && !isPartial { return nil }
    }

    /// `{"file": …, "partial": …, "findings": [{"line": …, "column": …, "code": …}]}`.
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

    /// Reads only a regular file that is not a link out of its folder: reading would empty a pipe, and docker follows
    /// no such link.
    private static func text(of path: ByteString) -> ByteString? {
        guard let status = try? Files.status(path), status.kind == .regular, status.size <= largest else { return nil }
        return try? Files.read(path, within: path.parentPath, limit: largest)
    }
}
