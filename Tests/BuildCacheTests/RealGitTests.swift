import BuildCache
import Formats
import Foundation
import Git
import Host
import TestSupport
import Testing

/// git itself, without any user's settings.
private struct Git {
    static let program = ["/usr/bin/git", "/usr/local/bin/git", "/bin/git"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    let folder: TemporaryFolder

    @discardableResult
    func callAsFunction(
        _ words: String..., in name: ByteString = ".", mayFail: Bool = false
    ) throws -> ByteString {
        let options = ["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]
        let answer = try Execution.ask(
            ByteString(try #require(Self.program)),
            arguments: ["git", "-C", folder[name]] + (options + words).map { ByteString($0) },
            environment: .entries([
                "PATH=/usr/bin:/bin", "HOME=" + folder.path, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a",
                "GIT_AUTHOR_EMAIL=a@b",
                "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
            ]),
            nanoseconds: 60_000_000_000, limit: 1 << 20)
        try #require(mayFail || answer.exitCode == 0, "git \(words)")
        return answer.output.trimmed
    }
}

@Suite("Repositories made by git", .enabled(if: Git.program != nil, "git is not installed"))
struct RealGitTests {
    private let folder: TemporaryFolder
    private let git: Git

    /// "upstream.git" is bare; "clone" is a clone of it with one commit on main.
    init() throws {
        folder = try TemporaryFolder()
        git = Git(folder: folder)
        try git("init", "-q", "--bare", "upstream.git")
        try git("clone", "-q", "upstream.git", "clone")
        try git("checkout", "-q", "-B", "main", in: "clone")
        try git("commit", "-q", "--allow-empty", "-m", "first", in: "clone")
        try git("push", "-q", "origin", "main", in: "clone")
    }

    private func repository(at name: ByteString) throws -> GitRepository {
        try #require(GitRepository.containing(folder[name]))
    }

    private var upstream: ByteString { "file:" + folder["upstream.git"] }

    @Test("A clone, and a clone of that")
    func clones() throws {
        try git("clone", "-q", "upstream.git", "again")
        try git("clone", "-q", "again", "clone of again")
        for name: ByteString in ["clone", "again", "clone of again"] {
            let repository = try repository(at: name)
            #expect(repository.origin == upstream, "\(name)")
            #expect(repository.branch == "main")
            #expect(repository.commonDirectory == folder[name].appending(path: ".git"))
        }
        #expect(try repository(at: "again").defaultBranch == "main")
    }

    @Test("Before the first commit, detached, and on a branch with slashes")
    func heads() throws {
        try git("init", "-q", "fresh")
        #expect(try repository(at: "fresh").branch == "main")
        #expect(try repository(at: "fresh").origin == nil)
        try git("checkout", "-q", "-b", "feature/a-b", in: "clone")
        #expect(try repository(at: "clone").branch == "feature/a-b")
        try git("checkout", "-q", "--detach", in: "clone")
        #expect(try repository(at: "clone").branch == "HEAD")
        try git("pack-refs", "--all", in: "clone")
        try git("checkout", "-q", "main", in: "clone")
        #expect(try repository(at: "clone").branch == "main")
    }

    @Test("Worktrees")
    func worktrees() throws {
        try git("worktree", "add", "-q", "-b", "topic", "../tree", in: "clone")
        let tree = try repository(at: "tree")
        #expect(tree.origin == upstream && tree.branch == "topic")
        #expect(tree.commonDirectory == folder["clone/.git"])
    }

    @Test("Submodules")
    func submodules() throws {
        try git("init", "-q", "outer")
        try git("submodule", "--quiet", "add", folder["upstream.git"].lossy, "inner", in: "outer")
        let inner = try repository(at: "outer/inner")
        #expect(inner.top == folder["outer/inner"])
        #expect(inner.origin == upstream)
    }

    @Test(
        "Addresses as git writes them",
        arguments: [
            ("https://u:t@example.org/o/r.git", "example.org/o/r"), ("git@example.org:o/r", "example.org/o/r"),
            ("a \"b\" # c", nil), ("/x;y\\z", "file:/x;y\\z"),
        ] as [(String, ByteString?)])
    func addresses(_ url: String, _ origin: ByteString?) throws {
        try git("remote", "set-url", "origin", url, in: "clone")
        #expect(try repository(at: "clone").origin == origin ?? "file:" + folder["clone/" + ByteString(url)])
    }

    @Test("Configuration is read as git reads it: the last value, includes, and the worktree's own file")
    func configuration() throws {
        func same(_ name: String, in place: ByteString = "clone") throws {
            let parts = name.split(separator: ".").map { ByteString(String($0)) }
            let theirs = try git("config", "--includes", "--type=bool", name, in: place, mayFail: true)
            let ours = try repository(at: place).isConfigured(parts[0], parts[1])
            #expect(ours.map { $0 ? "true" : "false" } ?? "" == theirs, "\(name) in \(place)")
        }
        let path: ByteString = "clone/.git/config"
        let first = try folder.read(path)
        for more: ByteString in [
            "[core]\nfilemode = false\n", "[core]\nfilemode = false\n[core]\nfilemode = true\n", "[core]\nfilemode\n",
            "[CORE]\nFileMode = 0\n", "[core]\nfilemode = 0x10\n", "[core]\nfilemode = 1k\n", "[core]\nfilemode =\n",
            "[core]\nfilemode = of\\\nf ; x\n", "[core] filemode = \"no\"\n", "[core \"x\"]\nfilemode = false\n",
            "[include]\npath = more\n", "[include]\npath = more\n[core]\nfilemode = true\n",
            "[include]\npath = missing\n[core]\nfilemode = off\n",
        ] {
            try folder.write("clone/.git/more", "[core]\nfilemode = false\n")
            try folder.write(path, first + more)
            try same("core.filemode")
        }
        try folder.write(path, first)
        try git("worktree", "add", "-q", "../second", in: "clone")
        try git("config", "extensions.worktreeConfig", "true", in: "clone")
        try git("config", "--worktree", "core.fileMode", "false", in: "second")
        try same("core.filemode", in: "second")
        try same("core.filemode")
        #expect(try repository(at: "second").isConfigured("core", "filemode") == false)
        try git("config", "extensions.worktreeConfig", "false", in: "clone")
        #expect(try repository(at: "second").isConfigured("core", "filemode") == true)
    }

    @Test("Any value is read as git reads it", arguments: UInt64(1)...4)
    func values(seed: UInt64) throws {
        var generator = Repeatable(seed: seed)
        // Without tabs: git 2.39 reads those inside of a value as blanks, and a newer one as they are.
        let pieces: [ByteString] = [
            "a", "b", " ", "  ", "\"", "\"", "\\\"", "\\n", "\\\n", "#", ";", "=", "\n\tother = x",
        ]
        for _ in 0..<60 {
            let value = (0..<Int.random(in: 0...8, using: &generator)).compactMap { _ in
                pieces.randomElement(using: &generator)
            }.joined(separator: "")
            try folder.write("clone/.git/config", "[core]\nbare = false\n[a]\n\tvalue = " + value + "\n\tlast = y\n")
            // With its name before it, since the answer is trimmed. git says nothing of a file that it refuses.
            let theirs = try git("config", "-z", "--get-regexp", "^a[.]value$", in: "clone", mayFail: true)
            let ours = try repository(at: "clone").configured("a", "value")
            #expect((ours.map { "a.value\n" + $0 + "\0" } ?? "") == theirs, "\(value)")
        }
    }

    @Test("git fetches from the first of several addresses")
    func addresses() throws {
        try git("remote", "set-url", "origin", "https://example.org/a", in: "clone")
        try git("remote", "set-url", "--add", "origin", "https://example.org/b", in: "clone")
        #expect(try git("remote", "get-url", "origin", in: "clone") == "https://example.org/a")
        #expect(try repository(at: "clone").origin == "example.org/a")
    }
}
