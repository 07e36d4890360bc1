import DockerfileLint
import Formats
import Host

/// A Dockerfile on disk, with what its build's context tells.
struct LintSource {
    /// Why a path could not be read or written.
    struct Failure: Error {
        let message: ByteString
    }

    let path: ByteString
    let text: ByteString
    let context: ContextFacts
    private let status: FileStatus

    private static let largest = 16 << 20
    private static let deepest = 16

    init(_ path: ByteString, context: ByteString?) throws(Failure) {
        self.path = path
        do throws(Errno) {
            status = try Files.status(path)
            text = try Files.read(path, limit: Self.largest)
        } catch .tooLarge {
            throw Failure(message: path + " is larger than 16 MiB: no Dockerfile is")
        } catch {
            throw Failure(
                message: "cannot read " + path + ": " + ByteString(error.description) + "; name a file or a directory")
        }
        self.context = Self.facts(of: path, context)
    }

    /// The ignore file beside the Dockerfile counts before that of the context (moby/buildkit, `initContext`).
    private static func facts(of path: ByteString, _ context: ByteString?) -> ContextFacts {
        let folder = context ?? path.parentPath
        let own = try? Files.read(path + ".dockerignore", limit: largest)
        let shared = try? Files.read(folder.appending(path: ".dockerignore"), limit: largest)
        let hasGit = !Files.isMissing(folder.appending(path: ".git"))
        // In a repository's subdirectory nobody knows whether that is the context, or the repository is.
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

    /// Replaces the file whole, with its mode and owner; a link stays one.
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
                try Files.rename(temporary, to: target)
            } catch {
                try? Files.remove(temporary)
                throw error
            }
        } catch {
            throw Failure(message: "cannot write " + path + ": " + ByteString(error.description) + "; it is as it was")
        }
    }

    // MARK: - Finding them

    /// The file itself, or every Dockerfile below a directory in the order of their names.
    static func files(at path: ByteString) throws(Failure) -> [ByteString] {
        let kind: FileStatus.Kind
        do throws(Errno) {
            kind = try Files.status(path).kind
        } catch {
            throw Failure(
                message: "cannot read " + path + ": " + ByteString(error.description) + "; name a file or a directory")
        }
        guard kind == .directory else { return [path] }
        var found: [ByteString] = []
        try collect(path, depth: 0, &found)
        if found.isEmpty { throw Failure(message: "no Dockerfile is in " + path + ": name the file") }
        return found
    }

    private static let leftOut: Set<ByteString> = [".git", "node_modules", ".venv", "venv", "vendor", ".build", ".tox"]

    private static func collect(_ folder: ByteString, depth: Int, _ found: inout [ByteString]) throws(Failure) {
        let names: [ByteString]
        do throws(Errno) {
            names = try Files.names(in: folder, limit: 100_000).sorted()
        } catch {
            throw Failure(message: "cannot read " + folder + ": " + ByteString(error.description))
        }
        for name in names where !leftOut.contains(name) {
            let path = folder == "." ? name : folder.appending(path: name)
            guard let status = try? Files.status(path, followLinks: false) else { continue }
            if status.kind == .directory, depth < deepest {
                try collect(path, depth: depth + 1, &found)
            } else if isDockerfile(name), (try? Files.status(path).kind) == .regular {
                found.append(path)
            }
        }
    }

    static func isDockerfile(_ name: ByteString) -> Bool {
        let small = name.lowercasedASCII
        if small.hasSuffix(".dockerignore") || small.hasSuffix("~") || small.hasSuffix(".tmp") { return false }
        return small == "dockerfile" || small == "containerfile" || small.hasPrefix("dockerfile.")
            || small.hasPrefix("containerfile.") || small.hasSuffix(".dockerfile") || small.hasSuffix(".containerfile")
    }
}
