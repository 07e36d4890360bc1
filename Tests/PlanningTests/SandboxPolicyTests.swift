import DockerCommandLine
import Formats
import Notes
import Planning
import TestSupport
import Testing

@Suite("The sandbox profile")
struct SandboxPolicyTests {
    private struct NotAContainer: Error { let line: ByteString }

    static let engine = SandboxEngine(processors: 8)
    static let limits: [ByteString] = [
        "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=300", "--memory=4g", "--cpus=2",
    ]

    static func container(_ arguments: [ByteString]) throws -> ContainerInvocation {
        guard case .container(let container) = Invocation.parse(arguments) else {
            throw NotAContainer(line: arguments.joined(separator: " "))
        }
        return container
    }

    static func settings(_ change: (inout SandboxSettings) -> Void = { _ in }) -> Settings {
        var settings = Settings()
        settings.profile = .sandbox
        change(&settings.sandbox)
        return settings
    }

    static func plan(
        _ arguments: [ByteString], _ settings: Settings = settings(),
        facts: SandboxPolicy.Facts = .init(engine: engine, workspace: "/w", origin: "0123")
    ) throws -> Plan? {
        let container = try container(arguments)
        guard let request = SandboxPolicy.request(of: container, settings) else { return nil }
        return SandboxPolicy.plan(container, arguments, settings.sandbox, request: request, facts: facts)
    }

    static func plan(_ line: ByteString, _ settings: Settings = settings()) throws -> Plan {
        try #require(try plan(line.split(" "), settings))
    }

    /// The added options, without labels.
    private static func limits(_ plan: Plan, _ line: ByteString) -> [ByteString] {
        let words = line.split(" ")
        let count = plan.arguments.count - words.count
        #expect(plan.arguments.prefix(2) == words.prefix(2))
        let rest: ArraySlice<ByteString> = words.dropFirst(2)
        #expect(plan.arguments.suffix(rest.count) == rest)
        return plan.arguments[2..<(2 + count)].filter { !$0.hasPrefix("--label=") }
    }

    static func label(_ name: ByteString, of plan: Plan) -> ByteString? {
        let prefix = "--label=" + name + "="
        return plan.arguments.first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
    }

    @Test("Without the profile, for help and without an image: nothing is added, and there are no notes")
    func off() throws {
        #expect(try Self.plan(["docker", "run", "x"], Settings()) == nil)
        #expect(try Self.plan(["docker", "run", "--help"]) == nil)
        #expect(try Self.plan(["docker", "run", "-d"]) == nil)
    }

