internal import BuildCache
internal import Formats
internal import Git
internal import Host
internal import WorkingTree

/// What makes a fresh clone miss where this one hits, and the reverse: BuildKit hashes the modes of files.
struct CloneFacts {
    /// The permission bits that new files do not get.
    var mask: UInt32 = 0o022
    /// The top of the repository; nil outside of any.
    var top: ByteString?
    /// Why the repository, or one of its submodules, could not be examined; nil if all could be.
    var obstacle: ByteString?
    /// The number of tracked files examined.
    var files = 0
    var setgid: [ByteString] = []
    var hasDefaultACL = false
    var oddFiles: [ByteString] = []
    var oddDirectories: [ByteString] = []
    /// Whether core.fileMode is false.
    var ignoresModes = false
    /// core.sharedRepository, if it is set.
    var sharing: ByteString?

    func findings() -> [Finding] {
        var findings: [Finding] = []
        if mask != 0o022 { findings.append(Finding(.umaskUnusual, ByteString(octal: mask))) }
        guard let top else {
            return findings.isEmpty ? [Finding(.cloneInOrder, "umask 0022, no repository")] : findings
        }
        let listings: [(Check, [ByteString])] = [
            (.setgidDirectories, setgid), (.fileModesDiffer, oddFiles), (.directoryModesDiffer, oddDirectories),
        ]
        for (check, names) in listings where !names.isEmpty {
            let detail = ByteString(decimal: names.count) + " of them: " + .listing(names)
            findings.append(Finding(check, detail, path: top))
        }
        if hasDefaultACL { findings.append(Finding(.defaultACL, top, path: top)) }
        if ignoresModes { findings.append(Finding(.fileModeIgnored, top, path: top)) }
        if let sharing, !["", "umask", "false", "0", "no", "off"].contains(sharing.lowercasedASCII) {
            findings.append(Finding(.sharedRepository, sharing, path: top))
        }
        if let obstacle { return findings + [Finding(.cloneNotRead, top + ": " + obstacle)] }
        guard findings.isEmpty else { return findings }
        return [
            Finding(.cloneInOrder, "umask 0022, " + ByteString(decimal: files) + " tracked files of " + top)
        ]
    }
}

extension CloneFacts {
    /// Examines the repository around the working directory.
    static func gather(_ context: ProcessContext) -> CloneFacts {
        var facts = CloneFacts(mask: context.mask)
        let around = context.directory.map { GitRepository.around($0) } ?? .nothing
        if let path = around.foreign {
            facts.top = context.directory
            facts.obstacle = Checkout.CheckoutError.foreign(path).text
        }
        guard let repository = around.repository else { return facts }
        facts.top = repository.top
        facts.sharing = repository.configured("core", "sharedrepository")
        // It is not the directory of a tracked file, but everything made in it inherits the bit.
        if let status = try? Files.status(repository.top), status.mode & 0o2000 != 0 { facts.setgid = ["."] }
        do throws(Checkout.CheckoutError) {
            facts.take(try ModeSurvey(of: repository))
        } catch {
            facts.obstacle = error.text
        }
        return facts
    }

    private mutating func take(_ survey: ModeSurvey) {
        files = survey.files
        ignoresModes = survey.ignoresModes
        hasDefaultACL = !survey.defaultACLs.isEmpty
        setgid += survey.setgid
        oddFiles = survey.differences.filter { !$0.isDirectory }.map(\.path)
        oddDirectories = survey.differences.filter { $0.isDirectory && $0.mode & 0o777 != 0o755 }.map(\.path)
        obstacle = survey.obstacles.first
    }
}
