import ArgumentParser
import BuildCache
import Formats
import Git
import Host
import WorkingTree

/// `slipway modes`
struct ModesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "modes",
        abstract: "Compare the modes of tracked files with git's, and fix them.",
        discussion: """
            BuildKit hashes modes, so a clone made with another umask misses COPY and every step after it. Compares \
            the files that git tracks (0644, or 0755 if they are executable) and their directories (0755), in the \
            repository around DIR with its submodules; docs/modes.md has the details. Exits with 0 if everything is as \
            in a clone with umask 0022, or was fixed; with 1 if something differs, or could not be read or changed. \
            Files with several names (hard links) are left to you, because their other names would change, too. So are \
            files that others cannot read now and whose content differs from git's, because they may contain secrets.

              slipway modes
              slipway modes --fix --dry-run
              slipway modes --fix ~/src/app
            """)

    @Flag(help: "Only report what differs; this is the default.")
    var check = false

    @Flag(help: "Give tracked files and their directories git's modes, and change nothing else.")
    var fix = false

    @Flag(help: "With --fix: report what would be changed, and change nothing.")
    var dryRun = false

    @Flag(
        help: """
            Print JSON: top, files, directories, umask, differences (path, kind, mode, wanted), executables, setgid, \
            hardLinks, private, notCompared, defaultACLs, submodules, notRead, fileMode, fixed, failed.
            """)
    var json = false

    @Argument(help: ArgumentHelp("A directory in the repository.", valueName: "dir"), completion: .directory)
    var directory = "."

    func validate() throws {
        if check && fix { throw ValidationError("Give --check or --fix, not both.") }
        if dryRun && !fix { throw ValidationError("--dry-run goes with --fix.") }
    }

    func run() throws {
        let path: ByteString
        do throws(Errno) {
            path = try Files.realPath(ByteString(directory))
        } catch {
            throw Output.failure(
                "no-directory", ByteString(directory) + ": " + ByteString(error.description), json: json)
        }
        let around = GitRepository.around(path)
        guard let repository = around.repository else {
            let obstacle = around.foreign.map(Checkout.CheckoutError.foreign) ?? .noRepository
            let text =
                around.foreign == nil
                ? path + ": " + obstacle.text + ": there is nothing to compare with: slipway modes DIR"
                : obstacle.text + ": run this as its owner"
            throw Output.failure(obstacle.code, text, json: json)
        }
        let survey: ModeSurvey
        do throws(Checkout.CheckoutError) {
            survey = try ModeSurvey(of: repository)
        } catch {
            throw Output.failure(
                error.code, error.text + "; run git status to see whether git can read it", json: json)
        }
        let report = ModeReport(
            survey: survey, repair: survey.repair(changing: fix && !dryRun), isFixing: fix, isChanging: fix && !dryRun)
        if json { Output.write(report.json) } else { Output.write(report.text) }
        if !report.isInOrder { throw ExitCode.failure }
    }
}

extension Checkout.CheckoutError {
    /// For programs; stable.
    var code: ByteString {
        switch self {
        case .noRepository: "no-repository"
        case .foreign: "repository-of-another-user"
        case .noIndex: "no-index"
        case .doubt(_, .split): "split-index"
        case .doubt: "index-not-understood"
        }
    }
}

/// The report of `slipway modes`.
struct ModeReport {
    let survey: ModeSurvey
    /// What was done, or would be done.
    let repair: ModeSurvey.Repair
    let isFixing: Bool
    let isChanging: Bool

    var isInOrder: Bool {
        guard survey.obstacles.isEmpty else { return false }
        guard isChanging else { return survey.differences.isEmpty }
        return repair.failed.isEmpty && repair.kept.isEmpty && repair.uncompared.isEmpty
    }

    private static let mostNamed = 10

    private var failures: [(difference: ModeSurvey.Difference, error: Errno)] { isChanging ? repair.failed : [] }

