import DockerCommandLine
import Formats
import Notes
import PathMap
import Planning
import TestSupport
import Testing

@Suite("The engine's paths in a command")
struct PathPolicyTests {
    private static func row(_ from: ByteString, _ to: ByteString, _ origin: PathTable.Origin = .mounts) -> PathTable.Row
    {
        PathTable.Row(from: from, to: to, origin: origin)
    }

    private static let given = PathTable([row("/ws", "/srv/ws", .settings), row("/ws/sub", "/srv/sub", .settings)])
    private static let found = PathTable(
        [row("/ws", "/srv/ws"), row("/ws/sub", "/srv/sub"), row("/ws/a.txt", "/srv/a"), row("/odd", "/s:x,\"y")])

    /// As in the shim, but without links; relative paths start in /ws/cwd.
    private static func plan(_ words: [ByteString], _ table: PathTable?) -> Plan {
        func facts(_ sources: [MountSource]) -> PathPolicy.Facts {
            let sources = sources.map { source -> PathPolicy.Source in
                let path = (source.path.hasPrefix("/") ? source.path : "/ws/cwd/" + source.path).cleanedPath
                return PathPolicy.Source(source, path: path, resolved: path)
            }
            return PathPolicy.Facts(table: table, sources: sources)
        }
        switch Invocation.parse(words) {
        case .container(let container): return PathPolicy.plan(container, words, facts: facts(container.mountSources))
        case .compose(let compose): return PathPolicy.plan(compose, words, facts: facts(compose.mountSources))
        case .volume(let volume): return PathPolicy.plan(volume, words, facts: facts(volume.mountSources))
        default: return .unchanged(words, [])
        }
    }

