import ArgumentParser
import DockerfileLint
import Formats
import Host

/// `slipway lint`
struct LintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Find what makes a Dockerfile's caches useless, and fix what is certain.",
        discussion: """
            Reads the files, and every Dockerfile, *.Dockerfile and Containerfile below the directories, except for templates \
            and for links that lead out of them; without any, the working directory. The codes stand in docs/lint.md. \
            A comment "# slipway: ignore=LNT101" before an instruction or in it silences a rule there. Exits with 0 when \
            nothing is found or left, 1 with findings, 2 when a file or a directory cannot be read, or a file has changed \
            meanwhile: the others are read all the same.

              slipway lint
              slipway lint --diff Dockerfile
              slipway lint --fix --select LNT101,LNT6 .
            """)

    enum Format: String, ExpressibleByArgument { case text, json, sarif }

    @Flag(help: "Fix what is certain, in the files; every other byte stays.")
    var fix = false

    @Flag(help: "Show what --fix would change, and change nothing.")
    var diff = false

    @Option(
        help: """
            text, json or sarif. JSON is an array: file, line, column, code, severity (note, warning, error), message, fixable, \
            link, edits (from, to, text: bytes of the file, counted from 0, and what comes in their place).
            """, completion: .list(["text", "json", "sarif"]))
    var format = Format.text

    @Flag(help: "The same as --format json.")
    var json = false

    private var output: Format { json ? .json : format }

    @Option(
        help: ArgumentHelp(
            "Only these rules: codes with commas between them; LNT1 is all that begin so.", valueName: "codes"))
    var select: String?

    @Option(help: ArgumentHelp("The build context. Default: the file's own directory.", valueName: "dir"))
    var context: String?

    @Argument(help: ArgumentHelp("Files and directories.", valueName: "file"), completion: .file())
    var paths: [String] = []

    func validate() throws {
        guard !(fix && diff) else {
            throw ValidationError("Give --fix or --diff, not both: --diff shows what --fix would change.")
        }
        guard !json || format != .sarif else { throw ValidationError("Give --json or --format sarif, not both.") }
        guard !diff || output == .text else { throw ValidationError("--diff goes with --format text only") }
        _ = try selected()
    }

    /// Every selected rule.
    private func selected() throws -> Set<Rule> {
        guard let select else { return Set(Rule.allCases) }
        var rules: Set<Rule> = []
        for word in ByteString(select).split(",") {
            let word = word.trimmed.lowercasedASCII
            let matching = Rule.allCases.filter { $0.code.lowercasedASCII.hasPrefix(word) }
            guard !word.isEmpty, word.count >= 3, !matching.isEmpty else {
                throw ValidationError(
                    "--select takes codes such as LNT101 or LNT1, not \(word.isEmpty ? "nothing" : word.lossy)")
            }
            rules.formUnion(matching)
        }
        return rules
    }

    func run() throws {
        let rules = try selected()
        var failures = 0
        var reports: [LintReport] = []
        func complain(_ failure: LintSource.Failure) {
            failures += 1
            Output.complain(failure.message)
        }
        for path in paths.isEmpty ? ["."] : paths {
            let search = LintSource.Search(ByteString(path))
            search.failures.forEach(complain)
            for file in search.files {
                do throws(LintSource.Failure) {
                    reports.append(try examine(file, rules))
                } catch {
                    complain(error)
                }
            }
        }
        switch output {
        case .text: if !diff { Output.write(LintReport.text(of: reports)) }
        case .json: Output.write(LintReport.json(of: reports))
        case .sarif: Output.write(LintReport.sarif(of: reports))
        }
        if failures > 0 { throw ExitCode(2) }
        if reports.contains(where: { !$0.findings.isEmpty }) { throw ExitCode.failure }
    }

    private static let notForExamples: [Rule] = [.heredocUnended, .instructionUnknown, .baseFloats, .syntaxFloats]

    private func examine(_ candidate: LintSource.Candidate, _ selected: Set<Rule>)
        throws(LintSource.Failure) -> LintReport
    {
        let path = candidate.path
        let source = try LintSource(path, context: context.map { ByteString($0) })
        var file = Dockerfile(source.text)
        if candidate.searched != nil, !file.isBuildable { return LintReport(path: path, findings: []) }
        let rules = candidate.isExample ? selected.subtracting(Self.notForExamples) : selected
        if fix || diff {
            let fixed = Linter.fixed(file, context: source.context) { rules.contains($0.rule) }
            if diff {
                Output.write(exactly: TextDifference(file.source, fixed.source).unified(path))
            } else if fixed.source != file.source {
                try source.replace(with: fixed.source)
                file = fixed
            }
        }
        let findings = Linter.findings(in: file, context: source.context).filter { rules.contains($0.rule) }
        return LintReport(path: path, findings: findings)
    }
}
