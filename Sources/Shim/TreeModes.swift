internal import BuildCache
internal import Formats
internal import Git
internal import Host
internal import Notes
internal import Planning
internal import WorkingTree

/// Compares the modes of tracked files in the repository around a build's context with git's, before the build.
enum TreeModes {
    /// Time limit for all builds of a command, in nanoseconds, enough for about 5,000 files. Reading the store comes
    /// next and takes 1 ms.
    private static let time: Int64 = 7_000_000

    /// A note about a repository, and a description of how the modes differ from git's; nil if they do not.
    typealias Finding = (note: Note?, difference: ByteString?)

    /// Examines the repository around each context, once each, and fixes the modes if the settings say so; nil for a
    /// context outside any repository.
    static func look(
        around contexts: [ByteString?], _ settings: Settings, _ purpose: Decision.Purpose, within budget: Budget
    ) -> [Finding?] {
        guard settings.modes != .off else { return contexts.map { _ in nil } }
        let deadline = budget.share(nanoseconds: time).deadline
        var known: [(directory: ByteString, finding: Finding)] = []
        return contexts.map { context in
            guard let path = context.flatMap({ try? Files.realPath($0) }) else { return nil }
            guard !deadline.hasPassed else { return (Note(.modesNotRead, path + ": " + noTime), nil) }
            guard let repository = GitRepository.containing(path)
            else { return nil }
            if let found = known.first(where: { $0.directory == repository.directory }) { return found.finding }
            let finding = look(at: repository, until: deadline, settings, purpose)
            known.append((repository.directory, finding))
            return finding
        }
    }

    private static let noTime: ByteString = "not enough time for all files"

    private static func look(
        at repository: GitRepository, until deadline: Deadline, _ settings: Settings, _ purpose: Decision.Purpose
    ) -> Finding {
        let isFixing = settings.modes == .fix && purpose == .acting
        var options = ModeSurvey.Options()
        options.isThorough = false
        options.deadline = deadline
        do throws(Checkout.CheckoutError) {
            let survey = try ModeSurvey(of: repository, options)
            if survey.differences.isEmpty {
                guard survey.isPartial else { return (nil, nil) }
                return (Note(.modesNotRead, survey.top + ": " + noTime), nil)
            }
            let mask = survey.umask.map { ByteString(String($0, radix: 8)) } ?? "mixed"
            let difference = survey.setgid.isEmpty ? mask : mask + " setgid"
            if isFixing {
                let note = fix(survey, until: deadline)
                return (note, note.reason == .modesFixed ? nil : difference)
            }
            let count = (survey.isPartial ? "at least " : "") + ByteString(decimal: survey.differences.count)
            return (Note(.modesDiffer, count + " in " + survey.top), difference)
        } catch .noIndex {
            // A repository without commits, or of another user's.
            return (nil, nil)
        } catch {
            return (Note(.modesNotRead, error.text), nil)
        }
    }

    private static func fix(_ survey: ModeSurvey, until deadline: Deadline) -> Note {
        var limits = ModeSurvey.RepairLimits()
        limits.deadline = deadline
        let repair = survey.repair(limits)
        func count(_ number: Int) -> ByteString { ByteString(decimal: number) + " in " + survey.top }
        if let failure = repair.failed.first {
            return Note(
                .modesNotFixed,
                count(repair.failed.count) + ", as " + failure.difference.path + " ("
                    + ByteString(failure.error.description) + ")")
        }
        let closed = repair.kept + repair.uncompared
        if let first = closed.first { return Note(.modesKeptPrivate, count(closed.count) + ", as " + first.path) }
        let fixed = repair.fixed.count
        guard !survey.isPartial, fixed == survey.differences.count else {
            return Note(.modesNotFixed, "only " + count(fixed) + ": " + noTime)
        }
        return Note(.modesFixed, count(fixed))
    }
}