    @Test(
        "Every spelling, with everything else unchanged",
        arguments: [
            // What other shims got wrong.
            (["run", "-itv", "/ws/a:/b", "i"], ["run", "-itv", "/srv/ws/a:/b", "i"]),
            (["run", "-v/ws/a:/b", "i"], ["run", "-v/srv/ws/a:/b", "i"]),
            (
                ["run", "--blkio-weight", "500", "-v", "/ws/a:/b", "i"],
                ["run", "--blkio-weight", "500", "-v", "/srv/ws/a:/b", "i"]
            ),
            (["run", "-v", "/ws/sub/x:/b", "i"], ["run", "-v", "/srv/sub/x:/b", "i"]),
            (["run", "-v", "./rel:/b", "i"], ["run", "-v", "/srv/ws/cwd/rel:/b", "i"]),
            (
                ["compose", "run", "-v/ws/a:/b", "s", "-v", "/ws:/x"],
                ["compose", "run", "-v/srv/ws/a:/b", "s", "-v", "/ws:/x"]
            ),
            (
                ["compose", "-f", "x", "run", "--rm", "--volume", "/ws:/b:ro", "-v", "./a:/c", "-v", "n:/d", "s"],
                ["compose", "-f", "x", "run", "--rm", "--volume", "/srv/ws:/b:ro", "-v", "./a:/c", "-v", "n:/d", "s"]
            ),
            // Every way to write an option.
            (["run", "-v=/ws:/b", "i"], ["run", "-v=/srv/ws:/b", "i"]),
            (["create", "--volume=/ws:/b:ro,z", "i"], ["create", "--volume=/srv/ws:/b:ro,z", "i"]),
            (["run", "-itv/ws:/b", "i"], ["run", "-itv/srv/ws:/b", "i"]),
            (["container", "run", "--volume", "/ws:/b", "i"], ["container", "run", "--volume", "/srv/ws:/b", "i"]),
            (["run", "-v", "/ws/../ws//a/:/b", "i"], ["run", "-v", "/srv/ws/a:/b", "i"]),
            (["run", "-v", "/ws/a b\"c,d:/b", "i"], ["run", "-v", "/srv/ws/a b\"c,d:/b", "i"]),
            (["run", "-v", "..:/b", "i"], ["run", "-v", "/srv/ws:/b", "i"]),
            (
                ["run", "--mount", "type=bind,source=/ws,target=/b", "i"],
                ["run", "--mount", "type=bind,source=/srv/ws,target=/b", "i"]
            ),
            (
                ["run", "--mount=readonly,SRC=/ws/a,dst=/b,Type=Bind", "i"],
                ["run", "--mount=readonly,SRC=/srv/ws/a,dst=/b,Type=Bind", "i"]
            ),
            (
                ["run", "--mount", "type=bind,\"source=/ws/a,b\",\"dst=/b\"", "i"],
                ["run", "--mount", "type=bind,\"source=/srv/ws/a,b\",\"dst=/b\"", "i"]
            ),
            (
                ["run", "--mount", "type=bind,\"src=/ws/\"\"q\",dst=/b", "i"],
                ["run", "--mount", "type=bind,\"src=/srv/ws/\"\"q\",dst=/b", "i"]
            ),
            (
                ["run", "--mount", "type=bind,src=/ws,source=/ws/sub,dst=/b", "i"],
                ["run", "--mount", "type=bind,src=/ws,source=/srv/sub,dst=/b", "i"]
            ),
            (
                ["run", "--mount", "type=bind,src=./x,dst=/b", "i"],
                ["run", "--mount", "type=bind,src=/srv/ws/cwd/x,dst=/b", "i"]
            ),
            (
                ["run", "--mount", "type=volume,src=v,dst=/b,volume-opt=device=/ws,volume-opt=o=bind", "i"],
                ["run", "--mount", "type=volume,src=v,dst=/b,volume-opt=device=/srv/ws,volume-opt=o=bind", "i"]
            ),
            (["run", "--device", "/ws/d", "i"], ["run", "--device", "/srv/ws/d:/ws/d", "i"]),
            (["run", "--device=/ws/d:rw", "i"], ["run", "--device=/srv/ws/d:/ws/d:rw", "i"]),
            (["run", "--device", "/ws/d:/e:r", "i"], ["run", "--device", "/srv/ws/d:/e:r", "i"]),
            (
                ["volume", "create", "-o", "device=/ws", "-oo=bind"],
                ["volume", "create", "-o", "device=/srv/ws", "-oo=bind"]
            ),
            (
                ["volume", "create", "-odevice=/ws/x", "--opt=o=bind", "v"],
                ["volume", "create", "-odevice=/srv/ws/x", "--opt=o=bind", "v"]
            ),
        ] as [([ByteString], [ByteString])])
    func spellings(_ words: [ByteString], _ expected: [ByteString]) {
        let plan = Self.plan(["docker"] + words, Self.given)
        #expect(plan.arguments == ["docker"] + expected)
        #expect(plan.isChanged && plan.notes.map(\.reason) == [.pathsTranslated])
        let again = Self.plan(plan.arguments, Self.given)
        #expect(again.arguments == plan.arguments && !again.isChanged)
    }

