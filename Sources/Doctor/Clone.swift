internal import BuildCache
internal import Formats
internal import Host

/// What makes a fresh clone miss where this one hits, and the other way round: BuildKit hashes the modes of files.
struct CloneFacts {
    /// The permission bits that new files do not get.
    var mask: UInt32 = 0o022
    /// The repository's top; nil outside of any.
    var top: ByteString?
    /// Why git could not be asked about it; nil when it could.
    var obstacle: ByteString?
    /// How many tracked files were looked at.
    var files = 0
    /// Whether there are more.
    var isPartial = false
    var setgid: [ByteString] = []
    var hasDefaultACL = false
    var oddFiles: [ByteString] = []
    var oddDirectories: [ByteString] = []
    /// core.fileMode, where it is set.
    var fileMode: ByteString?
    /// core.sharedRepository, where it is set.
    var sharing: ByteString?

    func judge() -> [Finding] {
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
        if fileMode == "false" { findings.append(Finding(.fileModeIgnored, top, path: top)) }
        if let sharing, !["", "umask", "false", "0", "no", "off"].contains(sharing.lowercasedASCII) {
            findings.append(Finding(.sharedRepository, sharing, path: top))
        }
        if let obstacle { return findings + [Finding(.cloneNotRead, top + ": " + obstacle)] }
        guard findings.isEmpty else { return findings }
        let count = (isPartial ? "the first " : "") + ByteString(decimal: files) + " tracked files"
        return [Finding(.cloneInOrder, "umask 0022, " + count + " of " + top)]
    }
}

extension CloneFacts {
    /// Looks at the repository around the working directory, at so many tracked files at most.
    static func gather(_ surroundings: Surroundings, most: Int = 50_000) -> CloneFacts {
        var facts = CloneFacts(mask: surroundings.mask)
        guard let directory = surroundings.directory, let top = GitRepository.containing(directory)?.top else {
            return facts
        }
        facts.top = top
        facts.hasDefaultACL = Files.hasAttribute("system.posix_acl_default", at: top)
        facts.noteSetgid(top, ".")
        guard let git = Git(surroundings, top) else {
            facts.obstacle = "git is not installed"
            return facts
        }
        guard let listing = git.ask("ls-files", "-s", "-z") else {
            facts.obstacle = "git does not read it: it may belong to another user (safe.directory)"
            return facts
        }
        facts.fileMode = git.ask("config", "--type=bool", "core.fileMode")?.trimmed
        facts.sharing = git.ask("config", "core.sharedRepository")?.trimmed
        facts.look(at: listing, most: most)
        return facts
    }

    /// "100644 HASH 0\tPATH", each ended by NUL.
    private mutating func look(at listing: ByteString, most: Int) {
        guard let top else { return }
        var directories: Set<ByteString> = []
        for entry in listing.bytes.split(separator: 0) {
            guard files < most else {
                isPartial = true
                break
            }
            guard let (head, name) = ByteString(entry).cut(at: "\t"), head.hasPrefix("100"), head.count > 6 else {
                continue
            }
            files += 1
            let canonical: UInt32 = head.hasPrefix("100755") ? 0o755 : 0o644
            guard let status = try? Files.status(top.appending(path: name), followLinks: false),
                status.kind == .regular
            else { continue }
            if status.mode != canonical { oddFiles.append(name) }
            var folder = name.parentPath
            while folder != ".", directories.insert(folder).inserted { folder = folder.parentPath }
        }
        for folder in directories.sorted() {
            noteSetgid(top.appending(path: folder), folder)
            guard let status = try? Files.status(top.appending(path: folder), followLinks: false),
                status.kind == .directory, status.mode & 0o777 != 0o755
            else { continue }
            oddDirectories.append(folder)
        }
    }

    private mutating func noteSetgid(_ path: ByteString, _ name: ByteString) {
        guard let status = try? Files.status(path, followLinks: false), status.kind == .directory,
            status.mode & 0o2000 != 0
        else { return }
        setgid.append(name)
    }
}

/// The git program, asked about one repository.
private struct Git {
    private let program: ByteString
    private let top: ByteString
    private let environment: [ByteString]

    init?(_ surroundings: Surroundings, _ top: ByteString) {
        guard let program = surroundings.find("git") else { return nil }
        self.program = program
        self.top = top
        environment = surroundings.environment
    }

    /// What it prints; nil when it fails.
    func ask(_ words: ByteString...) -> ByteString? {
        // Nothing that the repository names is run.
        let arguments = ["git", "-C", top, "-c", "core.fsmonitor=false"] + words
        let answer = try? Execution.ask(
            program, arguments: arguments, environment: .entries(environment), nanoseconds: 30_000_000_000,
            limit: 64 << 20)
        guard let answer, answer.exitCode == 0 else { return nil }
        return answer.output
    }
}
