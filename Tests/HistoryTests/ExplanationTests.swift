import Formats
import Notes
import Testing
import WorkingTree

@testable import History

@Suite("Why a step was not cached")
struct ExplanationTests {
    static let dockerfile: ByteString = """
        ARG VERSION=1
        FROM base:$VERSION AS build
        COPY src /src
        ARG FLAVOR
        RUN make \\
            all
        FROM base:1
        COPY --from=build /out /out
        RUN true
        """

    private func step(
        _ instruction: ByteString, stage: ByteString = "build", number: Int, cached: Bool = false
    ) -> BuildOutcome.Step {
        .init(stage: stage, number: number, instruction: instruction, digest: "", isCached: cached)
    }

    private func side(
        _ dockerfile: ByteString = dockerfile, arguments: [ByteString] = [], entries: [ContextRecord.Entry] = [],
        gap: ContextRecord.Gap? = nil, outcome: BuildOutcome? = nil
    ) -> Evidence.Side {
        .init(
            record: BuildRecord(
                began: 1, process: 2, context: PublicAddress("/app"), outline: DockerfileOutline(dockerfile),
                arguments: arguments.map { .init($0) }),
            context: ContextRecord(entries: entries, gap: gap), outcome: outcome)
    }

    private func explain(_ now: Evidence.Side, _ before: Evidence.Side?, _ steps: [BuildOutcome.Step]) -> Explanation {
        Explanation(
            of: Evidence(
                build: now, former: before, outcome: BuildOutcome(steps: steps),
                notes: [(.importAdded, "")]))
    }

    private func file(_ path: ByteString, mode: UInt32 = 0o644, digest: UInt64 = 1) -> ContextRecord.Entry {
        .init(path: path, kind: .file, mode: mode, size: 1, digest: digest)
    }

    private var copy: BuildOutcome.Step { step("COPY src /src", number: 2) }
    private var make: BuildOutcome.Step { step("RUN make all", number: 3) }

    @Test("A step that the imported union has, but that was executed, should have hit")
    func overlooked() {
        var evidence = Evidence(
            build: side(), former: side(), outcome: BuildOutcome(steps: [make]), notes: [(.importAdded, "")])
        evidence.overlooked = 2
        let told = Explanation(of: evidence)
        #expect(told.cause == .overlooked && told.shouldHaveHit && told.sentence.range(of: "holds 2 of") != nil)
        evidence.companion = "other"
        #expect(Explanation(of: evidence).cause != .overlooked, "builds of one command hold up one another")
        evidence.companion = nil
        evidence.notes = [(.noCacheGiven, "")]
        #expect(Explanation(of: evidence).cause == .noCache)
        evidence.outcome = BuildOutcome(steps: [step("RUN make", number: 3, cached: true)])
        #expect(Explanation(of: evidence).cause == .allCached)
    }

