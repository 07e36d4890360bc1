public import Formats
internal import Host

/// The git repository around a directory, read from its files without running git. All of its text is hostile input,
/// and is only ever used in a digest or a slug.
public struct GitRepository: Equatable, Sendable {
    /// The directory that holds `.git`.
    public let top: ByteString
    /// This working tree's own git directory, which holds the index.
    public let directory: ByteString
    /// The git directory that all worktrees of the repository share.
    public let commonDirectory: ByteString
    /// The repository's address, the same in each clone and worktree; nil without a remote "origin".
    public let origin: ByteString?
    /// The branch's name; "HEAD" if detached, or if only git can read it (reftable).
    public let branch: ByteString
    /// The remote's default branch, if the clone knows it.
    public let defaultBranch: ByteString?

    private let config: GitConfig

    /// The limit in bytes for a file with a single name or path.
    private static let largestFile = 8192
    private static let largestPackedReferences = 1 << 20

    /// What surrounds a directory.
    public enum Location: Equatable, Sendable {
        /// No repository.
        case nothing
        /// A repository whose files are trusted.
        case repository(GitRepository)
        /// A repository that is ignored, because this path belongs to another user.
        case foreign(ByteString)
    }

    /// The repository around an absolute, resolved directory.
    public static func around(_ directory: ByteString) -> Location { around(directory, Owners()) }

    static func around(_ directory: ByteString, _ owners: Owners) -> Location {
        var top = directory
        for _ in 0..<64 {
            let found = at(top, owners)
            // Like git, it does not look further up for another one.
            if found != .nothing { return found }
            let parent = top.parentPath
            guard parent != top, parent.hasPrefix("/") else { return .nothing }
            top = parent
        }
        return .nothing
    }

    /// The repository whose working tree has its top here.
    public static func at(_ top: ByteString) -> Location { at(top, Owners()) }

    private static func at(_ top: ByteString, _ owners: Owners) -> Location {
        switch Place(of: top, owners) {
        case .none: .nothing
        case .foreign(let path): .foreign(path)
        case .missing(let directory): .repository(GitRepository(top: top, missing: directory))
        case .found(let directory, let common):
            .repository(GitRepository(top: top, directory: directory, common: common, owners))
        }
    }

    /// The repository that contains an absolute, resolved directory; nil outside of any, and in one that belongs to
    /// another user.
    public static func containing(_ directory: ByteString) -> GitRepository? {
        guard case .repository(let found) = around(directory) else { return nil }
        return found
    }

    /// The name of the commit that is checked out; nil if there is none yet, or if only git can tell (reftable, or very
    /// many packed references).
    public var commit: ByteString? {
        guard let head = try? Files.read(directory.appending(path: "HEAD"), limit: GitRepository.largestFile).trimmed
        else { return nil }
        guard head.hasPrefix("ref:") else { return Self.objectName(head) }
        let name = head.dropFirst(4).trimmed
        guard name.hasPrefix("refs/"), !name.split("/").contains("..") else { return nil }
        for folder in [directory, commonDirectory].withoutRepeats {
            let text = try? Files.read(folder.appending(path: name), limit: GitRepository.largestFile).trimmed
            if let found = text.flatMap(Self.objectName) { return found }
        }
        guard
            let packed = try? Files.read(
                commonDirectory.appending(path: "packed-refs"), limit: Self.largestPackedReferences),
            let place = packed.range(of: " " + name + "\n")
        else { return nil }
        let before = packed.prefix(place.lowerBound)
        return Self.objectName(before.cutLast(at: "\n")?.after ?? before)
    }

    private static func objectName(_ text: ByteString) -> ByteString? {
        guard [40, 64].contains(text.count), text.bytes.allSatisfy({ Hex.value(of: $0) != nil }) else { return nil }
        return text
    }

    /// A value of the repository's own configuration, such as ("core", "sharedrepository"): the last one, as in git;
    /// nil if there is none.
    public func configured(_ section: ByteString, _ key: ByteString) -> ByteString? {
        let name = section + "." + key
        return section == "extensions" ? config.own(name) : config.last(name)
    }

    /// A boolean value; nil if it is not a boolean, or missing.
    public func isConfigured(_ section: ByteString, _ key: ByteString) -> Bool? {
        GitConfig.boolean(configured(section, key))
    }

