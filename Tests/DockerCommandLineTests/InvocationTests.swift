import DockerCommandLine
import Formats
import Testing

@Suite("Command lines")
struct InvocationTests {
    @Test("The corpus was read")
    func corpusIsThere() {
        #expect(Corpus.entries.count > 500)
    }

    @Test("means", arguments: Corpus.entries)
    func meaning(_ entry: Corpus.Entry) {
        #expect(Corpus.meaning(of: .parse(Corpus.words(of: entry.line))) == entry.meaning)
    }

    private static func sources(_ words: [ByteString]) -> [MountSource] {
        switch Invocation.parse(words) {
        case .container(let container): container.mountSources
        case .volume(let volume): volume.mountSources
        case .compose(let compose): compose.mountSources
        default: []
        }
    }

    @Test("A path that replaces another one is read in its place, and nothing else changes")
    func replacedPaths() {
        var replaced = 0
        for entry in Corpus.entries {
            let words = Corpus.words(of: entry.line)
            let sources = Self.sources(words)
            for (index, source) in sources.enumerated() {
                guard words.indices.contains(source.argument),
                    let word = source.argument(words[source.argument], with: "/another/place")
                else {
                    Issue.record("\(entry.line): no place for \(source.path)")
                    continue
                }
                var others = words
                others[source.argument] = word
                var wanted = sources.map(\.path)
                wanted[index] = "/another/place"
                #expect(Self.sources(others).map(\.path) == wanted, "\(entry.line)")
                replaced += 1
            }
        }
        #expect(replaced > 20)
    }

    @Test(
        "The same kind of mount of another path at another place",
        arguments: [
            ("-v /a:/b", "--volume=/new:/place"), ("-v /a:/b:ro,z", "--volume=/new:/place:ro,z"),
            (
                "--mount type=bind,src=/a,dst=/b,readonly",
                "--mount=type=bind,readonly,source=/new,target=/place"
            ),
            ("--mount type=bind,src=/a,dst=/b,bind-nonrecursive", nil), ("--device /a:/b", nil),
        ] as [(ByteString, ByteString?)])
    func mounting(_ option: ByteString, _ other: ByteString?) throws {
        let source = try #require(Self.sources(Corpus.words(of: "docker run " + option + " img")).first)
        #expect(source.option(mounting: "/new", at: "/place") == other)
        #expect(source.option(mounting: "/n\new", at: "/place") == nil)
    }

    @Test(
        "A device without a place of its own keeps that of its source, whatever its permissions",
        arguments: [
            ("/d", "/new:/d"), ("/d:r", "/new:/d:r"), ("/d:/e", "/new:/e"), ("/d:/e:rw", "/new:/e:rw"),
            ("/d:rr", "/new:rr"), ("/d:", "/new:"),
        ] as [(ByteString, ByteString)])
    func device(_ value: ByteString, _ other: ByteString) throws {
        let words: [ByteString] = ["docker", "run", "--device", value, "img"]
        let source = try #require(Self.sources(words).first)
        #expect(source.argument(words[source.argument], with: "/new") == other)
    }

    @Test(
        "As the plugin, called by docker or directly",
        arguments: [
            (.plugin, "/p/docker-buildx buildx build .", "buildx@2 path=."),
            (
                .plugin, "/p/docker-buildx -c ctx buildx --builder b bake web",
                "buildx-bake@6 context=ctx builder=b name=web"
            ),
            (.plugin, "/p/docker-buildx build .", "other build"), (.plugin, "/p/docker-buildx bake", "other bake"),
            (.plugin, "/p/docker-buildx --help buildx build .", "other buildx"),
            (.plugin, "/p/docker-buildx buildx ls", "other buildx"), (.plugin, "/p/docker-buildx", "other"),
            (.plugin, "/p/docker-buildx buildx bake --nonesuch", "unknownFlag@3"),
            (.buildx, "/p/docker-buildx build .", "buildx@1 path=."),
            (.buildx, "docker-buildx b -t x .", "buildx@1 tag=x path=."),
            (.buildx, "docker-buildx bake --file - --progress rawjson", "buildx-bake@1 file=-"),
            (.buildx, "docker-buildx --builder b f web", "buildx-bake@3 builder=b name=web"),
            (.buildx, "docker-buildx buildx build .", "other docker-buildx"),
            (.buildx, "docker-buildx docker-cli-plugin-metadata", "other docker-buildx"),
            (.buildx, "docker-buildx -H x build .", "unknownFlag@1"), (.buildx, "docker-buildx", "other docker-buildx"),
        ] as [(Invocation.Program, ByteString, ByteString)])
    func plugin(_ program: Invocation.Program, _ line: ByteString, _ meaning: ByteString) {
        #expect(Corpus.meaning(of: .parse(Corpus.words(of: line), of: program)) == meaning)
    }

