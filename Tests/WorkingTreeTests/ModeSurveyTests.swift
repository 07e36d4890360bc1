import BuildCache
import Formats
import Git
import Glibc
import Host
import Synchronization
import TestSupport
import Testing

@testable import WorkingTree

@Suite("Modes of tracked files", .enabled(if: RealGit.program != nil, "git is not installed"))
struct ModeSurveyTests {
    private let folder: TemporaryFolder
    private let git: RealGit

    /// "app": plain, src/run (executable), src/deep/inner, a link; committed, and with the modes of umask 0022.
    init() throws {
        folder = try TemporaryFolder()
        git = RealGit(folder)
        try git("init", "-q", "app")
        try folder.write("app/plain", "plain\n")
        try folder.write("app/src/run", "#!/bin/sh\n", mode: 0o755)
        try folder.write("app/src/deep/inner", "inner\n")
        try Files.makeLink(folder["app/link"], to: "/etc/passwd")
        try git("add", "--all", in: "app")
        try git("commit", "-q", "-m", "first", in: "app")
    }

    private func survey(_ name: ByteString = "app") throws -> ModeSurvey {
        try ModeSurvey(of: #require(GitRepository.containing(folder[name])))
    }

    private func set(_ mode: mode_t, _ names: String...) {
        for name in names { #expect(chmod(folder[ByteString(name)].lossy, mode) == 0) }
    }

    private func changes(_ survey: ModeSurvey) -> [String] {
        survey.differences.map { $0.path.lossy + " " + String($0.mode, radix: 8) + " " + String($0.wanted, radix: 8) }
    }

    @Test("A clone with umask 0022 is in order")
    func inOrder() throws {
        let survey = try survey()
        #expect(survey.differences.isEmpty)
        #expect((survey.files, survey.directories) == (3, 2))
        #expect(survey.umask == nil)
    }

    @Test(
        "Each umask is recognized by its modes",
        arguments: [(0o002, 0o664, 0o775), (0o077, 0o600, 0o700), (0o027, 0o640, 0o750), (0o007, 0o660, 0o770)]
            as [(UInt32, UInt32, UInt32)])
    func umasks(mask: UInt32, file: UInt32, wide: UInt32) throws {
        set(file, "app/plain", "app/src/deep/inner")
        set(wide, "app/src", "app/src/deep", "app/src/run")
        let survey = try survey()
        #expect(survey.umask == mask)
        let found = changes(survey).sorted()
        let (narrow, broad) = (String(file, radix: 8), String(wide, radix: 8))
        #expect(
            found == [
                "plain \(narrow) 644", "src \(broad) 755", "src/deep \(broad) 755", "src/deep/inner \(narrow) 644",
                "src/run \(broad) 755",
            ])
        let repair = survey.repair()
        #expect(repair.fixed.count == 5 && repair.failed.isEmpty)
        #expect(try self.survey().differences.isEmpty)
    }

    @Test("Modes that no umask produces have no umask")
    func noUmask() throws {
        set(0o664, "app/plain")
        set(0o600, "app/src/deep/inner")
        #expect(try survey().umask == nil)
        set(0o604, "app/plain", "app/src/deep/inner")
        set(0o777, "app/src/run")
        #expect(try survey().umask == nil)
    }

    @Test("Files alone are enough to recognize a umask")
    func filesAlone() throws {
        set(0o600, "app/plain")
        #expect(try survey().umask == 0o077)
    }

    @Test("Setgid directories are reported and fixed")
    func setgid() throws {
        set(0o2755, "app/src")
        set(0o2775, "app/src/deep")
        let survey = try survey()
        #expect(survey.setgid == ["src", "src/deep"])
        _ = survey.repair()
        #expect(try Files.status(folder["app/src"]).mode == 0o755)
    }

    @Test("Untracked files stay unchanged")
    func untracked() throws {
        try folder.write("app/src/mine", "mine\n", mode: 0o600)
        try folder.makeFolder("app/other", mode: 0o700)
        let survey = try survey()
        #expect(survey.differences.isEmpty)
        _ = survey.repair()
        #expect(try Files.status(folder["app/src/mine"]).mode == 0o600)
        #expect(try Files.status(folder["app/other"]).mode == 0o700)
    }

    @Test("An executable bit that the user changed stays, and the rest is fixed")
    func executable() throws {
        set(0o775, "app/plain")
        set(0o664, "app/src/run")
        var survey = try survey()
        #expect(survey.executables == ["plain", "src/run"])
        #expect(changes(survey) == ["plain 775 755", "src/run 664 644"])
        _ = survey.repair()
        survey = try self.survey()
        #expect(survey.executables == ["plain", "src/run"])
        #expect(survey.differences.isEmpty)
    }

    @Test("If git does not trust modes, only the index counts")
    func fileMode() throws {
        try git("config", "core.fileMode", "false", in: "app")
        set(0o755, "app/plain")
        let survey = try survey()
        #expect(survey.ignoresModes)
        #expect(changes(survey) == ["plain 755 644"])
    }

    @Test("Nothing is examined or changed through a link in place of a directory")
    func linkedDirectory() throws {
        try folder.write("elsewhere/run", "theirs\n", mode: 0o600)
        try folder.write("elsewhere/deep/inner", "theirs\n", mode: 0o600)
        set(0o664, "app/src/run")
        let before = try survey()
        try folder.remove("app/src")
        try Files.makeLink(folder["app/src"], to: folder["elsewhere"])
        let survey = try survey()
        #expect(survey.differences.isEmpty)
        #expect((survey.files, survey.directories) == (1, 0))
        let repair = before.repair()
        #expect(repair.fixed.isEmpty && repair.failed.count == 1)
        #expect(try Files.status(folder["elsewhere/run"]).mode == 0o600)
    }

    @Test("A file that was replaced since is left alone")
    func replaced() throws {
        set(0o664, "app/plain")
        let survey = try survey()
        try folder.write("app/new", "new\n", mode: 0o600)
        try Files.rename(folder["app/new"], to: folder["app/plain"])
        #expect(survey.repair().failed.map(\.error) == [.noSuchFile])
        #expect(try Files.status(folder["app/plain"]).mode == 0o600)
    }

    @Test("A file with other names differs, but is left alone, because those may belong to others")
    func hardLinks() throws {
        set(0o600, "app/plain")
        set(0o664, "app/src/deep/inner")
        try Files.makeHardLink(folder["theirs"], to: folder["app/plain"])
        let survey = try survey()
        #expect(changes(survey) == ["plain 600 644", "src/deep/inner 664 644"])
        #expect(survey.hardLinks == ["plain"])
        let repair = survey.repair()
        #expect(repair.fixed.map(\.path) == ["src/deep/inner"])
        #expect(repair.failed.map(\.difference.path) == ["plain"] && repair.failed.map(\.error) == [.tooManyLinks])
        #expect(try Files.status(folder["theirs"]).mode == 0o600)
        try folder.remove("theirs")
        #expect(try self.survey().repair().failed.isEmpty)
    }

    @Test("Worktrees have an index of their own, submodules one each")
    func trees() throws {
        try git("worktree", "add", "-q", "-b", "topic", folder["tree"], in: "app")
        set(0o664, "tree/plain")
        #expect(changes(try survey("tree")) == ["plain 664 644"])
        #expect(try survey().differences.isEmpty)

        try git("init", "-q", "outer")
        try git("submodule", "--quiet", "add", folder["app"], "modules/app", in: "outer")
        try git("commit", "-q", "-m", "outer", in: "outer")
        set(0o600, "outer/modules/app/plain")
        let survey = try survey("outer")
        #expect(survey.submodules == ["modules/app"])
        #expect(changes(survey) == ["modules/app/plain 600 644"])
        _ = survey.repair()
        #expect(try self.survey("outer").differences.isEmpty)
        try folder.write("outer/.git/modules/modules/app/index", "torn")
        #expect(try self.survey("outer").obstacles.count == 1)
    }

    @Test("Sparse checkouts, with a sparse index and without", arguments: ["--no-sparse-index", "--sparse-index"])
    func sparse(option: String) throws {
        try folder.write("app/left/out", "left out\n")
        try git("add", "--all", in: "app")
        try git("commit", "-q", "-m", "more", in: "app")
        try git("sparse-checkout", "set", ByteString(option), "src", in: "app")
        #expect(Files.isMissing(folder["app/left/out"]))
        set(0o664, "app/src/deep/inner")
        #expect(changes(try survey()) == ["src/deep/inner 664 644"])
    }

    @Test("Every version of the index that git writes", arguments: ["2", "3", "4"])
    func versions(version: String) throws {
        if version == "3" {
            try folder.write("app/intended", "intended\n")
            try git("add", "--intent-to-add", "intended", in: "app")
        }
        try git("update-index", "--index-version", ByteString(version), in: "app")
        set(0o664, "app/src/deep/inner")
        #expect(changes(try survey()) == ["src/deep/inner 664 644"])
    }

    @Test("A repository with SHA-256")
    func sha256() throws {
        try git("init", "-q", "--object-format=sha256", "long")
        try folder.write("long/a/b", "b\n", mode: 0o600)
        try git("add", "--all", in: "long")
        #expect(changes(try survey("long")) == ["a/b 600 644"])
    }

    @Test("Split, torn and missing indexes are reported, not guessed")
    func unknown() throws {
        try git("update-index", "--split-index", in: "app")
        #expect {
            try survey()
        } throws: {
            $0 as? Checkout.CheckoutError == .doubt(folder["app/.git/index"], .split)
        }
        try git("update-index", "--no-split-index", in: "app")
        let whole = try folder.read("app/.git/index")
        try folder.write("app/.git/index", whole.dropLast(30))
        #expect(throws: Checkout.CheckoutError.self) { try survey() }
        try folder.remove("app/.git/index")
        #expect(throws: Checkout.CheckoutError.self) { try survey() }
    }

