import DockerCommandLine
import Formats
import Notes
import Planning
import Testing

@Suite("The build cache's policy for bake")
struct BakeCachePolicyTests {
    private static func isOurs(_ path: ByteString) -> Bool { path.hasPrefix("/store/") }

    private static func bake(_ line: ByteString) throws -> BakeInvocation {
        guard case .bake(let bake) = Invocation.parse(line.split(" ")) else { throw Unexpected() }
        return bake
    }
    private struct Unexpected: Error {}

    private static func request(_ line: ByteString, _ settings: Settings = Settings()) throws
        -> CacheRequest
    {
        BakeCachePolicy.request(of: try bake(line), settings, isOurs: isOurs)
    }

    private static func parts(_ text: ByteString) throws -> [BakeCachePolicy.Part] {
        let targets = try #require(BakeDefinition(text)).targets
        return targets.map { BakeCachePolicy.Part($0, isOurs: isOurs) }
    }

    private static func offers(_ parts: [BakeCachePolicy.Part]) -> [CacheOffer] {
        parts.map { part in
            let name = part.target.name
            return CacheOffer(
                importing: .adding("type=local,src=/store/g,digest=sha256:" + name, Note(.importAdded, "sha256")),
                exporting: .adding("type=local,dest=/store/g/" + name + exported, Note(.exportAdded, "/store")),
                leases: ["/store/g/lease"])
        }
    }

    private static func plan(
        _ line: ByteString, _ text: ByteString, _ form: BakeCachePolicy.Form = .appended,
        _ settings: Settings = Settings()
    ) throws -> Plan {
        let request = try request(line, settings)
        let parts = try parts(text)
        return BakeCachePolicy.plan(
            try bake(line), line.split(" "), request: request, parts: parts, offers: offers(parts), form)
    }

    private static let exported: ByteString = ",mode=max,ignore-error=true"

    @Test(
        "Requests",
        arguments: [
            ("docker buildx bake", true, true, []),
            ("docker bake --set *.args.A=1 -f - web", true, true, []),
            ("docker buildx bake --no-cache", false, true, [.noCacheGiven]),
            ("docker buildx bake --print", false, false, [.helpOrCheck]),
            ("docker buildx bake --set a.cache-to+=type=local,dest=/store/x", false, false, [.alreadyApplied]),
            ("docker buildx bake --set=a.cache-from=type=local,src=/store/x", false, false, [.alreadyApplied]),
            ("docker buildx bake --set a.args.X=a,b=/store/x", true, true, []),
            ("docker buildx bake --set a=type=local,src=/store/x", true, true, []),
            ("docker buildx bake https://example.invalid/r.git", false, false, [.definitionRemote]),
        ] as [(ByteString, Bool, Bool, [Reason])])
    func requests(_ line: ByteString, _ imports: Bool, _ exports: Bool, _ reasons: [Reason]) throws {
        let request = try Self.request(line)
        #expect(request.imports == imports && request.exports == exports)
        #expect(request.notes.map(\.reason) == reasons)
    }

    @Test("An unchanged target neither imports nor exports, and the others do")
    func unchanged() throws {
        let parts = try Self.parts(#"{"target":{"a":{},"b":{},"c":{}}}"#)
        let all = Self.offers(parts)
        let offers = [
            CacheOffer(importing: .leaving(Note(.importNotNeeded)), exporting: .leaving(Note(.exportNotNeeded))),
            CacheOffer(importing: all[1].importing, exporting: .leaving(Note(.exportNotNeeded))), all[2],
        ]
        let (additions, notes, _) = BakeCachePolicy.additions(
            to: parts, request: try Self.request("docker buildx bake"), offers: offers)
        #expect(additions.map(\.name) == ["b", "c"])
        #expect(additions.map { $0.importing != nil } == [true, true])
        #expect(additions.map { $0.exporting != nil } == [false, true])
        #expect(
            notes.map(\.reason) == [
                .importNotNeeded, .exportNotNeeded, .importAdded, .exportNotNeeded, .importAdded, .exportAdded,
            ])
        #expect(notes[0].detail == "a" && notes[1].detail == "a" && notes[3].detail == "b")
    }

