public import Formats
internal import Host

/// The git repository around a directory, read from its files: no git program is needed and none is run. Every text in it is
/// hostile input and only ever becomes part of a digest or a slug.
public struct GitRepository: Equatable, Sendable {
    /// The directory that holds `.git`.
    public let top: ByteString
    /// The directory of this very working tree: it holds the index.
    public let directory: ByteString
    /// The directory that all worktrees of the repository share.
    public let commonDirectory: ByteString
    /// The repository's address, the same in each clone and worktree; nil without a remote "origin".
    public let origin: ByteString?
    /// The branch's name; "HEAD" when detached or kept where only git can read it (reftable).
    public let branch: ByteString
    /// The remote's default branch, where the clone knows it.
    public let defaultBranch: ByteString?

    /// The repository that an absolute, resolved directory lies in; nil outside of any.
    public static func containing(_ directory: ByteString) -> GitRepository? {
        var top = directory
        for _ in 0..<64 {
            if let gitDirectory = gitDirectory(of: top) { return GitRepository(top: top, gitDirectory: gitDirectory) }
            let parent = top.parentPath
            guard parent != top, parent.hasPrefix("/") else { return nil }
            top = parent
        }
        return nil
    }

    /// The repository whose working tree has its top here; nil when there is none.
    public init?(top: ByteString) {
        guard let gitDirectory = Self.gitDirectory(of: top) else { return nil }
        self.init(top: top, gitDirectory: gitDirectory)
    }

    /// A value of the repository's own configuration, such as ("core", "filemode"); nil where it has none.
    public func configured(_ section: ByteString, _ key: ByteString) -> ByteString? {
        guard let text = try? Files.read(commonDirectory.appending(path: "config"), limit: 262_144) else { return nil }
        return GitConfig.value(of: key, inSection: section, named: nil, of: text)
    }

    private init(top: ByteString, gitDirectory: ByteString) {
        self.top = top
        directory = gitDirectory
        let common = Self.commonDirectory(of: gitDirectory)
        commonDirectory = common
        origin = Self.origin(in: common, top: top, hops: 1)
        branch = Self.branch(in: gitDirectory)
        defaultBranch = Self.reference(
            common.appending(path: "refs/remotes/origin/HEAD"), below: "refs/remotes/origin/")
    }

    /// `.git` is the directory itself, or a file that names it (worktrees, submodules).
    private static func gitDirectory(of top: ByteString) -> ByteString? {
        let dotGit = top.appending(path: ".git")
        guard let status = try? Files.status(dotGit) else { return nil }
        if status.kind == .directory { return dotGit }
        guard let text = try? Files.read(dotGit, limit: 8192), text.hasPrefix("gitdir:") else { return nil }
        return text.dropFirst(7).trimmed.absolute(in: top)
    }

    private static func commonDirectory(of gitDirectory: ByteString) -> ByteString {
        guard let text = try? Files.read(gitDirectory.appending(path: "commondir"), limit: 8192) else {
            return gitDirectory
        }
        return text.trimmed.absolute(in: gitDirectory)
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
        guard let text = try? Files.read(path, limit: 8192), text.hasPrefix("ref:") else { return nil }
        let name = text.dropFirst(4).trimmed
        return name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : nil
    }

    /// A clone of a local clone means the repository that the first one was cloned from, so one hop is followed.
    private static func origin(in common: ByteString, top: ByteString, hops: Int) -> ByteString? {
        guard let config = try? Files.read(common.appending(path: "config"), limit: 262_144),
            let url = GitConfig.value(of: "url", inSection: "remote", named: "origin", of: config), !url.isEmpty
        else { return nil }
        if let name = OriginURL.normalized(url) { return name }
        guard let local = OriginURL.localPath(url) else { return nil }
        let path = local.absolute(in: top)
        if hops > 0 {
            let upstream = gitDirectory(of: path).map(commonDirectory) ?? path
            if let further = origin(in: upstream, top: path, hops: hops - 1) { return further }
        }
        return "file:" + (path.hasSuffix("/.git") ? path.dropLast(5) : path)
    }
}

/// Just enough of git's configuration format to find one value (git-config(1), "Syntax").
enum GitConfig {
    /// The first value of a key in `[section "name"]`, or in `[section]` without a name; nil when it is not there. Includes are not followed.
    static func value(
        of key: ByteString, inSection section: ByteString, named name: ByteString?, of text: ByteString
    ) -> ByteString? {
        var inside = false
        for line in text.split("\n") {
            var line = line.trimmed
            if line.hasPrefix("[") {
                // A key may stand on the line of its section.
                guard let (header, rest) = line.dropFirst(1).cut(at: "]") else { return nil }
                inside = matches(header, section, name)
                line = rest.trimmed
            }
            guard inside else { continue }
            if let (left, right) = line.cut(at: "=") {
                if left.trimmed.lowercasedASCII == key { return plain(right.trimmed) }
            } else if name == nil, line.lowercasedASCII == key {
                // A key by itself is true, which is no address.
                return "true"
            }
        }
        return nil
    }

    private static func matches(_ header: ByteString, _ section: ByteString, _ name: ByteString?) -> Bool {
        guard let name else { return header.trimmed.lowercasedASCII == section }
        guard let (kind, rest) = header.cut(at: "\"") else { return false }
        return kind.trimmed.lowercasedASCII == section && rest == name + "\""
    }

    /// Without quotes, escapes and a trailing comment.
    private static func plain(_ value: ByteString) -> ByteString {
        var result: [UInt8] = []
        var quoted = false
        var escaped = false
        for byte in value.bytes {
            if escaped {
                result.append(byte)
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                quoted.toggle()
            } else if !quoted && (byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")) {
                break
            } else {
                result.append(byte)
            }
        }
        return ByteString(result).trimmed
    }
}
