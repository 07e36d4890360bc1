import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import Doctor

@Suite("Which docker the shells run, judged")
struct ShellJudgeTests {
    private static let shim = ShellFacts.Docker(path: "/s/docker", isShim: true)
    private static let real = ShellFacts.Docker(path: "/r/docker", isShim: false)

    private func facts(_ dockers: [ShellFacts.Docker], _ answers: ShellFacts.Answer...) -> ShellFacts {
        ShellFacts(dockers: dockers, shim: "/s/docker", answers: answers)
    }

    @Test("No shim, a shadowed one, and one that is not on PATH")
    func place() {
        #expect(ShellFacts(dockers: [Self.real]).findings().checks == [.shimMissing])
        let shadowed = facts([Self.real, Self.shim]).findings()
        #expect(shadowed == [Finding(.shimShadowed, "/r/docker, the shim is /s/docker", path: "/s")])
        #expect(shadowed[0].fix == "export PATH=/s:\"$PATH\"")
        #expect(facts([Self.real]).findings().checks == [.shimNotOnPath])
        #expect(facts([]).findings().details(.shimNotOnPath) == ["no docker, the shim is /s/docker"])
        #expect(facts([Self.shim, Self.real]).findings() == [])
    }

    @Test("Shims that differ, but not two equal ones")
    func several() {
        var (first, second) = (Self.shim, ShellFacts.Docker(path: "/t/docker", isShim: true))
        (first.content, second.content) = ("1", "1")
        #expect(facts([first, second]).findings() == [])
        second.content = "2"
        #expect(facts([first, second]).findings() == [Finding(.severalShims, "/s/docker, /t/docker")])
    }

    @Test("A shell that passes on its parent's PATH is as good as that PATH is here")
    func inherited() {
        let answer = ShellFacts.Answer(shell: "bash", kind: "script", verdict: .inherited)
        #expect(facts([Self.shim], answer).findings() == [Finding(.shellsFindShim, "bash (script)")])
        #expect(facts([Self.real], answer).findings().checks == [.shimNotOnPath, .shellMissesShim])
    }

    @Test("Other dockers, none and silence are reported for each shell")
    func answers() {
        let findings = facts(
            [Self.shim], .init(shell: "a", kind: "typed", verdict: .other("/r/docker")),
            .init(shell: "b", kind: "typed", verdict: .other("")),
            .init(shell: "c", kind: "typed", verdict: .silent), .init(shell: "d", kind: "typed", verdict: .shim)
        ).findings()
        #expect(
            findings == [
                Finding(.shellMissesShim, "/r/docker in a (typed); no docker in b (typed)"),
                Finding(.shellSilent, "c (typed)"), Finding(.shellsFindShim, "d (typed)"),
            ])
    }

    @Test("If all kinds of a shell are affected, only its name is given")
    func names() {
        var facts = facts([Self.shim])
        facts.answers = ShellProbe.Kind.allCases.map { .init(shell: "zsh", kind: $0.name, verdict: .shim) }
        facts.answers += [.init(shell: "sh", kind: "typed", verdict: .inherited)]
        #expect(facts.findings() == [Finding(.shellsFindShim, "zsh, sh (typed)")])
        facts.dockers = []
        #expect(facts.findings().details(.shellMissesShim) == ["what their parent's PATH has in sh (typed)"])
    }

    @Test("Without an environment an install for one user is not reached, which is not a fault")
    func bare() {
        var facts = facts([Self.shim], .init(shell: "sh", kind: "x", verdict: .other("/r/docker"), isBare: true))
        #expect(facts.findings() == [Finding(.bareShellMissesShim, "/r/docker")])
        facts.isForOneUser = true
        #expect(facts.findings() == [Finding(.bareShellOfOneUser, "/r/docker")])
    }
}

extension Programs {
    @Suite("Starting shells") struct ShellTests {
        let folder: TemporaryFolder
        let shim: ByteString