    @Test("A path that is not UTF-8")
    func bytes() {
        let name = ByteString([0xFF, 0xFE])
        #expect(
            Self.plan(["docker", "run", "-v", "/ws/" + name + ":/b", "i"], Self.given).arguments[3] == "/srv/ws/" + name
                + ":/b")
    }

    @Test(
        "What stays unchanged, and why",
        arguments: [
            ("docker run -v /wsx:/b i", [.pathOutside]), ("docker run -v name:/b -v /anon --tmpfs /ws i", []),
            ("docker run -v /srv/ws/a:/b i", [.pathTranslatedAlready]), ("docker run i -v /ws:/b", []),
            ("docker run i --mount type=bind,src=/ws,dst=/b", []), ("docker run -v ~/ws:/b i", []),
            ("docker run --mount type=tmpfs,dst=/ws i", []), ("docker run --mount type=volume,src=/ws,dst=/b i", []),
            ("docker run --device vendor.com/class=ws --env-file /ws/env -w /ws i", []),
            ("docker run -v C:\\ws:C:\\b i", []), ("docker volume create ws", []),
            ("docker run -v /odd/f:/b i", [.pathUnwritable]), ("docker run --device /odd/f:/b i", [.pathUnwritable]),
        ] as [(ByteString, [Reason])])
    func untouched(_ line: ByteString, _ reasons: [Reason]) {
        let plan = Self.plan(line.split(" "), Self.found)
        #expect(plan.arguments == line.split(" ") && !plan.isChanged)
        #expect(plan.notes.map(\.reason) == reasons)
    }

    @Test("A path that cannot be written, or lies outside, leaves the others to be translated")
    func others() {
        for path in ["/odd/f", "/wsx"] as [ByteString] {
            let plan = Self.plan(["docker", "run", "-v", path + ":/b", "-v", "/ws/sub:/c", "i"], Self.found)
            #expect(plan.arguments[3...] == [path + ":/b", "-v", "/srv/sub:/c", "i"])
        }
    }

    @Test("--mount accepts paths that -v cannot")
    func quoting() {
        let plan = Self.plan(["docker", "run", "--mount", "type=bind,src=/odd/f,dst=/b", "i"], Self.found)
        #expect(plan.arguments[3] == "type=bind,\"src=/s:x,\"\"y/f\",dst=/b")
    }

    @Test(
        "Nested mounts are added in the same form, unless the user mounts something there",
        arguments: [
            ("-v /ws:/b", ["--volume=/srv/a:/b/a.txt", "--volume=/srv/sub:/b/sub"], "-v /srv/ws:/b"),
            (
                "-v /ws:/b/:ro,z", ["--volume=/srv/a:/b/a.txt:ro,z", "--volume=/srv/sub:/b/sub:ro,z"],
                "-v /srv/ws:/b/:ro,z"
            ),
            (
                "--mount type=bind,src=/ws,dst=/b,readonly -v x:/b/sub",
                ["--mount=type=bind,readonly,source=/srv/a,target=/b/a.txt"],
                "--mount type=bind,src=/srv/ws,dst=/b,readonly -v x:/b/sub"
            ),
            ("-v /ws:/b --tmpfs /b/sub -v /x:/b/a.txt", [], "-v /srv/ws:/b --tmpfs /b/sub -v /x:/b/a.txt"),
            ("-v /ws/sub:/b", [], "-v /srv/sub:/b"),
            (
                "--mount type=bind,src=/ws,dst=/b,bind-nonrecursive=true", [],
                "--mount type=bind,src=/srv/ws,dst=/b,bind-nonrecursive=true"
            ),
            ("--volumes-from c -v /ws:/b", [], "--volumes-from c -v /srv/ws:/b"),
            ("-v /ws:/b --mount type=tmpfs", [], "-v /srv/ws:/b --mount type=tmpfs"),
        ] as [(ByteString, [ByteString], ByteString)])
    func nested(_ options: ByteString, _ added: [ByteString], _ rest: ByteString) {
        let plan = Self.plan(["docker", "run"] + options.split(" ") + ["i"], Self.found)
        #expect(plan.arguments == ["docker", "run"] + added + rest.split(" ") + ["i"])
        #expect(plan.notes.filter { $0.reason == .nestedMountAdded }.count == added.count)
        let again = Self.plan(plan.arguments, Self.found)
        #expect(again.arguments == plan.arguments)
    }

    @Test(
        "Nested mounts that cannot be added, or might be the user's own, are reported",
        arguments: [
            "--mount type=bind,src=/ws,dst=/b,bind-nonrecursive=true", "--volumes-from c -v /ws:/b",
            "-v /ws:/b --mount type=tmpfs",
        ] as [ByteString])
    func leftOut(_ options: ByteString) {
        let plan = Self.plan(["docker", "run"] + options.split(" ") + ["i"], Self.found)
        let notes = plan.notes.filter { $0.reason == .nestedMountLeftOut }
        #expect(notes == ["/ws/a.txt", "/ws/sub"].map { Note(.nestedMountLeftOut, $0) })
    }

    @Test("No nested mounts are added for an operator's own rows, which may be intended as they are")
    func givenIsNotNested() {
        #expect(Self.plan(["docker", "run", "-v", "/ws:/b", "i"], Self.given).arguments.count == 5)
    }

    @Test("A directory that the engine sees under the same path needs only its nested mounts")
    func samePath() {
        let table = PathTable([Self.row("/ws", "/ws"), Self.row("/ws/sub", "/srv/sub")])
        let plan = Self.plan(["docker", "run", "-v", "/ws/:/b", "i"], table)
        #expect(plan.arguments == ["docker", "run", "--volume=/srv/sub:/b/sub", "-v", "/ws/:/b", "i"])
        #expect(Self.plan(plan.arguments, table).arguments == plan.arguments)
    }

    @Test("Without a table, and with links that cannot be followed")
    func doubts() throws {
        #expect(
            Self.plan(["docker", "run", "-v", "/ws:/b", "i"], nil)
                == .unchanged(["docker", "run", "-v", "/ws:/b", "i"], []))
        let words: [ByteString] = ["docker", "run", "-v", "/ws:/b", "i"]
        guard case .container(let container) = Invocation.parse(words) else {
            Issue.record("no container")
            return
        }
        let source = try #require(container.mountSources.first)
        let facts = PathPolicy.Facts(table: Self.given, sources: [.init(source, path: "/ws", resolved: nil)])
        let plan = PathPolicy.plan(container, words, facts: facts)
        #expect(plan == .unchanged(words, [Note(.pathUnresolved, "/ws")]))
        // The sources behind it are still looked at.
        let more: [ByteString] = ["docker", "run", "-v", "/ws:/b", "-v", "/ws/a:/c", "i"]
        guard case .container(let both) = Invocation.parse(more) else {
            Issue.record("no container")
            return
        }
        let sources = both.mountSources.map {
            PathPolicy.Source($0, path: $0.path, resolved: $0.path == "/ws" ? nil : $0.path)
        }
        let partial = PathPolicy.plan(both, more, facts: PathPolicy.Facts(table: Self.given, sources: sources))
        #expect(partial.arguments == ["docker", "run", "-v", "/ws:/b", "-v", "/srv/ws/a:/c", "i"])
        #expect(partial.notes.first == Note(.pathUnresolved, "/ws"))
    }

    @Test(
        "Which relative sources docker makes absolute",
        arguments: [
            (".", [false, true, true]), ("./a", [false, true, true]), ("..", [false, false, true]),
            ("../a", [false, false, true]), (".a", [false, false, true]), ("a", [false, false, false]),
        ] as [(ByteString, [Bool])])
    func relative(_ path: ByteString, _ expected: [Bool]) {
        let all: [PathPolicy.RelativeSources] = [.none, .here, .all]
        #expect(all.map { $0.takes(path) } == expected)
    }

    @Test(
        "Whatever the command: only words with a source change, and twice is once", arguments: 0..<200 as Range<UInt64>)
    func properties(_ seed: UInt64) {
        var random = Repeatable(seed: seed)
        let pieces: [[ByteString]] = [
            ["-v", "/ws/a:/b"], ["-itv/ws:/c"], ["--volume=/ws/sub:/d:ro"], ["-v", "n:/e"], ["-e", "-v"], ["--rm"],
            ["--mount", "type=bind,src=/ws/x,dst=/f"], ["--mount=type=tmpfs,dst=/ws"], ["--device", "/ws/d:r"],
            ["--name=/ws:/ws"], ["-v", "/odd/x:/g"], ["-l", "/ws/a:/b"], ["-v=/ws/" + ByteString([0xFF]) + ":/h"],
            ["--tmpfs", "/c/sub"],
        ]
        let count = Int.random(in: 0...6, using: &random)
        var words: [ByteString] = ["docker", "run"]
        for _ in 0..<count { words += pieces.randomElement(using: &random) ?? [] }
        words += ["image", "-v", "/ws:/b", "/ws"]
        let plan = Self.plan(words, Self.found)
        let added = plan.arguments.count - words.count
        let user = Array(plan.arguments[..<2] + plan.arguments[(2 + added)...])
        #expect(user.count == words.count && user.suffix(4) == words.suffix(4))
        #expect(
            plan.arguments[2..<(2 + added)].allSatisfy { $0.hasPrefix("--volume=/srv/") || $0.hasPrefix("--mount=") })
        for (mine, theirs) in zip(user, words) where mine != theirs {
            #expect(theirs.range(of: "/ws") != nil && mine.range(of: "/srv/") != nil)
        }
        let again = Self.plan(plan.arguments, Self.found)
        #expect(again.arguments == plan.arguments)
    }
}