    @Test("Only modes, with the umask behind them")
    func modes() {
        let told = explain(
            side(entries: [file("src/a", mode: 0o664), file("src/b", mode: 0o664)]),
            side(entries: [file("src/a"), file("src/b")]), [copy])
        #expect(told.cause == .modes && told.shouldHaveHit)
        #expect(
            told.sentence
                == "2 files differ only in mode (0664 here, 0644 where the cache was made): umask 0002")
        #expect(told.fix == "slipway modes --fix")
        #expect(
            told.edits.map { $0.json(below: "/w").text } == [
                #"{"do":"set-mode","file":"/w/src/a","mode":"0644"}"#,
                #"{"do":"set-mode","file":"/w/src/b","mode":"0644"}"#,
            ])
    }

    @Test("Files that COPY does not take do not count")
    func elsewhere() {
        let told = explain(
            side(entries: [file("other", digest: 2), file("src/a")]),
            side(entries: [file("other"), file("src/a")], outcome: BuildOutcome(steps: [])), [copy])
        #expect(told.cause == .unknown && told.shouldHaveHit)
        // The base may have moved.
        let alone = explain(side(entries: [file("src/a")]), side(entries: [file("src/a")]), [copy])
        #expect(alone.cause == .unknown && !alone.shouldHaveHit)
    }

    @Test("Content, new and missing files")
    func content() {
        let content = explain(
            side(entries: [file("src/a", digest: 2), file("src/new")]),
            side(entries: [file("src/a"), file("src/old")]), [copy])
        #expect(content.cause == .content)
        #expect(content.sentence == "files of the context differ: 1 with other content, 1 new, 1 missing")
        #expect(content.paths == ["src/a", "src/new", "src/old"])
        #expect(explain(side(entries: [file("src/new")]), side(), [copy]).cause == .files)
    }

    @Test("Files left by tools, and git's own files")
    func clutter() {
        let told = explain(
            side(entries: [file("src/debug.log", digest: 2)]), side(entries: [file("src/debug.log")]), [copy])
        #expect(told.cause == .clutter && told.sentence.hasSuffix("**/*.log"))
        #expect(told.edits == [.appendLine(file: ".dockerignore", text: "**/*.log")])
        let git = ContextRecord.Entry(path: "src/.git", kind: .directory, mode: 0o755)
        #expect(explain(side(entries: [git]), side(entries: [git]), [copy]).cause == .clutter)
    }

    @Test("An earlier instruction, by its line")
    func instructions() {
        let changed = ByteString(Self.dockerfile.lossy.replacing("    all", with: "    some"))
        let told = explain(side(changed), side(), [make])
        #expect(told.cause == .dockerfile && told.sentence == "the Dockerfile changed at line 5 (RUN)")
        // A later line, or one in another stage, is not a cause.
        #expect(explain(side(changed), side(), [copy]).cause == .unknown)
        let commented = ByteString(Self.dockerfile.lossy.replacing("COPY src", with: "# more\nCOPY src"))
        #expect(explain(side(commented), side(), [make]).cause == .unknown)
    }

    @Test("A build argument that the stage declares before the step")
    func arguments() {
        let told = explain(side(arguments: ["FLAVOR=b"]), side(arguments: ["FLAVOR=a"]), [make])
        #expect(told.cause == .argument && told.sentence.range(of: "FLAVOR") != nil)
        #expect(explain(side(arguments: ["FLAVOR=b"]), side(), [copy]).cause == .unknown)
        #expect(explain(side(arguments: ["OTHER=b"]), side(), [make]).cause == .unknown)
        #expect(explain(side(arguments: ["VERSION=2"]), side(), [copy]).cause == .argument)
    }

    @Test("A base image that moved")
    func base() {
        func outcome(_ digest: ByteString) -> BuildOutcome {
            BuildOutcome(steps: [copy], bases: [.init(stage: "build", name: "base:1", digest: digest)])
        }
        let told = Explanation(
            of: Evidence(
                build: side(outcome: outcome("sha256:b")), former: side(outcome: outcome("sha256:a")),
                notes: [(.importAdded, "")]))
        #expect(told.cause == .base && told.sentence.range(of: "base:1") != nil)
    }

    @Test("Without evidence nothing is claimed")
    func unknown() {
        let noFormer = explain(side(), nil, [copy])
        #expect(noFormer.cause == .unknown && noFormer.sentence.hasPrefix("not known") && !noFormer.shouldHaveHit)
        let partial = explain(side(gap: .files), side(), [copy])
        #expect(partial.cause == .unknown && !partial.shouldHaveHit)
        let unread = explain(side(entries: [file("src/a", digest: 0)]), side(entries: [file("src/a")]), [copy])
        #expect(unread.cause == .unknown && !unread.shouldHaveHit)
        #expect(Explanation(of: Evidence()).cause == .unknown)
    }

    @Test("Nothing differs, and the cache was disabled for some stages")
    func partlyAnew() {
        var now = side()
        func told(_ now: Evidence.Side) -> Explanation { explain(now, side(outcome: BuildOutcome(steps: [])), [copy]) }
        #expect(told(now).cause == .unknown && told(now).shouldHaveHit)
        now.record.hasNoCacheFilter = true
        #expect(told(now).cause == .noCache && !told(now).shouldHaveHit)
        now.context = ContextRecord(entries: [file("src/a")], gap: nil)
        #expect(told(now).cause == .files)
    }

    @Test("Nothing differs, and another target of the command has the same context")
    func shared() {
        func told(_ step: BuildOutcome.Step, _ companion: ByteString?, _ now: Evidence.Side) -> Explanation {
            Explanation(
                of: Evidence(
                    build: now, former: side(outcome: BuildOutcome(steps: [])), outcome: BuildOutcome(steps: [step]),
                    notes: [(.importAdded, "")], companion: companion))
        }
        let one = told(copy, "other", side())
        #expect(one.cause == .shared && one.shouldHaveHit && one.sentence.range(of: "other") != nil)
        #expect(told(copy, nil, side()).cause == .unknown)
        // An actual difference is the cause, whatever else was built.
        #expect(told(copy, "other", side(entries: [file("src/a")])).cause == .files)
    }

    @Test("Old buildx: no step is known, but differences are still reported")
    func noHistory() {
        let told = Explanation(
            of: Evidence(
                build: side(entries: [file("src/a", mode: 0o600)]), former: side(entries: [file("src/a")]),
                missingOutcome: "buildx is older than 0.21", notes: [(.importAdded, "")]))
        #expect(told.cause == .unknown)
        #expect(told.sentence.range(of: "older than 0.21") != nil)
        #expect(told.sentence.range(of: "only in mode") != nil)
    }

    @Test(
        "What the shim decided comes first",
        arguments: [
            ([.pluginMissing], .engine), ([.definitionRemote], .store), ([.exportOff, .nothingToImport], .neverBuilt),
            ([.storeDiskLow, .storeNotTrusted], .store),
            ([.nothingToImport], .neverBuilt), ([.noCacheGiven, .exportAdded], .noCache),
            ([.layerRejected, .nothingToImport], .leftOut), ([.storeNotTrusted, .nothingToImport], .store),
            ([.legacyBuilder], .engine), ([.engineCannotExport, .nothingToImport], .neverBuilt),
            ([.buildCacheOff], .store), ([.storeDiskLow, .nothingToImport], .neverBuilt), ([], .unknown),
            ([.sharedBuilderChosen], .unknown), ([.sharedBuilderChosen, .modesDiffer], .unknown),
            ([.sharedBuilderSilent, .nothingToImport], .neverBuilt), ([.sharedBuilderLocalImage], .unknown),
            ([.sharedBuilderUnsuited, .storeNotTrusted], .store), ([.sharedBuilderNotReady, .noCacheGiven], .noCache),
        ] as [([Reason], Explanation.Cause)])
    func decisions(reasons: [Reason], cause: Explanation.Cause) {
        let evidence = Evidence(build: side(), former: side(), notes: reasons.map { ($0, "said") })
        #expect(Explanation(of: evidence).cause == cause)
    }

    @Test("All cached")
    func cached() {
        var done = copy
        done.isCached = true
        let told = explain(side(), side(), [done])
        #expect(told.cause == .allCached)
        #expect((told.cached, told.total) == (1, 1))
    }
}