    var json: JSON {
        func names(_ paths: [ByteString]) -> JSON { .array(paths.map(JSON.string)) }
        return .object([
            "top": .string(survey.top), "files": .integer(survey.files), "directories": .integer(survey.directories),
            "umask": survey.umask.map { .string(ByteString(octal: $0)) } ?? .null,
            "differences": .array(survey.differences.map(Self.json)), "executables": names(survey.executables),
            "setgid": names(survey.setgid), "hardLinks": names(survey.hardLinks),
            "private": names(repair.kept.map(\.path)),
            "notCompared": names(repair.uncompared.map(\.path)),
            "defaultACLs": names(survey.defaultACLs),
            "submodules": names(survey.submodules), "notRead": names(survey.obstacles),
            "fileMode": .bool(!survey.ignoresModes), "fixed": .integer(isChanging ? repair.fixed.count : 0),
            "failed": .array(
                failures.map { failure in
                    .object([
                        "path": .string(failure.difference.path),
                        "message": .string(ByteString(failure.error.description)),
                    ])
                }),
        ])
    }

    private static func json(_ difference: ModeSurvey.Difference) -> JSON {
        .object([
            "path": .string(difference.path), "kind": .string(difference.isDirectory ? "directory" : "file"),
            "mode": .string(ByteString(octal: difference.mode)),
            "wanted": .string(ByteString(octal: difference.wanted)),
        ])
    }

    var text: ByteString {
        var lines: [ByteString] = [headline]
        lines += Self.listing(
            survey.differences.map { change in
                ByteString(octal: change.mode) + " -> " + ByteString(octal: change.wanted) + "  "
                    + change.path.terminalSafe
                    + (change.isDirectory ? "/" : "")
            })
        func section(_ title: ByteString, _ names: [ByteString]) {
            guard !names.isEmpty else { return }
            lines.append(ByteString(decimal: names.count) + " " + title)
            lines += Self.listing(names.map(\.terminalSafe))
        }
        section(
            "have an executable bit that differs from git's, which is your own change: kept, git diff shows them",
            survey.executables)
        section(
            "files have other names (hard links), whose modes would change, too: --fix skips them",
            survey.hardLinks)
        section(
            "are closed to others and have content that differs from git's, perhaps a secret: --fix skips them",
            repair.kept.map(\.path))
        section(
            "are closed to others and could not be compared with git's: --fix skips them",
            repair.uncompared.map(\.path))
        section("directories are setgid, and pass that on to new directories", survey.setgid)
        section("directories have a default ACL, which gives new files other modes: setfacl -k DIR", survey.defaultACLs)
        section("not examined", survey.obstacles)
        if survey.ignoresModes { lines.append("core.fileMode is false: git does not notice when modes change here") }
        section(
            "could not be changed; their owner can: slipway modes --fix",
            failures.filter { !$0.difference.isHardLinked }.map { failure in
                failure.difference.path + ": " + ByteString(failure.error.description)
            })
        if !isFixing && !repair.fixed.isEmpty {
            lines.append("fix: slipway modes --fix " + survey.top.terminalSafe)
        }
        return Output.lines(lines)
    }

    private var headline: ByteString {
        let directories = survey.differences.count(where: \.isDirectory)
        let files = survey.differences.count - directories
        let total =
            ByteString(decimal: survey.files) + " tracked files and " + ByteString(decimal: survey.directories)
            + " directories of " + survey.top.terminalSafe
        if survey.differences.isEmpty { return total + ": modes as in a clone with umask 0022" }
        let counts = ByteString(decimal: files) + " files and " + ByteString(decimal: directories) + " directories"
        let cause = survey.umask.map { ": as with umask " + ByteString(octal: $0) } ?? ""
        if isFixing {
            return (isChanging ? "changed " : "would change ") + ByteString(decimal: repair.fixed.count) + " of them: "
                + counts + cause
        }
        return counts + " of " + total + " differ from a clone with umask 0022" + cause
    }

    private static func listing(_ names: [ByteString]) -> [ByteString] {
        var lines = names.prefix(mostNamed).map { "  " + $0 }
        if names.count > mostNamed { lines.append("  and " + ByteString(decimal: names.count - mostNamed) + " more") }
        return lines
    }
}