    @Test("Names with newlines, escapes and bytes that are not UTF-8")
    func names() throws {
        let names: [ByteString] = ["new\nline", "esc\u{1B}[31m", ByteString([0x6E, 0xFF, 0xFE])]
        for name in names { try folder.write("app/odd/" + name, "x\n", mode: 0o664) }
        try git("add", "--all", in: "app")
        let survey = try survey()
        #expect(Set(survey.differences.map(\.path)) == Set(names.map { "odd/" + $0 }))
        #expect(survey.repair().fixed.count == 3)
    }

    @Test("When time runs out the result is partial, even among the directories of one path")
    func limits() throws {
        let repository = try #require(GitRepository.containing(folder["app"]))
        for number in 0..<300 { try folder.write("app/many/" + ByteString(decimal: number), "") }
        try folder.write("app/" + ByteString(String(repeating: "d/", count: 100)) + "deep", "")
        try git("add", "--all", in: "app")
        var options = ModeSurvey.Options()
        for questions in [0, 1, 3, 50, 90] {
            let asked = Atomic<Int>(0)
            options.deadline = Deadline { asked.add(1, ordering: .relaxed).oldValue >= questions }
            let survey = try ModeSurvey(of: repository, options)
            #expect(survey.isPartial)
            #expect(survey.directories <= questions)
            #expect(asked.load(ordering: .relaxed) <= questions + 2)
        }
        options.deadline = .never
        #expect(try !ModeSurvey(of: repository, options).isPartial)
    }