    @Test("The whole profile, directly after the command word")
    func all() throws {
        let plan = try Self.plan("docker -D container run -it img sh -c --privileged")
        let hash = try #require(Self.label("slipway.config-hash-full", of: plan))
        #expect(plan.arguments.prefix(4) == ["docker", "-D", "container", "run"])
        #expect(Array(plan.arguments[4..<9]) == Self.limits)
        #expect(
            Array(plan.arguments[9..<15]) == [
                "--label=app=slipway", "--label=slipway.workspace=/w", "--label=slipway.config-hash=" + hash.prefix(12),
                "--label=slipway.config-hash-full=" + hash,
                "--label=slipway.config="
                    + #"{"cap-drop":["ALL"],"cap-keep":[],"cpus":"2","memory":4294967296,"no-new-privileges":true,"#
                    + #""pids-limit":300,"trust":"sandbox"}"#, "--label=slipway.origin=0123",
            ])
        #expect(plan.arguments[15...] == ["-it", "img", "sh", "-c", "--privileged"])
        #expect(plan.notes == [Note(.sandboxApplied, Self.limits.joined(separator: " "))] && plan.isChanged)
        // The output of sha256sum for the configuration above.
        #expect(hash == "0dd89df853f27a4f0c1019e1244bbc11ff63fb61ba6e7288108f1e152d741e25")
    }

    @Test(
        "The user's own options override the profile, each in its kind",
        arguments: [
            ("--cap-drop NET_RAW", [1, 2, 3, 4], "cap-drop"), ("--cap-add=all", [1, 2, 3, 4], "cap-drop"),
            ("--cap-add SYS_PTRACE", [0, 1, 2, 3, 4], nil),
            ("--cap-drop=ALL --cap-add=CHOWN", [1, 2, 3, 4], "cap-drop"),
            ("--security-opt no-new-privileges:false", [0, 2, 3, 4], "no-new-privileges"),
            ("--security-opt seccomp=unconfined", [0, 1, 2, 3, 4], nil),
            ("--pids-limit -1", [0, 1, 3, 4], "pids-limit"), ("-m 8g", [0, 1, 2, 4], "memory"),
            ("-m8g", [0, 1, 2, 4], "memory"), ("-im=8g", [0, 1, 2, 4], "memory"),
            ("--memory-reservation=6g", [0, 1, 2, 4], "memory"), ("--memory-swap 1g -m 1g", [0, 1, 2, 4], "memory"),
            ("--cpus 0.5", [0, 1, 2, 3], "cpus"), ("--cpu-quota=50000", [0, 1, 2, 3], "cpus"),
            ("--cpu-period 1000 --cpu-quota 500", [0, 1, 2, 3], "cpus"), ("--cpuset-cpus 0", [0, 1, 2, 3, 4], nil),
            ("--privileged=false", [0, 1, 2, 3, 4], nil),
        ] as [(ByteString, [Int], ByteString?)])
    func own(_ options: ByteString, _ kept: [Int], _ taken: ByteString?) throws {
        let line = "docker run " + options + " img"
        let plan = try Self.plan(line)
        #expect(Self.limits(plan, line) == kept.map { Self.limits[$0] })
        #expect(
            plan.notes.filter { $0.reason == .sandboxOptionTaken }
                == (taken.map { [Note(.sandboxOptionTaken, $0)] } ?? []))
    }

    @Test(
        "Never with --privileged", arguments: ["--privileged", "--privileged=false --privileged=1", "-d --privileged"])
    func privileged(_ options: String) throws {
        let line = ByteString("docker run " + options + " img")
        #expect(try Self.plan(line) == .unchanged(line.split(" "), [Note(.sandboxPrivileged)]))
    }

    @Test(
        "A restart policy for detached containers that have none and are not removed",
        arguments: [
            ("docker run -d img", true), ("docker run -itd img", true), ("docker run --detach=true img", true),
            ("docker run img", false), ("docker run -d=false img", false), ("docker run -d --rm img", false),
            ("docker run -d --rm=false img", true), ("docker run -d --restart=no img", false),
            ("docker run -d --restart always img", false), ("docker create img", false), ("docker run img -d", false),
        ] as [(ByteString, Bool)])
    func restart(_ line: ByteString, _ expected: Bool) throws {
        #expect(try Self.plan(line).arguments.contains("--restart=unless-stopped") == expected)
    }

    @Test("From the settings: other limits, no limits, and capabilities to keep")
    func settings() throws {
        let line: ByteString = "docker run img"
        let plan = try Self.plan(
            line,
            Self.settings {
                $0.pids = nil
                $0.memory = 1536 << 20
                $0.processors = 500_000_000
                $0.capabilities = ["CHOWN", "SETUID"]
            })
        #expect(
            Self.limits(plan, line) == [
                "--cap-drop=ALL", "--cap-add=CHOWN", "--cap-add=SETUID", "--security-opt=no-new-privileges",
                "--memory=1536m", "--cpus=0.5",
            ])
        #expect(plan.notes.map(\.reason) == [.sandboxApplied])
        let own = try Self.plan("docker run --cap-drop=NET_RAW img", Self.settings { $0.capabilities = ["CHOWN"] })
        #expect(!own.arguments.contains("--cap-add=CHOWN"), "users who drop capabilities themselves get none of ours")
    }

    @Test(
        "No more processors than the engine has, no limit that it does not support, and no warning from it",
        arguments: [
            (SandboxEngine(processors: 1), [0, 1, 2, 3], "--cpus=1", []),
            (SandboxEngine(processors: 8, limitsMemory: false), [0, 1, 2, 4], nil, ["memory"]),
            (SandboxEngine(processors: 8, limitsSwap: false), [0, 1, 2, 3, 4], "--memory-swap=-1", []),
            (
                SandboxEngine(processors: 8, limitsMemory: false, limitsSwap: false, limitsPids: false), [0, 1, 4], nil,
                ["pids-limit", "memory"]
            ), (SandboxEngine(processors: 8, limitsProcessors: false), [0, 1, 2, 3], nil, ["cpus"]),
        ] as [(SandboxEngine, [Int], ByteString?, [ByteString])])
    func engines(_ engine: SandboxEngine, _ kept: [Int], _ more: ByteString?, _ missing: [ByteString]) throws {
        let line: ByteString = "docker run img"
        let plan = try #require(try Self.plan(line.split(" "), facts: .init(engine: engine)))
        #expect(Self.limits(plan, line).sorted() == (kept.map { Self.limits[$0] } + (more.map { [$0] } ?? [])).sorted())
        #expect(plan.notes.dropLast() == missing.map { Note(.sandboxLimitImpossible, $0) }[...])
    }

    @Test("An engine that did not answer: everything but the processors; one on which the profile is useless: nothing")
    func unknown() throws {
        let line: ByteString = "docker run img"
        let plan = try #require(try Self.plan(line.split(" "), facts: .init(notes: [Note(.engineSilent)])))
        #expect(Self.limits(plan, line) == Array(Self.limits.dropLast()))
        #expect(plan.notes.dropLast() == [Note(.engineSilent), Note(.sandboxEngineNotAsked, "cpus")])
        // What the engine reports later makes no difference.
        #expect(Self.label(SandboxLabels.own, of: plan) == "cpus,memory,pids-limit")
        let podman = try Self.plan(line.split(" "), facts: .init(obstacle: Note(.dockerIsPodman)))
        #expect(podman == .unchanged(line.split(" "), [Note(.dockerIsPodman)]))
    }

    @Test("The user's own labels stay unchanged, also those in files; if a file is not read, no labels are added")
    func labels() throws {
        let plan = try Self.plan("docker run -l app=web --label slipway.workspace=mine img")
        #expect(Self.label("app", of: plan) == nil && Self.label("slipway.workspace", of: plan) == nil)
        #expect(Self.label("slipway.config-hash", of: plan) != nil)
        let words: [ByteString] = ["docker", "run", "--label-file=f", "img"]
        let file = try #require(try Self.plan(words, facts: .init(engine: Self.engine, fileLabels: ["app"])))
        #expect(Self.label("app", of: file) == nil && Self.label("slipway.config-hash", of: file) != nil)
        let unread = try #require(try Self.plan(words, facts: .init(engine: Self.engine, fileLabels: nil)))
        #expect(!unread.arguments.contains { $0.hasPrefix("--label=") } && unread.isChanged)
        #expect(unread.notes.first == Note(.labelFileUnread))
        let nowhere = try #require(try Self.plan(["docker", "run", "img"], facts: .init(engine: Self.engine)))
        #expect(Self.label("slipway.workspace", of: nowhere) == nil)
        #expect(Self.label("slipway.origin", of: nowhere) == nil)
    }
}

