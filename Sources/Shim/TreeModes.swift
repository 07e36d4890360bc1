internal import BuildCache
internal import Formats
internal import Host
internal import Notes
internal import Planning
internal import WorkingTree

/// The modes of tracked files in the repository around a build's context, before the build.
enum TreeModes {
    /// What the look may take for all builds of a command: it is on their way.
    private static let time: Int64 = 5_000_000
    /// About 40 000 paths; a larger index takes longer to read than the look may take.
    private static let largestIndex = 4 << 20

    /// What there is to say of a repository, and in what the modes differ from git's; nil where they do not.
    typealias Finding = (note: Note?, difference: ByteString?)

    /// Looks around each context, once for each repository, and mends where the settings say so; nil for what lies in none.
    static func look(
        around contexts: [ByteString?], _ settings: Settings, _ purpose: Decision.Purpose
    ) -> [Finding?] {
        guard settings.modes != .off else { return contexts.map { _ in nil } }
        let deadline = Clock.monotonic &+ time
        var known: [(directory: ByteString, finding: Finding)] = []
        return contexts.map { context in
            guard let path = context.flatMap({ try? Files.realPath($0) }),
                let repository = GitRepository.containing(path)
            else { return nil }
            if let found = known.first(where: { $0.directory == repository.directory }) { return found.finding }
            let finding = look(at: repository, until: deadline, settings, purpose)
            known.append((repository.directory, finding))
            return finding
        }
    }

    private static func look(
        at repository: GitRepository, until deadline: Int64, _ settings: Settings, _ purpose: Decision.Purpose
    ) -> Finding {
        let isMending = settings.modes == .fix && purpose == .acting
        var options = ModeSurvey.Options()
        options.isThorough = false
        if !isMending {
            options.deadline = deadline
            options.largestIndex = largestIndex
        }
        do throws(Checkout.Obstacle) {
            let survey = try ModeSurvey(of: repository, options)
            if survey.differences.isEmpty {
                guard survey.isPartial else { return (nil, nil) }
                return (Note(.modesNotRead, survey.top + ": too many for so short a time"), nil)
            }
            let mask = survey.umask.map { ByteString(String($0, radix: 8)) } ?? "mixed"
            let difference = survey.setgid.isEmpty ? mask : mask + " setgid"
            if isMending {
                var limits = ModeSurvey.RepairLimits()
                limits.deadline = Clock.monotonic &+ time
                let note = mend(survey, limits)
                return (note, note.reason == .modesMended ? nil : difference)
            }
            let count = (survey.isPartial ? "at least " : "") + ByteString(decimal: survey.differences.count)
            return (Note(.modesDiffer, count + " in " + survey.top), difference)
        } catch .noIndex(_, let error) where error != .tooLarge {
            // A repository without a commit, or one of another user's.
            return (nil, nil)
        } catch {
            return (Note(.modesNotRead, error.text), nil)
        }
    }

    private static func mend(_ survey: ModeSurvey, _ limits: ModeSurvey.RepairLimits) -> Note {
        let repair = survey.repair(limits)
        guard let failure = repair.failed.first else {
            let closed = repair.kept + repair.uncompared
            if let first = closed.first {
                return Note(
                    .modesKeptPrivate,
                    ByteString(decimal: closed.count) + " in " + survey.top + ", as " + first.path)
            }
            return Note(.modesMended, ByteString(decimal: repair.mended.count) + " in " + survey.top)
        }
        return Note(
            .modesNotMended,
            ByteString(decimal: repair.failed.count) + " in " + survey.top + ", as " + failure.difference.path + " ("
                + ByteString(failure.error.description) + ")")
    }
}