    @Test(
        "A file that others cannot read is opened to them only if it has the index's content",
        arguments: ["sha1", "sha256"])
    func secrets(format: ByteString) throws {
        try git("init", "-q", "--object-format=" + format, "own")
        for name: ByteString in ["same", "changed", "grown", "group", "open", "run"] {
            try folder.write("own/" + name, name + "\n", mode: name == "run" ? 0o755 : 0o644)
        }
        try git("add", "--all", in: "own")
        try folder.write("own/changed", "secret!\n")
        try folder.write("own/grown", "grown\nTOKEN=hunter2\n")
        try folder.write("own/group", "secret\n")
        try folder.write("own/open", "other\n")
        set(0o600, "own/same", "own/changed", "own/grown")
        set(0o640, "own/group")
        set(0o666, "own/open")
        set(0o700, "own/run")
        let survey = try survey("own")
        let told = survey.repair(changing: false)
        #expect(
            told.kept.map(\.path) == ["changed", "group", "grown"]
                && told.fixed.map(\.path) == ["open", "run", "same"])
        #expect(try self.survey("own").differences == survey.differences)
        var limits = ModeSurvey.RepairLimits()
        limits.largest = 7
        let small = survey.repair(limits, changing: false)
        #expect(small.uncompared.map(\.path) == ["changed", "grown"] && small.kept.map(\.path) == ["group"])
        limits.deadline = Deadline { true }
        #expect(survey.repair(limits, changing: false).fixed.isEmpty)
        let repair = survey.repair()
        #expect(repair.kept.map(\.path) == told.kept.map(\.path) && repair.failed.isEmpty && repair.uncompared.isEmpty)
        for (name, mode): (ByteString, UInt32) in [
            ("same", 0o644), ("changed", 0o600), ("grown", 0o600), ("group", 0o640), ("open", 0o644), ("run", 0o755),
        ] {
            #expect(try Files.status(folder["own"].appending(path: name)).mode == mode, "\(name)")
        }
    }

    @Test("A file that is replaced between the survey and the repair is not changed")
    func refilled() throws {
        set(0o600, "app/plain")
        let survey = try survey()
        try folder.write("app/plain", "plain\n", mode: 0o600)
        let repair = survey.repair()
        // The new file may have the old one's inode.
        #expect(repair.fixed.isEmpty && repair.uncompared.count + repair.failed.count == 1)
        #expect(try Files.status(folder["app/plain"]).mode == 0o600)
    }

    @Test("Another user's submodule is reported, and not examined", .enabled(if: Kernel.userID == 0, "needs root"))
    func foreignSubmodule() throws {
        try git("init", "-q", "inner")
        try git("commit", "-q", "--allow-empty", "-m", "first", in: "inner")
        try git("submodule", "add", "-q", folder["inner"], "sub", in: "app")
        let plain = try survey()
        #expect(plain.submodules == ["sub"])
        #expect(chown(folder["app/.git/modules/sub"].lossy, 4242, 4242) == 0)
        let survey = try survey()
        #expect(survey.submodules.isEmpty)
        #expect(survey.obstacles.count == 1 && survey.obstacles[0].range(of: "another user's") != nil)
    }

    @Test("A directory is opened to others only if everything that they could then read is git's content")
    func closedDirectories() throws {
        func closes(_ name: ByteString, _ content: ByteString, mode: UInt32) throws -> Bool {
            try folder.write("app/src/deep/" + name, content, mode: mode)
            defer { try? Files.remove(folder["app/src/deep/" + name]) }
            set(0o755, "app/src/deep")
            set(0o700, "app/src")
            let repair = try survey().repair()
            let mode = try Files.status(folder["app/src"]).mode
            #expect(repair.kept.map(\.path) == (mode == 0o700 ? ["src"] : []))
            return mode == 0o700
        }
        #expect(try !closes("none", "", mode: 0o600))
        #expect(try closes("key", "secret", mode: 0o644))
        #expect(try !closes("key", "secret", mode: 0o600))
        try folder.write("app/src/deep.key", "x", mode: 0o600)
        try folder.write("app/src/deep-key", "x", mode: 0o600)
        #expect(try !closes("none", "", mode: 0o600))
        // A file of git's name with other content; then a whole folder in place of git's file.
        try folder.write("app/src/deep/inner", "secret\n")
        #expect(try closes("none", "", mode: 0o600))
        try folder.write("app/src/deep/inner", "inner\n")
        try folder.write("app/src/other/key", "x", mode: 0o600)
        #expect(try closes("none", "", mode: 0o600))
        set(0o700, "app/src/other")
        #expect(try !closes("none", "", mode: 0o600))
        set(0o700, "app/src")
        var limits = ModeSurvey.RepairLimits()
        limits.deadline = Deadline { true }
        #expect(try survey().repair(limits).fixed.isEmpty)
    }

    @Test("A directory that contains a .git is not opened to users who could then read that")
    func closedRepositories() throws {
        try git("init", "-q", "app/sub")
        try git("commit", "-q", "--allow-empty", "-m", "first", in: "app/sub")
        try git("add", "sub", in: "app")
        set(0o755, "app/sub/.git")
        set(0o700, "app/sub")
        #expect(try survey().repair().kept.map(\.path) == ["sub"])
        #expect(try Files.status(folder["app/sub"]).mode == 0o700)
        // Those who can enter it now are not those who could before.
        set(0o750, "app/sub", "app/sub/.git")
        #expect(try survey().repair().fixed.map(\.path) == ["sub"])
        set(0o700, "app/sub", "app/sub/.git")
        #expect(try survey().repair().fixed.map(\.path) == ["sub"])
        #expect(try Files.status(folder["app/sub"]).mode == 0o755)
    }

    @Test("Nothing is known about indexes that name too much")
    func tooManyNames() throws {
        let checkout = try Checkout(of: #require(GitRepository.containing(folder["app"])))
        func known(_ most: Int) -> Bool {
            TrackedPaths([("", checkout)], until: .never, mostNames: most).content(of: "plain") != nil
        }
        #expect(known(256))
        #expect(!known(16))
    }
}
