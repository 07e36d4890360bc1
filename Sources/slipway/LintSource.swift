import DockerfileLint
import Formats
import Host

/// A Dockerfile on disk, with facts about its build's context.
struct LintSource {
    /// Why a path could not be read or written.
    struct Failure: Error {
        let message: ByteString

        static func unreadable(_ path: ByteString, _ error: Errno, _ advice: ByteString = "") -> Failure {
            Failure(message: "cannot read " + path + ": " + ByteString(error.description) + advice)
        }
    }

    let path: ByteString
    let text: ByteString
    let context: ContextFacts
    private let status: FileStatus

    private static let largest = 16 << 20

    init(_ path: ByteString, context: ByteString?) throws(Failure) {
        self.path = path
        do throws(Errno) {
            status = try Files.status(path)
            text = try Files.read(path, limit: Self.largest)
        } catch .tooLarge {
            throw Failure(message: path + " is larger than 16 MiB: no Dockerfile is")
        } catch {
            throw .unreadable(path, error, "; name a file or a directory")
        }
        self.context = Self.facts(of: path, context)
    }

    /// The ignore file beside the Dockerfile takes precedence over that of the context (moby/buildkit,
    /// `initContext`).
    private static func facts(of path: ByteString, _ context: ByteString?) -> ContextFacts {
        let folder = context ?? path.parentPath
        let own = try? Files.read(path + ".dockerignore", within: path.parentPath, limit: largest)
        let shared = try? Files.read(folder.appending(path: ".dockerignore"), within: folder, limit: largest)
        let hasGit = !Files.isMissing(folder.appending(path: ".git"))
        // In a subdirectory of a repository the context may be the subdirectory or the repository: that is unknown.
        guard context != nil || own != nil || shared != nil || hasGit || !isInRepository(folder) else {
            return .unknown
        }
        return ContextFacts(ignoreFile: own ?? shared, hasGit: hasGit)
    }

    private static func isInRepository(_ folder: ByteString) -> Bool {
        guard var above = try? Files.realPath(folder) else { return true }
        while above != "/" {
            above = above.parentPath
            if !Files.isMissing(above.appending(path: ".git")) { return true }
        }
        return false
    }

    /// Replaces the file atomically, keeping its mode and owner, if it is still the one that was read; a link stays a
    /// link.
    func replace(with content: ByteString) throws(Failure) {
        do throws(Errno) {
            let target = try Files.realPath(path)
            let temporary = target + "." + Hex.digits(of: Kernel.randomBytes(8)) + ".tmp"
            do throws(Errno) {
                let file = try Descriptor.open(temporary, .create(mode: 0o600), followLinks: false)
                if status.owner != Kernel.userID || status.group != Kernel.groupID {
                    try file.setOwner(user: status.owner, group: status.group)
                }
                try file.setMode(status.mode)
                try file.write(content)
                let now = try Files.status(target)
                guard now.isSameFile(as: status), now.size == status.size, now.modified == status.modified else {
                    throw .noSuchFile
                }
                try Files.rename(temporary, to: target)
            } catch {
                try? Files.remove(temporary)
                throw error
            }
        } catch .noSuchFile {
            throw Failure(message: path + " is not what was read any more, and is left alone: try again")
        } catch {
            throw Failure(message: "cannot write " + path + ": " + ByteString(error.description) + "; it is as it was")
        }
    }

    // MARK: - Finding them

    /// A file to lint.
    struct Candidate: Equatable {
        let path: ByteString
        /// The directory that was searched for it; nil if the file was named.
        let searched: ByteString?

        /// Whether it lies among tests, examples or documents of the directory: its base need not be pinned there, and it
        /// may be broken on purpose.
        var isExample: Bool {
            guard let searched else { return false }
            return (path.relative(to: searched) ?? path).parentPath.split("/").contains { folder in
                let words = folder.lowercasedASCII.bytes.split { !$0.isLetter && !$0.isDigit }
                return words.contains { LintSource.exampleFolders.contains(ByteString($0)) }
            }
        }
    }