@Suite("Every sandboxed command line")
struct SandboxPropertyTests {
    private static let options: [[ByteString]] = [
        ["--cap-add=CHOWN"], ["--cap-add", "cap_net_admin"], ["--cap-drop=ALL"], ["--cap-drop", "KILL"],
        ["--security-opt", "seccomp=unconfined"], ["--security-opt=no-new-privileges=false"], ["--pids-limit=10"],
        ["-m", "1g"], ["--memory=512m"], ["--memory-swap", "2g"], ["--cpus", "1.5"], ["--cpu-quota=5"], ["-d"],
        ["--rm"], ["--restart=no"], ["-l", "a=b"], ["--label=app=mine"], ["--label=slipway.workspace=w"], ["-it"],
        ["-e", "A=--privileged"], ["--privileged=false"], ["--name", ByteString([0xFF])],
    ]

    private static func line(_ random: inout Repeatable) -> [[ByteString]] {
        (0..<Int.random(in: 0...6, using: &random)).map { _ in options.randomElement(using: &random) ?? [] }
    }

    private static func words(_ options: [[ByteString]], _ word: ByteString = "run") -> [ByteString] {
        ["docker", word] + options.flatMap { $0 } + ["img", "sh"]
    }

    @Test("Removing the added arguments restores the user's; a second time, nothing is added")
    func additions() throws {
        var random = Repeatable(seed: 6)
        for round in 0..<3000 {
            let words = Self.words(Self.line(&random), round % 5 == 0 ? "create" : "run")
            let engine = SandboxEngine(processors: UInt64(round % 4), limitsSwap: round % 2 == 0)
            let facts = SandboxPolicy.Facts(engine: round % 7 == 0 ? nil : engine, workspace: "/w", origin: "o")
            // In `docker create` some of these are not options.
            guard let plan = try? SandboxPolicyTests.plan(words, facts: facts) else { continue }
            let count = plan.arguments.count - words.count
            #expect(Array(plan.arguments[..<2] + plan.arguments[(2 + count)...]) == words)
            let again = try #require(try SandboxPolicyTests.plan(plan.arguments, facts: facts))
            #expect(again.arguments == plan.arguments && !again.isChanged)
        }
    }