@Suite("Dockerfiles, COPY and records")
struct OutlineTests {
    @Test("Continuations, comments, heredocs and another escape")
    func outline() {
        let outline = DockerfileOutline(
            "# escape=`\nFROM a\nRUN one `\n# comment\n\n  two\nRUN <<EOF\nFROM inside\nEOF\ncopy a b\r\n")
        #expect(outline.instructions.map(\.word) == ["FROM", "RUN", "RUN", "COPY"])
        #expect(outline.instructions.map(\.line) == [2, 3, 7, 10])
        #expect(outline.instructions[1].text == "one two")
    }

    @Test("Stored without commands and values")
    func kept() throws {
        let outline = DockerfileOutline("ARG TOKEN=secret OTHER\nFROM a AS b\nRUN echo secret\nCOPY a b\n")
        #expect(outline.json.text.range(of: "secret") == nil)
        let back = try #require(DockerfileOutline(outline.json))
        #expect(back.instructions.map(\.text) == ["TOKEN OTHER", "a AS b", "", "a b"])
        #expect(back.instructions.map(\.tag) == outline.instructions.map(\.tag))
    }

    @Test("Nothing is stored about a file that is not a Dockerfile, nor any value of arguments")
    func foreign() {
        let shadow: ByteString = "root:$y$j9T$abc:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n"
        #expect(DockerfileOutline(shadow).instructions.isEmpty)
        #expect(
            DockerfileOutline("[default]\naws_secret_access_key = abc\nFROM x\n").json.text
                == DockerfileOutline("\n\nFROM x\n").json.text)
        let arguments = DockerfileOutline(
            "ARG A=\"one SECRET two\" B='SECRET three' C=a\\ SECRET D E=SECRET 1SECRET -SECRET\n")
        #expect(arguments.json.text.range(of: "SECRET") == nil)
        #expect(DockerfileOutline(arguments.json)?.instructions.map(\.text) == ["A B C D E"])
    }

    @Test("Addresses are stored without credentials and queries")
    func addresses() throws {
        var record = BuildRecord(
            began: 1, process: 2, context: PublicAddress("https://u:SECRET@h/o/r.git?token=SECRET#SECRET"),
            outline: DockerfileOutline(
                "FROM a\nADD https://u:SECRET@h/x?t=SECRET /x\nCOPY --from=https://SECRET@h/y /a /b\nRUN --mount=from=ctx,target=/x true\n"
            ),
            arguments: [.init("https://u:SECRET@h/x?a=SECRET"), .init("SECRET="), .init("ctx=https://SECRET@h")],
            globals: ["--host", "ssh://me:SECRET@h"].map(PublicAddress.init))
        record.images = ["https://u:SECRET@h/x", "u:SECRET@h/x", "app:1"]
        let text = record.json.text
        #expect(text.range(of: "SECRET") == nil)
        let back = try #require(BuildRecord(text))
        #expect(back.globals.map(\.text) == ["--host", "ssh://me@h"] && back.images == ["app:1"])
        #expect(back.arguments.map(\.name) == ["ctx"] && back.context.text == "https://h/o/r.git")
    }

    @Test("Records can be read back, without the values of arguments")
    func record() throws {
        var record = BuildRecord(
            began: 1, process: 2, context: PublicAddress("/a"), dockerfile: "/a/D",
            outline: DockerfileOutline("ARG TOKEN\nFROM x"),
            arguments: [.init("TOKEN=hunter2")], target: "t", platforms: ["linux/amd64"], imported: "/s",
            repository: "r",
            globals: ["--host", "h"].map(PublicAddress.init))
        record.images = ["i:1"]
        record.bakeTarget = "web"
        let text = record.json.text
        #expect(text.range(of: "hunter2") == nil)
        #expect(record.arguments[0].tag.count == 3)
        let back = try #require(BuildRecord(text))
        #expect(back.json == record.json && back.bakeTarget == "web" && back.hasNoCacheFilter == false)
        record.hasNoCacheFilter = true
        #expect(BuildRecord(record.json.text)?.hasNoCacheFilter == true)
        // In a record of an earlier version it is unknown.
        let member = try #require(text.range(of: #""partlyAnew":false,"#))
        let older = text.prefix(member.lowerBound) + text.dropFirst(member.upperBound)
        #expect(try #require(BuildRecord(older)).hasNoCacheFilter == nil)
        for length in 0..<text.count { #expect(BuildRecord(text.prefix(length)) == nil) }
    }

    @Test(
        "What a COPY takes",
        arguments: [
            ("COPY src /src", "src/a", true), ("COPY src /src", "srcs/a", false), ("COPY . /", "any/thing", true),
            ("COPY --chown=1:1 --link a b /x/", "b", true), ("COPY [\"a b\", \"/x\"]", "a b/c", true),
            ("COPY *.txt /x/", "a.txt", true), ("COPY *.txt /x/", "d/a.txt", false), ("ADD ./d/../e /x", "e/f", true),
            ("COPY a?/b /x", "ac/b", true),
        ])
    func sources(instruction: String, path: String, isTaken: Bool) throws {
        #expect(try #require(CopySources(of: ByteString(instruction))).take(ByteString(path)) == isTaken)
    }

    @Test(
        "Instructions that take nothing from the context",
        arguments: [
            "RUN make", "COPY --from=build /a /b", "ADD https://example.invalid/a /b", "COPY <<EOF /b", "COPY a",
        ])
    func nothing(instruction: String) {
        #expect(CopySources(of: ByteString(instruction)) == nil)
    }
}