        init() throws {
            folder = try TemporaryFolder()
            shim = try folder.write("shims/docker", shimText, mode: 0o755)
            try folder.write(script: "exit 1", to: "bin/docker")
        }

        private func gather(path: ByteString, patience: Int64 = 20_000_000_000) -> ShellFacts {
            var context = ProcessContext.test(folder)
            context.environment = ["HOME=" + folder["home"], "PATH=" + path, "SLIPWAY=off"]
            return ShellFacts.gather(context, patience: patience)
        }

        /// Test shells: only those in the folder are asked, besides those installed on the machine.
        private func shell(_ name: ByteString, _ script: ByteString) throws {
            try folder.write(script: script, to: "shells/" + name)
        }

        @Test("PATH is read in order, and shims are compared by their content") func path() throws {
            try folder.write("same/docker", shimText, mode: 0o755)
            try folder.write("other/docker", shimText + "# newer\n", mode: 0o755)
            for name in ["bash", "zsh", "fish", "sh"] as [ByteString] { try shell(name, "exit 0") }
            func facts(_ names: ByteString...) -> ShellFacts {
                gather(path: ([folder["shells"]] + names.map { folder[$0] }).joined(separator: ":"))
            }
            #expect(facts("bin", "shims").dockers.map(\.isShim) == [false, true])
            #expect(facts("bin", "shims").findings().checks.contains(.shimShadowed))
            #expect(!facts("shims", "same").findings().checks.contains(.severalShims))
            #expect(facts("shims", "other").findings().checks.contains(.severalShims))
            #expect(facts("shims").findings().checks.contains(.bypassSet))
            #expect(facts("bin").shim == nil)
        }

        @Test("The installer's path is derived from the admin program's") func installed() throws {
            try folder.write("prefix/lib/slipway/shims/docker", shimText, mode: 0o755)
            for name in ["bash", "zsh", "fish", "sh"] as [ByteString] { try shell(name, "exit 0") }
            var context = ProcessContext.test(folder)
            context.environment = ["PATH=" + folder["shells"]]
            context.program = folder["prefix/bin/slipway"]
            #expect(ShellFacts.gather(context).shim == folder["prefix/lib/slipway/shims/docker"])
        }

        @Test("The answer counts, whatever is printed around it; silence and an early end are no answer")
        func fakes() throws {
            let real = folder["bin/docker"]
            func answers(_ words: ByteString) -> ByteString {
                "printf '%s\\n' noise @ greeting " + words + " @ >>\"$SLIPWAY_ANSWER\""
            }
            try shell("bash", "echo @; echo " + real + "; echo @; " + answers(shim) + "; echo " + real)
            try shell("zsh", "case $PATH in *shims*) " + answers(shim) + ";; *) " + answers(real) + ";; esac")
            try shell("fish", "echo @; echo " + shim + "; echo @; sleep 60")
            try shell("sh", "echo @; echo " + shim + "; echo @; exit 3")
            let facts = gather(path: folder["shells"] + ":" + folder["shims"], patience: 2_000_000_000)
            let verdicts = facts.answers.map(\.verdict)
            try #require(verdicts.count == 17)
            #expect(verdicts[0..<4].allSatisfy { $0 == .shim })
            #expect(verdicts[4..<8].allSatisfy { $0 == .inherited })
            #expect(verdicts[8...].allSatisfy { $0 == .silent })
            #expect(facts.answers[16].isBare)
        }

        @Test(
            "The answer is between the last two markers, and a path in it counts for more than noise",
            arguments: [
                ("@\n/bin/sh\n\n@\n", "/bin/sh"), ("\n@\nnoise\n/bin/sh\nnoise\n@\n", "/bin/sh"), ("@\n@\n", ""),
                ("@\n/nowhere\n@\n/bin/sh\n@\nend", "/bin/sh"), ("@\nalias docker=x\n y\n@", "alias docker=x"),
                ("@\n/nowhere/docker\n@\n", "/nowhere/docker"), ("noise\n@\n/bin/sh\n", nil), ("", nil), ("@", nil),
            ] as [(ByteString, ByteString?)])
        func answer(_ text: ByteString, _ expected: ByteString?) {
            #expect(ShellProbe.docker(in: text) == expected)
        }