    @Test("Neither the order nor the spelling of options changes the hash; every value does")
    func hash() throws {
        var random = Repeatable(seed: 7)
        let repeated: [[ByteString]] = Self.options.filter {
            $0[0].hasPrefix("--cap-") || $0[0].hasPrefix("--security-opt") || $0[0].hasPrefix("--name")
        }
        for _ in 0..<500 {
            var line = (0..<6).map { _ in repeated.randomElement(using: &random) ?? [] }
            line += [["-m", "1g"], ["--cpus=1.5"], ["--pids-limit", "9"]]
            // If two such options are given, the last one counts: their order is kept.
            line.removeAll { $0[0].hasPrefix("--security-opt=no") }
            let one = try SandboxPolicyTests.hash(Self.words(line))
            #expect(try SandboxPolicyTests.hash(Self.words(line.shuffled(using: &random))) == one)
        }
        let spellings: [(ByteString, ByteString)] = [
            ("-m 1g", "--memory=1024M"), ("--cpus 1.50", "--cpus=1.5"), ("--cap-add cap_chown", "--cap-add=CHOWN"),
            ("--cap-add CHOWN --cap-add KILL", "--cap-add KILL --cap-add CHOWN --cap-add KILL"), ("", "-m 4g"),
            ("", "--cap-drop=ALL"), ("", "--security-opt no-new-privileges:true"), ("", "-it -e A=1 -d --rm"),
        ]
        for (one, other) in spellings {
            #expect(try SandboxPolicyTests.hash(of: one) == SandboxPolicyTests.hash(of: other), "\(one), \(other)")
        }
    }