    @Test("The parts of a command line by which its builds are recognized")
    func others() throws {
        let given: ByteString =
            "docker buildx bake --file - --progress=rawjson --metadata-file=/tmp/1 --allow=fs.read=/ --set=a.args.A=1 --load"
        #expect(try Self.bake(given).others == ["load=true"])
        #expect(try !Self.bake(given).isAskedAnew)
        #expect(
            try Self.bake("docker buildx bake --push --provenance=false a").others == ["push=true", "provenance=false"])
        #expect(
            try Self.bake("docker buildx bake --pull").isAskedAnew
                && Self.bake("docker buildx bake --no-cache").isAskedAnew)
    }

    @Test("Settings")
    func settings() throws {
        var settings = Settings()
        settings.buildCache = .off
        #expect(try Self.request("docker buildx bake", settings).notes == [Note(.buildCacheOff)])
        settings.buildCache = .importOnly
        let request = try Self.request("docker buildx bake", settings)
        #expect(request.imports && !request.exports && request.notes == [Note(.exportOff)])
    }

    @Test("Each target's lists are extended, directly after the command word, and one lease serves all")
    func targets() throws {
        let plan = try Self.plan("docker -D buildx bake -f - web", #"{"target":{"web":{},"db":{}}}"#)
        #expect(
            plan.arguments == [
                "docker", "-D", "buildx", "bake",
                "--set=web.cache-from+=type=local,src=/store/g,digest=sha256:web",
                "--set=web.cache-to+=type=local,dest=/store/g/web" + Self.exported,
                "--set=db.cache-from+=type=local,src=/store/g,digest=sha256:db",
                "--set=db.cache-to+=type=local,dest=/store/g/db" + Self.exported, "-f", "-", "web",
            ])
        #expect(plan.isChanged && plan.leases == ["/store/g/lease"])
        #expect(plan.notes.map(\.reason) == [.importAdded, .exportAdded, .importAdded, .exportAdded])
        let again = try Self.request(plan.arguments.joined(separator: " "))
        #expect(again.notes == [Note(.alreadyApplied)])
    }

    @Test("A note from the store about a target names it")
    func named() throws {
        let parts = try Self.parts(#"{"target":{"web":{},"db":{}}}"#)
        let offers = [
            CacheOffer(notes: [Note(.layerRejected, "sha256:a")]), CacheOffer(notes: [Note(.manifestRejected)]),
        ]
        let notes = BakeCachePolicy.additions(
            to: parts, request: try Self.request("docker buildx bake"), offers: offers
        ).notes
        #expect(notes.contains(Note(.layerRejected, "web, sha256:a")) && notes.contains(Note(.manifestRejected, "db")))
    }

    @Test("An older buildx gets the whole list")
    func wholeLists() throws {
        let plan = try Self.plan(
            "docker buildx bake", #"{"target":{"web":{"cache-from":["type=registry,ref=a","b"]}}}"#, .whole)
        #expect(
            plan.arguments == [
                "docker", "buildx", "bake", "--set=web.cache-from=type=registry,ref=a", "--set=web.cache-from=b",
                "--set=web.cache-from=type=local,src=/store/g,digest=sha256:web",
                "--set=web.cache-to=type=local,dest=/store/g/web" + Self.exported,
            ])
        for (line, expected) in [
            ("--set a.cache-from=x", false), ("--set *.cache-to=x", false), ("--set a.args.B=c", true),
        ] {
            let bake = try Self.bake("docker buildx bake " + ByteString(line))
            #expect(BakeCachePolicy.canAdd(to: bake, [], .whole) == expected)
            #expect(BakeCachePolicy.canAdd(to: bake, [], .everywhere) == expected)
            #expect(BakeCachePolicy.canAdd(to: bake, [], .appended))
        }
    }

    @Test("If targets may inherit, every list of every target is set, so that none gets another's entries")
    func inheritance() throws {
        let plan = try Self.plan(
            "docker buildx bake",
            #"{"target":{"a":{},"b":{"no-cache":true,"cache-to":["type=inline"]},"c":{"cache-from":["x"],"call":"check"}}}"#,
            BakeCachePolicy.Form(appends: true, mayInherit: true))
        #expect(
            plan.arguments.dropFirst(3) == [
                "--set=a.cache-from=type=local,src=/store/g,digest=sha256:a",
                "--set=a.cache-to=type=local,dest=/store/g/a" + Self.exported, "--set=b.cache-from=",
                "--set=b.cache-to=type=inline", "--set=c.cache-from=x", "--set=c.cache-to=",
            ])
        #expect(try !Self.plan("docker buildx bake", #"{"target":{"c":{"call":"check"}}}"#, .everywhere).isChanged)
    }

    @Test(
        "Credentials from a file never appear on a command line, and an entry that cannot be parsed is not repeated",
        arguments: [
            (#""cache-from":["type=s3,secret_access_key=x"]"#, false, false),
            (#""cache-from":[{"type":"gha","Token":"x"}]"#, false, false),
            (#""cache-to":["type=azblob,secret_access_key=x"]"#, true, false),
            (#""cache-to":[1]"#, true, false), (#""cache-from":["type=registry,ref=key/secret"]"#, true, true),
        ] as [(ByteString, Bool, Bool)])
    func credentials(_ field: ByteString, _ whole: Bool, _ everywhere: Bool) throws {
        let bake = try Self.bake("docker buildx bake")
        let parts = try Self.parts(#"{"target":{"a":{},"b":{"# + field + "}}}")
        #expect(BakeCachePolicy.canAdd(to: bake, parts, .appended))
        #expect(BakeCachePolicy.canAdd(to: bake, parts, .whole) == whole)
        #expect(BakeCachePolicy.canAdd(to: bake, parts, .everywhere) == everywhere)
    }

    @Test(
        "A target's own fields affect only that target",
        arguments: [
            (#""no-cache":true"#, [.noCacheGiven, .exportAdded]),
            (#""cache-to":["type=inline"]"#, [.userExport, .importAdded]),
            (#""cache-from":["type=local,src=/store/x"]"#, [.alreadyApplied]), (#""call":"check""#, [.helpOrCheck]),
            (#""cache-to":[1]"#, [.definitionUnclear]),
        ] as [(ByteString, [Reason])])
    func oneTarget(_ field: ByteString, _ reasons: [Reason]) throws {
        let plan = try Self.plan("docker buildx bake", #"{"target":{"a":{"# + field + #"},"b":{}}}"#)
        #expect(plan.notes.map(\.reason) == reasons + [.importAdded, .exportAdded])
        #expect(plan.notes.allSatisfy { $0.detail.hasPrefix("a") || $0.detail.hasPrefix("b") })
        let added = reasons.count { $0.rawValue < 100 }
        #expect(plan.arguments.count == 5 + added)
    }

    @Test("If nothing is added, the command stays unchanged")
    func nothing() throws {
        let line: ByteString = "docker buildx bake"
        let part = BakeCachePolicy.Part(
            try #require(BakeDefinition(#"{"target":{"a":{}}}"#)).targets[0], isOurs: Self.isOurs)
        let plan = BakeCachePolicy.plan(
            try Self.bake(line), line.split(" "), request: try Self.request(line), parts: [part],
            offers: [CacheOffer(importing: .leaving(Note(.nothingToImport)))], .appended)
        #expect(plan == .unchanged(line.split(" "), [Note(.nothingToImport, "a")]))
    }

    @Test("Targets that there was no time for get nothing, and no notes")
    func notLookedAt() throws {
        let parts = try Self.parts(#"{"target":{"a":{},"b":{"no-cache":true}}}"#)
        let (additions, notes, _) = BakeCachePolicy.additions(
            to: parts, request: try Self.request("docker buildx bake"), offers: Array(Self.offers(parts).prefix(1)))
        #expect(additions.map(\.name) == ["a"] && notes.allSatisfy { $0.detail.hasPrefix("a") })
    }

    @Test("The file for compose: only entries for the builds' lists, by the services' names")
    func composeFile() throws {
        let parts = try Self.parts(#"{"target":{"a_b":{},"c":{"no-cache":true}}}"#)
        let (additions, notes, leases) = BakeCachePolicy.additions(
            to: parts, request: try Self.request("docker buildx bake"), offers: Self.offers(parts))
        let text = BakeCachePolicy.composeFile(adding: additions, to: ["a_b": "a.b"])
        let expected: ByteString = """
            {"services":{"a.b":{"build":{"cache_from":["type=local,src=/store/g,digest=sha256:a_b"],\
            "cache_to":["type=local,dest=/store/g/a_b,mode=max,ignore-error=true"]}},\
            "c":{"build":{"cache_to":["type=local,dest=/store/g/c,mode=max,ignore-error=true"]}}}}

            """
        #expect(text == expected)
        #expect(notes.map(\.reason) == [.importAdded, .exportAdded, .noCacheGiven, .exportAdded])
        #expect(leases == ["/store/g/lease"])
    }
}