        @Test("Root runs nobody else's shell files", .enabled(if: Kernel.userID == 0)) func foreignHome() throws {
            try folder.write("home/.bashrc", "touch " + folder["ran"] + "\n")
            try folder.write("home/.profile", "touch " + folder["ran"] + "\n")
            chown(folder["home"].lossy, 1001, 1001)
            #expect(gather(path: "/usr/bin:/bin:" + folder["shims"]).answers.isEmpty)
            #expect(Files.isMissing(folder["ran"]))
            chown(folder["home"].lossy, 0, 0)
            #expect(!gather(path: "/usr/bin:/bin:" + folder["shims"]).answers.isEmpty)
            #expect(!Files.isMissing(folder["ran"]))
        }

        @Test("Files that print before, between and after do not change the answer") func noise() throws {
            let noise: ByteString = "echo noise; echo @; echo /bin/sh; echo @"
            try folder.write(
                "home/.bashrc",
                noise + "\ntrap 'printf /bin/sh' DEBUG\nset -T\ntrap '" + noise + "' EXIT\nPATH=" + folder["shims"]
                    + ":$PATH\n")
            for name in ["zsh", "fish", "sh"] as [ByteString] { try shell(name, "exit 0") }
            let facts = gather(path: folder["shells"] + ":/usr/bin:/bin:" + folder["shims"])
            #expect(facts.answers.filter { $0.shell == "bash" && $0.kind == "typed" }.map(\.verdict) == [.shim])
        }

        @Test("Real shells read their real files", .enabled(if: ProcessContext.isProgram("/bin/bash"))) func bash()
            throws
        {
            let line = "PATH=" + folder["shims"] + ":$PATH\n"
            try folder.write("home/.bash_profile", "echo noise\n" + line)
            try folder.write("home/.bashrc", "sleep 300 & exec 2>/dev/null; PATH=" + folder["bin"] + "\n")
            for name in ["zsh", "fish"] as [ByteString] { try shell(name, "exit 0") }
            let facts = gather(path: folder["shells"] + ":" + folder["shims"] + ":/usr/bin:/bin")
            func verdict(_ name: ByteString) -> ShellFacts.Verdict? {
                facts.answers.first { $0.shell + " (" + $0.kind + ")" == name }?.verdict
            }
            #expect(verdict("bash (typed, login)") == .shim && verdict("bash (script, login)") == .shim)
            #expect(verdict("bash (typed)") == .other(folder["bin/docker"]))
            #expect(verdict("bash (script)") == .inherited)
            #expect(verdict("sh (script)") == .inherited)
        }

        @Test("fish writes to a copy of its settings, which is removed afterwards") func fish() throws {
            try folder.write("home/.config/fish/config.fish", "set -gx PATH " + folder["shims"] + " $PATH\n")
            try shell(
                "fish",
                "cat \"$XDG_CONFIG_HOME/fish/config.fish\" >'" + folder["seen"]
                    + "'; echo x >\"$XDG_CONFIG_HOME/fish/new\"; echo \"$XDG_CONFIG_HOME\" >'" + folder["place"] + "'")
            for name in ["bash", "zsh", "sh"] as [ByteString] { try shell(name, "exit 0") }
            _ = gather(path: folder["shells"] + ":" + folder["shims"])
            #expect(try folder.read("seen") == folder.read("home/.config/fish/config.fish"))
            #expect(try folder.names(in: "home/.config/fish") == ["config.fish"])
            let place = try folder.read("place").trimmed.parentPath
            #expect(place.lastPathComponent.hasPrefix("slipway-doctor-"))
            #expect(throws: Errno.noSuchFile) { try Files.status(place) }
        }
    }
}
