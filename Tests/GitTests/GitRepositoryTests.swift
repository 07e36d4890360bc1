import Formats
import Glibc
import Host
import Synchronization
import TestSupport
import Testing

@testable import Git

@Suite("Repositories, read from their files")
struct GitRepositoryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func config(_ url: ByteString) -> ByteString { "[remote \"origin\"]\n\turl = " + url + "\n" }

    private func repository(at name: ByteString) throws -> GitRepository {
        try #require(GitRepository.containing(folder[name]))
    }

    @Test("Found from any directory below its top")
    func found() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("r/.git/config", Self.config("https://user:token@Example.org/o/r.git"))
        try folder.write("r/.git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n")
        try folder.makeFolder("r/a/b")
        let repository = try repository(at: "r/a/b")
        #expect(repository.top == folder["r"])
        #expect(repository.commonDirectory == folder["r/.git"])
        #expect(repository.origin == "example.org/o/r")
        #expect(repository.branch == "main")
        #expect(repository.defaultBranch == "trunk")
        #expect(GitRepository.containing("/proc/self") == nil)
        #expect(GitRepository.containing("/") == nil)
    }

    @Test("The search ends at an unreasonable depth")
    func deep() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        #expect(GitRepository.containing(folder["r/" + ByteString("a/").repeated(20) + "a"]) != nil)
        #expect(GitRepository.containing(folder["r/" + ByteString("a/").repeated(10_000) + "a"]) == nil)
    }

    @Test("A worktree shares origin and default branch, and has its own branch")
    func worktree() throws {
        try folder.write("main/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("main/.git/config", Self.config("git@example.org:o/r"))
        try folder.write("main/.git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/main\n")
        try folder.write("main/.git/worktrees/tree/HEAD", "ref: refs/heads/topic\n")
        try folder.write("main/.git/worktrees/tree/commondir", "../..\n")
        try folder.write("tree/.git", "gitdir: " + folder["main/.git/worktrees/tree"] + "\n")
        let tree = try repository(at: "tree")
        #expect(tree.top == folder["tree"])
        #expect(tree.commonDirectory == folder["main/.git"])
        #expect(tree.origin == "example.org/o/r")
        #expect(tree.branch == "topic")
        #expect(tree.defaultBranch == "main")
    }

    @Test("A submodule is a repository of its own")
    func submodule() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("r/.git/config", Self.config("https://example.org/outer"))
        try folder.write("r/.git/modules/sub/HEAD", "0123456789012345678901234567890123456789\n")
        try folder.write("r/.git/modules/sub/config", Self.config("https://example.org/inner"))
        try folder.write("r/sub/.git", "gitdir: ../.git/modules/sub\n")
        let sub = try repository(at: "r/sub")
        #expect(sub.top == folder["r/sub"])
        #expect(sub.origin == "example.org/inner")
        #expect(sub.branch == "HEAD")
    }

    @Test(
        "HEAD, valid and hostile",
        arguments: [
            ("ref: refs/heads/main\n", "main"), ("ref: refs/heads/a/b", "a/b"), ("ref:refs/heads/x", "x"),
            ("ref: refs/heads/a\nb\n", "a\nb"), ("ref: refs/heads/../../x", "../../x"),
            ("0123456789012345678901234567890123456789\n", "HEAD"), ("ref: refs/heads/.invalid\n", "HEAD"),
            ("", "HEAD"),
            ("ref: ", "HEAD"), ("ref: refs/tags/x", "HEAD"), ("ref: refs/heads/", ""), ("\0\0", "HEAD"),
        ] as [(ByteString, ByteString)])
    func heads(_ head: ByteString, _ branch: ByteString) throws {
        try folder.write("r/.git/HEAD", head)
        #expect(try repository(at: "r").branch == branch)
    }

    @Test("A HEAD that is huge, missing, not UTF-8, a FIFO, or a link to itself")
    func oddHeads() throws {
        try folder.write("r/.git/HEAD", ByteString("ref: refs/heads/") + ByteString("x").repeated(9_000))
        #expect(try repository(at: "r").branch == "HEAD")
        try folder.write("r/.git/HEAD", ByteString("ref: refs/heads/") + ByteString([0xFF, 0xFE]))
        #expect(try repository(at: "r").branch == ByteString([0xFF, 0xFE]))
        try Files.remove(folder["r/.git/HEAD"])
        #expect(try repository(at: "r").branch == "HEAD")
        try Files.makeLink(folder["r/.git/HEAD"], to: "HEAD")
        #expect(try repository(at: "r").branch == "HEAD")
    }

    @Test(
        "A .git that is not a repository",
        arguments: ["", "nonsense", "gitdir", ByteString("gitdir: ").repeated(2_000)] as [ByteString])
    func noRepository(_ text: ByteString) throws {
        try folder.write("outer/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("outer/inner/.git", text)
        #expect(try repository(at: "outer/inner").top == folder["outer"])
    }

    @Test("A .git that leads nowhere is a repository about which nothing is known")
    func broken() throws {
        try folder.write("r/.git", "gitdir: /nonexistent/../elsewhere\n")
        let repository = try repository(at: "r")
        #expect(repository.commonDirectory == "/elsewhere")
        #expect(repository.origin == nil && repository.defaultBranch == nil)
        #expect(repository.branch == "HEAD")
    }

    @Test("A clone of a local clone has that clone's origin, for one level")
    func cloneOfClone() throws {
        for (name, url): (ByteString, ByteString) in [
            ("first", "https://example.org/o/r.git"), ("second", folder["first"]), ("relative", "../first"),
            ("file", "file://" + folder["first/.git"]), ("third", folder["second"]), ("itself", "."),
            ("gone", "/nowhere/r"),
        ] {
            try folder.write(name + "/.git/config", Self.config(url))
        }
        try folder.write("bare.git/config", Self.config("https://example.org/o/bare"))
        try folder.write("ofBare/.git/config", Self.config(folder["bare.git"]))
        try folder.write("plainBare.git/config", "[core]\n\tbare = true\n")
        try folder.write("ofPlainBare/.git/config", Self.config(folder["plainBare.git"]))
        for name: ByteString in ["first", "second", "relative", "file"] {
            #expect(try repository(at: name).origin == "example.org/o/r", "\(name)")
        }
        #expect(try repository(at: "third").origin == "file:" + folder["first"])
        #expect(try repository(at: "itself").origin == "file:" + folder["itself"])
        #expect(try repository(at: "gone").origin == "file:/nowhere/r")
        #expect(try repository(at: "ofBare").origin == "example.org/o/bare")
        #expect(try repository(at: "ofPlainBare").origin == "file:" + folder["plainBare.git"])
    }

    @Test(
        "The configuration's syntax (git-config(1))",
        arguments: [
            ("[remote \"origin\"]\nurl = x", "x"), ("[REMOTE \"origin\"]\n\tURL=x\n", "x"),
            ("[remote \"origin\"] url = x", "x"), ("[remote   \"origin\"] # a comment\r\n url = x\r\n", "x"),
            ("[remote \"origin\"]\n# url = y\n; url = z\nurl = x", "x"),
            ("[remote \"origin\"]\nurl = x # comment", "x"),
            ("[remote \"origin\"]\nurl = x;comment", "x"), ("[remote \"origin\"]\nurl = \"a # b\"", "a # b"),
            ("[remote \"origin\"]\nurl = \"a\"b", "ab"), ("[remote \"origin\"]\nurl = a\\\"b\\\\c", "a\"b\\c"),
            ("[remote \"origin\"]\nurl = x\nurl = y", "x"), ("[remote \"origin\"]\nfetch = z\nurl = a=b", "a=b"),
            ("[remote \"other\"]\nurl = y\n[remote \"origin\"]\nurl = x", "x"),
            ("[remote \"origin\"]\n[core]\nurl = y", nil), ("[remote \"Origin\"]\nurl = y", nil), ("url = y", nil),
            ("[remote \"origin\"]\nmy-key2 = y\nurl = x", "x"), ("[remote \"origin\"]\nmy_key = y\nurl = x", nil),
            ("[remote]\nurl = y", nil), ("[remotes \"origin\"]\nurl = y", nil), ("[remote \"origin\"]\nurls = y", nil),
            ("[remote \"origin\"]\nurl", nil), ("[remote \"origin", nil), ("", nil), ("[", nil), ("[]", nil),
            ("[remote \"a]b\"] url = y", nil), ("[remote \"origin\"]\nurl =", nil),
            ("[remote \"origin\"]\nurl = \"", nil), ("[remote \"origin\"]\nurl = \\", nil),
            ("[remote \"origin\"]\nurl = a\\\nb", "ab"),
            // A quotation mark or a continued line keeps the blanks before it.
            ("[remote \"origin\"]\nurl = a \"\" ; b", "a "), ("[remote \"origin\"]\nurl = a \\\n\nurl = b", "a "),
            ("[remote \"origin\"]\nurl =  \"\" a", "a"), ("[remote.origin]\nurl = x", "x"),
            ("[remote \"origin\"]\n[remote \"other\nurl = y\n", nil),
            ("[remote \"origin\"]\nurl = x\n[core", nil), ("[remote \"origin\"]\nurl = x\n[core ]\n", nil),
            ("[remote \"origin\"]\nurl = x\nurl =\nurl = y", "y"), ("[remote \"origin\"]\r\nurl = x\r\n", "x"),
            ("[remote \"origin\"]\n# only a line's end ends this\r\turl = x\n", nil),
        ] as [(ByteString, ByteString?)])
    func syntax(_ text: ByteString, _ value: ByteString?) {
        #expect(GitConfig(text)?.url(ofRemote: "origin").flatMap { $0.isEmpty ? nil : $0 } == value)
    }

    @Test("An empty address counts as none, and so does an unreadable configuration")
    func noOrigin() throws {
        try folder.write("r/.git/config", Self.config(""))
        #expect(try repository(at: "r").origin == nil)
        try folder.write("r/.git/config", Self.config("x/y") + ByteString("#").repeated(300_000))
        #expect(try repository(at: "r").origin == nil)
        // So do files that are too large only together.
        for count in [120_000, 160_000] {
            try folder.write(
                "r/.git/config",
                Self.config("https://x.example/y") + ByteString("#").repeated(count) + "\n[include]path=more")
            try folder.write("r/.git/more", ByteString("#").repeated(120_000))
            #expect(try repository(at: "r").origin == (count == 120_000 ? "x.example/y" : nil), "\(count)")
        }
        try Files.remove(folder["r/.git/config"])
        try folder.makeFolder("r/.git/config")
        #expect(try repository(at: "r").origin == nil)
    }

    @Test("What git would refuse to read names no origin, in a file or in one that it includes")
    func refusedConfiguration() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        let good = Self.config("https://x.example/y")
        for (own, included, isRead) in [
            (good, "", true), (good + "[broken\n", "", false), (good + "[include]\npath = more\n", "", true),
            (good + "[include]\npath = more\n", "[broken\n", false),
        ] as [(ByteString, ByteString, Bool)] {
            try folder.write("r/.git/config", own)
            try folder.write("r/.git/more", included)
            #expect(try repository(at: "r").origin == (isRead ? "x.example/y" : nil), "\(own)\(included)")
        }
    }

    @Test("Only the repository's own file has extensions, and one of them adds the worktree's file")
    func worktreeConfiguration() throws {
        try folder.write("w/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("w/.git/config.worktree", Self.config("worktree/r"))
        for (own, included, expected) in [
            ("[extensions]\nworktreeConfig = true\n[core]\nbare = false\n", "", "worktree/r"),
            ("[extensions]\nworktreeConfig\n", "", "worktree/r"),
            ("[extensions]\nworktreeConfig = false\n[core]\nignorecase = true\n", "", "own/r"),
            ("[extensions]\nworktreeConfig = true\nworktreeConfig = false\n", "", "own/r"),
            ("[include]\npath = more\n", "[extensions]\nworktreeConfig = true\nobjectFormat = sha256\n", "own/r"),
        ] as [(ByteString, ByteString, ByteString)] {
            try folder.write("w/.git/config", Self.config("own/r") + own)
            try folder.write("w/.git/more", included)
            let repository = try repository(at: "w")
            #expect(repository.configured("remote.origin", "url") == expected, "\(own)")
            #expect(repository.configured("extensions", "objectformat") == nil)
        }
    }

    @Test("The worktree's file may include others as deep as any file may")
    func worktreeIncludes() throws {
        try folder.write("w/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("w/.git/config", Self.config("own/r") + "[extensions]\nworktreeConfig = true\n")
        try folder.write("w/.git/config.worktree", "[include]\npath = 2\n")
        for depth in 2..<10 {
            try folder.write(
                "w/.git/" + ByteString(decimal: depth), "[include]\npath = " + ByteString(decimal: depth + 1) + "\n")
        }
        try folder.write("w/.git/10", Self.config("worktree/r"))
        #expect(try repository(at: "w").configured("remote.origin", "url") == "worktree/r")
        try folder.write("w/.git/10", "[include]\npath = 11\n")
        try folder.write("w/.git/11", Self.config("worktree/r"))
        #expect(try repository(at: "w").configured("remote.origin", "url") == "own/r")
    }

    @Test("Booleans as git reads them: any number but 0 is true")
    func booleans() {
        for text: ByteString in ["true", "YES", "on", "1", "-1", "+1", "2k", "0x1F", "-3M"] {
            #expect(GitConfig.boolean(text) == true, "\(text)")
        }
        for text: ByteString in ["false", "No", "off", "", "0", "-0", "+0", "0k", "0x0"] {
            #expect(GitConfig.boolean(text) == false, "\(text)")
        }
        for text: ByteString? in [nil, "maybe", "-", "+", "k", "1x", "--1", "0x", "bad", "1f"] {
            #expect(GitConfig.boolean(text) == nil, "\(text ?? "none")")
        }
    }

    @Test("The commit is the branch's, loose or packed, or HEAD's own")
    func commit() throws {
        let (loose, packed, detached): (ByteString, ByteString, ByteString) = (
            ByteString("a1").repeated(20), ByteString("b2").repeated(20), ByteString("c3").repeated(32)
        )
        try folder.write("r/.git/refs/heads/loose", loose + "\n")
        try folder.write("r/.git/refs/heads/odd", "ref: refs/heads/loose\n")
        try folder.write(
            "r/.git/packed-refs",
            "# pack-refs with: peeled\n" + loose + " refs/heads/packed2\n" + packed + " refs/heads/packed\n^" + loose
                + "\n"
                + packed + " refs/heads/loose\n")
        for (head, expected) in [
            ("ref: refs/heads/loose\n", loose), ("ref:refs/heads/loose", loose), ("ref: \trefs/heads/packed\n", packed),
            ("ref: refs/heads/packed2\n", loose), (detached + "\n", detached), (packed, packed),
            ("ref: refs/heads/none\n", nil), ("ref: refs/heads/odd\n", nil), ("ref: refs/heads/../heads/loose\n", nil),
            ("ref: heads/loose\n", nil), (packed.dropLast(1), nil), (packed.dropLast(1) + "g", nil), ("", nil),
        ] as [(ByteString, ByteString?)] {
            try folder.write("r/.git/HEAD", head)
            #expect(try repository(at: "r").commit == expected, "\(head)")
        }
    }

    @Test("A worktree's commit is its own branch's, which is among the references of all")
    func commitOfWorktree() throws {
        let commit = ByteString("d4").repeated(20)
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("r/.git/refs/heads/topic", commit)
        try folder.write("r/.git/worktrees/w/HEAD", "ref: refs/heads/topic\n")
        try folder.write("r/.git/worktrees/w/commondir", "../..\n")
        try folder.write("w/.git", "gitdir: " + folder["r/.git/worktrees/w"] + "\n")
        #expect(try repository(at: "w").commit == commit)
        #expect(try repository(at: "r").commit == nil)
    }

    @Test("Random files never trap", arguments: 1...2 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var generator = Repeatable(seed: seed)
        let alphabet = ByteString("[]\"=\\#;\n \turl remote origin:/@.").bytes
        for _ in 0..<3_000 {
            let text = (0..<Int.random(in: 0...60, using: &generator)).compactMap { _ in
                alphabet.randomElement(using: &generator)
            }
            let value = GitConfig("[remote \"origin\"]" + ByteString(text))?.url(ofRemote: "origin")
            _ = OriginURL.normalized(value ?? ByteString(text))
            _ = OriginURL.localPath(ByteString(generator.bytes(upTo: 30)))
        }
    }

    @Test(
        "Only what the caller, root or sudo's caller owns is a repository",
        .enabled(if: Kernel.userID == 0, "needs root"))
    func owners() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("r/.git/config", Self.config("https://example.org/o/r"))
        try folder.write("r/.git/worktrees/w/HEAD", "ref: refs/heads/w\n")
        try folder.write("r/.git/worktrees/w/commondir", "../..\n")
        try folder.write("w/.git", "gitdir: " + folder["r/.git/worktrees/w"] + "\n")
        try folder.write("clone/.git/config", Self.config(folder["r"]))
        func around(_ name: ByteString, user: UInt32, sudo: ByteString? = nil) -> GitRepository.Location {
            GitRepository.around(folder[name], Owners(user: user, sudo: sudo))
        }
        // Everybody may trust root's files.
        #expect(around("w", user: 4242).repository?.origin == "example.org/o/r")
        for part: ByteString in ["r", "r/.git"] {
            try own(4242, part)
            #expect(around("r", user: 0).foreign == folder[part], "\(part)")
            #expect(around("r", user: 1).foreign == folder[part])
            #expect(around("r", user: 4242).repository != nil)
            #expect(around("r", user: 0, sudo: "4242").repository != nil)
            #expect(around("r", user: 1, sudo: "4242").foreign == folder[part], "only root's SUDO_UID counts")
            for sudo: ByteString in ["", "4242x", "-4242", "99999999999999999999", "42"] {
                #expect(around("r", user: 0, sudo: sudo).foreign == folder[part], "\(sudo)")
            }
            try own(0, part)
        }
        for part: ByteString in ["w", "w/.git", "r/.git/worktrees/w", "r/.git"] {
            try own(4242, part)
            #expect(around("w", user: 0).foreign?.hasSuffix(part) ?? false, "\(part)")
            try own(0, part)
        }
        // Nobody owns what is not there.
        try folder.write("r/.git/worktrees/w/commondir", "../../missing\n")
        #expect(around("w", user: 0).foreign?.hasSuffix("r/.git/missing") ?? false)
        try folder.write("r/.git/worktrees/w/commondir", "../..\n")
        // Both the link and its target count, and another user's repository is not a clone's origin.
        try folder.makeFolder("linked")
        try Files.makeLink(folder["linked/.git"], to: folder["r/.git"])
        #expect(around("linked", user: 0).repository?.origin == "example.org/o/r")
        #expect(lchown(folder["linked/.git"].lossy, 4242, 4242) == 0)
        #expect(around("linked", user: 0).foreign == folder["linked/.git"])
        #expect(around("clone", user: 0).repository?.origin == "example.org/o/r")
        try own(4242, "r/.git")
        #expect(around("clone", user: 0).repository?.origin == "file:" + folder["r"])
    }

    private func own(_ user: UInt32, _ name: ByteString) throws {
        try Descriptor.open(folder[name]).setOwner(user: user, group: user)
    }

    @Test("A configuration that includes too many files is not used")
    func manyIncludes() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        let origin = Self.config("https://example.org/o/r")
        func origins(_ count: Int) throws -> ByteString? {
            try folder.write("r/.git/config", origin + "[include]\n" + ByteString("path=x\n").repeated(count))
            return try repository(at: "r").origin
        }
        #expect(try origins(20) == "example.org/o/r")
        #expect(try origins(1000) == nil)
    }

    @Test("The included file that is checked is the one that is read", .enabled(if: Kernel.userID == 0, "needs root"))
    func includedMeanwhile() throws {
        try folder.write("r/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write("r/.git/config", "[include]\npath=../../swapped\n")
        try folder.write("mine", "")
        try folder.write("theirs", Self.config("https://example.org/theirs"))
        try own(4242, "theirs")
        try Files.makeLink(folder["to-mine"], to: folder["mine"])
        try Files.makeLink(folder["swapped"], to: folder["theirs"])
        let isOver = Atomic(false)
        let believed = Atomic(0)
        ConcurrentLoop.forEach(2, bound: 2) { index in
            if index == 0 {
                while !isOver.load(ordering: .relaxed) { try? Files.exchange(folder["swapped"], folder["to-mine"]) }
            } else {
                for _ in 0..<3000 where GitRepository.containing(folder["r"])?.origin != nil {
                    believed.add(1, ordering: .relaxed)
                }
                isOver.store(true, ordering: .relaxed)
            }
        }
        #expect(believed.load(ordering: .relaxed) == 0)
    }

    @Test("FIFOs in place of a repository delay nobody")
    func fifos() throws {
        for name: ByteString in ["HEAD", "config", "commondir", "refs/remotes/origin/HEAD"] {
            try folder.makeFolder("r-" + ByteString(decimal: name.count) + "/.git")
            let path = folder["r-" + ByteString(decimal: name.count) + "/.git"].appending(path: name)
            try Files.makeDirectories(path.parentPath, mode: 0o755)
            #expect(mkfifo(path.lossy, 0o644) == 0)
            let repository = try repository(at: "r-" + ByteString(decimal: name.count))
            #expect(repository.origin == nil && repository.branch == "HEAD")
        }
        try folder.makeFolder("plain")
        #expect(mkfifo(folder["plain/.git"].lossy, 0o644) == 0)
        #expect(GitRepository.containing(folder["plain"]) == nil)
    }
}