    private init(top: ByteString, directory: ByteString, common: ByteString, _ owners: Owners) {
        self.top = top
        self.directory = directory
        commonDirectory = common
        config = GitConfig(common: common, directory: directory, owners)
        origin = Self.origin(config, top: top, owners, hops: 1)
        branch = Self.branch(in: directory)
        defaultBranch = Self.reference(
            common.appending(path: "refs/remotes/origin/HEAD"), below: "refs/remotes/origin/")
    }

    private init(top: ByteString, missing directory: ByteString) {
        self.top = top
        self.directory = directory
        commonDirectory = directory
        config = GitConfig()
        origin = nil
        branch = "HEAD"
        defaultBranch = nil
    }

    /// Where a repository keeps git's files.
    private enum Place {
        case none
        case foreign(ByteString)
        /// A `.git` that leads nowhere, perhaps because this runs in a container: nothing is read there, whoever
        /// creates it meanwhile.
        case missing(ByteString)
        case found(directory: ByteString, common: ByteString)

        /// `.git` is the directory itself, or a file that names it (worktrees, submodules). Everything on the way must
        /// belong to these owners before a byte of it is read.
        init(of top: ByteString, _ owners: Owners) {
            let dotGit = top.appending(path: ".git")
            guard let entry = try? Files.status(dotGit, followLinks: false), let status = try? Files.status(dotGit),
                status.kind == .directory || status.kind == .regular
            else {
                self = .none
                return
            }
            for path in [top, dotGit] {
                // Check both the link itself and its target.
                guard Self.isOwned(path, owners), path == top || owners.own(entry) else {
                    self = .foreign(path)
                    return
                }
            }
            var directory = dotGit
            if status.kind == .regular {
                guard let text = try? Files.read(dotGit, limit: GitRepository.largestFile), text.hasPrefix("gitdir:")
                else {
                    self = .none
                    return
                }
                directory = text.dropFirst(7).trimmed.absolute(in: top)
            }
            self.init(directory: directory, owners)
        }

        /// A git directory on its own, also that of a bare repository.
        init(directory: ByteString, _ owners: Owners) {
            guard Self.isOwned(directory, owners) else {
                self = Files.isMissing(directory, followLinks: true) ? .missing(directory) : .foreign(directory)
                return
            }
            var common = directory
            if let text = try? Files.read(directory.appending(path: "commondir"), limit: GitRepository.largestFile) {
                common = text.trimmed.absolute(in: directory)
                guard Self.isOwned(common, owners) else {
                    self = .foreign(common)
                    return
                }
            }
            self = .found(directory: directory, common: common)
        }

        private static func isOwned(_ path: ByteString, _ owners: Owners) -> Bool {
            (try? Files.status(path)).map(owners.own) ?? false
        }
    }

    private static func branch(in gitDirectory: ByteString) -> ByteString {
        // With reftable, HEAD is the stub "ref: refs/heads/.invalid".
        guard let name = reference(gitDirectory.appending(path: "HEAD"), below: "refs/heads/"), name != ".invalid"
        else {
            return "HEAD"
        }
        return name
    }

    private static func reference(_ path: ByteString, below prefix: ByteString) -> ByteString? {
        guard let text = try? Files.read(path, limit: GitRepository.largestFile), text.hasPrefix("ref:") else {
            return nil
        }
        let name = text.dropFirst(4).trimmed
        return name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : nil
    }

    /// For a clone of a local clone, the repository that the first one was cloned from counts, so one hop is
    /// followed.
    private static func origin(_ config: GitConfig, top: ByteString, _ owners: Owners, hops: Int) -> ByteString? {
        guard let url = config.url(ofRemote: "origin"), !url.isEmpty else { return nil }
        if let name = OriginURL.normalized(url) { return name }
        guard let local = OriginURL.localPath(url) else { return nil }
        let path = local.absolute(in: top)
        if hops > 0, let further = origin(ofClone: path, owners, hops: hops - 1) { return further }
        return "file:" + (path.hasSuffix("/.git") ? path.dropLast(5) : path)
    }

    private static func origin(ofClone path: ByteString, _ owners: Owners, hops: Int) -> ByteString? {
        var place = Place(of: path, owners)
        if case .none = place { place = Place(directory: path, owners) }
        guard case .found(let directory, let common) = place else { return nil }
        return origin(GitConfig(common: common, directory: directory, owners), top: path, owners, hops: hops)
    }
}

extension GitRepository.Location {
    /// The repository, if there is a trusted one.
    public var repository: GitRepository? { if case .repository(let found) = self { found } else { nil } }
    /// The path that belongs to another user.
    public var foreign: ByteString? { if case .foreign(let path) = self { path } else { nil } }
}