    private static let exampleFolders: Set<ByteString> = [
        "test", "tests", "testdata", "testfiles", "testing", "fixture", "fixtures", "e2e", "spec", "specs", "example",
        "examples", "sample", "samples", "demo", "demos", "doc", "docs", "tutorial", "tutorials",
    ]

    /// The file itself, or every Dockerfile below a directory in the order of their names.
    struct Search {
        private(set) var files: [Candidate] = []
        /// What could not be read; everything else was.
        private(set) var failures: [Failure] = []

        private let start: ByteString
        /// The directory's real path; nil if a file was named.
        private var root: ByteString?
        private static let deepest = 64
        private static let leftOut: Set<ByteString> = [
            ".git", "node_modules", ".venv", "venv", "vendor", ".build", ".tox",
        ]

        init(_ path: ByteString) {
            start = path
            do throws(Errno) {
                guard try Files.status(path).kind == .directory else {
                    files = [Candidate(path: path, searched: nil)]
                    return
                }
                root = try Files.realPath(path)
            } catch {
                failures.append(.unreadable(path, error, "; name a file or a directory"))
                return
            }
            collect(path, depth: 0)
            if files.isEmpty, failures.isEmpty {
                failures.append(Failure(message: "no Dockerfile is in " + path + ": name the file"))
            }
        }

        private mutating func collect(_ folder: ByteString, depth: Int) {
            guard depth <= Self.deepest else {
                failures.append(
                    Failure(message: folder + " is more than 64 directories deep and was not searched: name it"))
                return
            }
            let names: [ByteString]
            do throws(Errno) {
                names = try Files.names(in: folder, limit: 100_000).sorted()
            } catch {
                failures.append(.unreadable(folder, error))
                return
            }
            for name in names where !Self.leftOut.contains(name) {
                let path = folder == "." ? name : folder.appending(path: name)
                do throws(Errno) {
                    if try Files.status(path, followLinks: false).kind == .directory {
                        collect(path, depth: depth + 1)
                    } else if isDockerfile(name), (try? Files.status(path).kind) == .regular, try isInside(path) {
                        files.append(Candidate(path: path, searched: start))
                    }
                } catch {
                    if error != .noSuchFile { failures.append(.unreadable(path, error)) }
                }
            }
        }

        /// An unknown link in a clone could lead --fix to other people's files.
        private func isInside(_ path: ByteString) throws(Errno) -> Bool {
            guard let root else { return true }
            return try Files.realPath(path).relative(to: root) != nil
        }
    }

    /// Texts about Dockerfiles, templates for them, and backups: 323 of the errors found in 18 repositories were in
    /// such files.
    private static let otherEndings: Set<ByteString> = [
        "adoc", "bak", "diff", "dockerignore", "erb", "go", "html", "in", "j2", "java", "jinja", "jinja2", "js", "json",
        "ejs", "gotmpl", "hbs", "liquid", "md", "mustache", "njk", "old", "orig", "patch", "php", "py", "rb", "rej",
        "rs",
        "rst", "save", "sh", "swp", "template", "tmp", "tmpl", "toml", "tpl", "ts", "tt", "txt", "xml", "yaml", "yml",
    ]

    /// Whether a file in a directory counts as a Dockerfile; a file that is named always does.
    static func isDockerfile(_ name: ByteString) -> Bool {
        let small = name.lowercasedASCII
        if small.hasSuffix("~") { return false }
        if let ending = small.split(".").last, ending.count < small.count, otherEndings.contains(ending) {
            return false
        }
        return small == "dockerfile" || small == "containerfile" || small.hasPrefix("dockerfile.")
            || small.hasPrefix("containerfile.") || small.hasSuffix(".dockerfile") || small.hasSuffix(".containerfile")
    }
}