    @Test("Every value has its own hash, on the command line and in the settings")
    func values() throws {
        var seen: Set<ByteString> = []
        let lines: [ByteString] = [
            "", "-m 1g", "-m 2g", "--memory-swap 1g", "--memory-reservation 1g", "--cpus 1", "--cpus 1.5",
            "--cpu-quota 1", "--cpu-quota 2", "--cpu-period 1", "--pids-limit 1", "--pids-limit -1", "--cap-add CHOWN",
            "--cap-add KILL", "--cap-drop CHOWN", "--cap-drop KILL", "--cap-add ALL", "--cap-add CHOWN --cap-drop KILL",
            "--security-opt seccomp=x", "--security-opt seccomp=y", "--security-opt no-new-privileges=0",
        ]
        for line in lines { #expect(seen.insert(try SandboxPolicyTests.hash(of: line)).inserted, "\(line)") }
        let settings: [(inout SandboxSettings) -> Void] = [
            { $0.pids = 301 }, { $0.pids = nil }, { $0.memory = 1 << 30 + 1 }, { $0.memory = nil },
            { $0.processors = 1_000_000_001 }, { $0.processors = nil }, { $0.capabilities = ["CHOWN"] },
            { $0.capabilities = ["CHOWN", "KILL"] },
        ]
        for change in settings {
            let hash = try SandboxPolicyTests.hash(["docker", "run", "x"], SandboxPolicyTests.settings(change))
            #expect(seen.insert(hash).inserted)
        }
        let workspace = try SandboxPolicyTests.hash(
            ["docker", "run", "x"], SandboxPolicyTests.settings { $0.workspace = "w" })
        #expect(seen.contains(workspace), "where it is used changes nothing of what it may do")
    }

    @Test(
        "What the command decides about a limit, it decides about all that limits the same",
        arguments: [
            ("--cap-drop KILL", "cap-drop,cap-keep"), ("--cpu-quota 50000", "cpu-quota,cpus"), ("--cpus 1", "cpus"),
        ] as [(ByteString, ByteString)])
    func decided(options: ByteString, own: ByteString) throws {
        let plan = try SandboxPolicyTests.plan("docker run " + options + " img")
        #expect(SandboxPolicyTests.label("slipway.config-own", of: plan) == own)
    }

    @Test("A label can be read back; changed settings update what the command did not decide")
    func renewal() throws {
        let plan = try SandboxPolicyTests.plan("docker run -m 1g --cap-add KILL img")
        let text = try #require(SandboxPolicyTests.label("slipway.config", of: plan))
        let own = try #require(SandboxPolicyTests.label("slipway.config-own", of: plan))
        #expect(own == "cap-add,memory")
        let stored = try #require(SandboxConfiguration(text: text, own: own))
        #expect(stored.text == text && stored.hash == SandboxPolicyTests.label("slipway.config-hash-full", of: plan))
        let same = SandboxConfiguration(SandboxSettings(), on: SandboxPolicyTests.engine)
        #expect(same.hash.count == 64 && same.shortHash.count == 12 && same.hash.hasPrefix(same.shortHash))
        #expect(stored.renewed(by: same) == stored)
        var settings = SandboxSettings()
        settings.memory = 2 << 30
        let memory = stored.renewed(by: SandboxConfiguration(settings, on: SandboxPolicyTests.engine))
        #expect(memory == stored, "the command's own")
        settings.pids = 7
        let pids = stored.renewed(by: SandboxConfiguration(settings, on: SandboxPolicyTests.engine))
        #expect(pids.hash != stored.hash && stored.differences(from: pids) == ["pids-limit 300, now 7"])
        for text in ["", "[]", "{}", "x", "{\"a\":"] as [ByteString] {
            #expect(SandboxConfiguration(text: text, own: "") == nil)
        }
    }
}

extension SandboxPolicyTests {
    static func hash(_ words: [ByteString], _ settings: Settings = settings()) throws -> ByteString {
        let plan = try #require(try plan(words, settings))
        return try #require(label("slipway.config-hash-full", of: plan))
    }

    static func hash(of options: ByteString) throws -> ByteString {
        try hash(["docker", "run"] + options.split(" ").filter { !$0.isEmpty } + ["img"])
    }
}