    @Test("No arguments at all, not even a program's name")
    func nothing() {
        #expect(Invocation.parse([]) == .other(nil))
    }

    @Test("Ten thousand arguments")
    func manyArguments() throws {
        let many = (0..<5_000).flatMap { ["--build-arg", "A" + ByteString(decimal: $0) + "=1"] as [ByteString] }
        guard case .build(let build) = Invocation.parse(["docker", "build"] + many + ["."]) else {
            Issue.record("not a build")
            return
        }
        #expect(build.buildArguments.count == 5_000)
        #expect(build.buildArguments.last == "A4999=1")
        #expect(build.context == ".")
        guard case .container(let run) = Invocation.parse(["docker", "run", "img"] + many) else {
            Issue.record("no container")
            return
        }
        #expect(run.scan.positionals.count == many.count + 1)
        let positionals = [ByteString](repeating: "x", count: 10_000)
        guard case .build(let refused) = Invocation.parse(["docker", "build"] + positionals) else {
            Issue.record("not a build")
            return
        }
        #expect(refused.positionals == positionals)
        #expect(refused.context == nil)
    }

    @Test("One argument of a hundred thousand letters")
    func longCluster() {
        let cluster = "-" + ByteString(repeatElement(UInt8(ascii: "q"), count: 100_000))
        guard case .build(let build) = Invocation.parse(["docker", "build", cluster, "."]) else {
            Issue.record("not a build")
            return
        }
        #expect(build.scan.occurrences.count == 100_000)
    }

    @Test("Besides build arguments, every option and argument counts, in one spelling")
    func others() {
        for line: ByteString in [
            "docker build --build-arg A=1 -q --tag=x -f D .", "docker build -qtx --build-arg=B --file D .",
            "docker buildx build . --quiet -t x --file=D",
        ] {
            guard case .build(let build) = Invocation.parse(Corpus.words(of: line)) else {
                Issue.record("not a build")
                continue
            }
            let wanted: [ByteString] = ["quiet=true", "tag=x", "file=D", "."]
            #expect(build.others.sorted() == wanted.sorted(), "\(line)")
        }
    }

    @Test(
        "No cache for some stages, or for all without naming any",
        arguments: [
            ("docker build .", false), ("docker build --no-cache-filter a .", true),
            ("docker buildx build --no-cache-filter=a,b .", true), ("docker build --no-cache-filter= .", true),
        ] as [(ByteString, Bool)])
    func partlyAnew(line: ByteString, hasNoCacheFilter: Bool) {
        guard case .build(let build) = Invocation.parse(Corpus.words(of: line)) else {
            Issue.record("not a build")
            return
        }
        #expect(build.hasNoCacheFilter == hasNoCacheFilter)
    }

    @Test("The context is the only positional, or none")
    func context() {
        func context(_ line: ByteString) -> ByteString? {
            guard case .build(let build) = Invocation.parse(Corpus.words(of: line)) else { return nil }
            return build.context
        }
        #expect(context("docker build .") == ".")
        #expect(context("docker build ''") == "")
        #expect(context("docker build -t x . -q") == ".")
        #expect(context("docker build -- --") == "--")
        #expect(context("docker build") == nil)
        #expect(context("docker build . .") == nil)
    }

    @Test("A message names the argument by its number, never by its text")
    func messages() {
        #expect(GrammarError.unknownFlag(3).message == "argument 3: unknown option")
        #expect(GrammarError.missingValue(12).message == "argument 12: option without its value")
    }
}

@Suite("Files of variables")
struct EnvironmentFileTests {
    @Test("Names with and without values, comments, and a byte-order mark")
    func names() {
        let text: ByteString = "\u{FEFF}A=1\n  B = 2\n# C=3\n\nD\r\n=E\nF=a=b"
        #expect(EnvironmentFile.names(in: text) == ["A", "B ", "D", "", "F"])
        #expect(EnvironmentFile.names(in: "") == [])
        #expect(EnvironmentFile.names(in: "A", until: Deadline { true }) == nil)
    }
}
