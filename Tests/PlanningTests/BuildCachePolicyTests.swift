import DockerCommandLine
import Formats
import Notes
import Planning
import TestSupport
import Testing

@Suite("What a build imports from the store and exports to it")
struct BuildCachePolicyTests {
    private static let store: ByteString = "/st,o\"re/v1/u0/gen-000001"
    private static let imported: ByteString = #"type=local,"src=/st,o""re/v1/u0/gen-000001",digest=sha256:1"#
    private static let exported: ByteString =
        #"type=local,"dest=/st,o""re/v1/u0/gen-000001/exports/k/i",mode=max,ignore-error=true"#
    private static let offer = CacheOffer(
        importing: .adding(imported, Note(.importAdded)), exporting: .adding(exported, Note(.exportAdded)),
        leases: [store + "/lease"], notes: [Note(.exportIncomplete, "x")])

    private static func isOurs(_ path: ByteString) -> Bool { path.hasPrefix(store) || path.hasPrefix("/other") }

    private static func invocation(_ arguments: [ByteString]) throws -> BuildInvocation {
        guard case .build(let build) = Invocation.parse(arguments) else {
            throw NotABuild(arguments: arguments)
        }
        return build
    }

    private struct NotABuild: Error { let arguments: [ByteString] }

    private static func request(_ arguments: [ByteString], _ settings: Settings = Settings()) throws
        -> CacheRequest
    {
        BuildCachePolicy.request(of: try invocation(arguments), settings, isOurs: isOurs)
    }

    private static func plan(_ arguments: [ByteString], _ offer: CacheOffer = offer) throws -> Plan {
        BuildCachePolicy.plan(try invocation(arguments), arguments, request: try request(arguments), offer: offer)
    }

    @Test(
        "A reference is a name below the prefix and a digest",
        arguments: [
            ("r.example/team/app@sha256:" + String(repeating: "a", count: 64), true),
            ("r.example/team/app@sha256:" + String(repeating: "a", count: 63), false),
            ("r.example/team/app@sha256:" + String(repeating: "g", count: 64), false),
            ("r.example/team/app:tag", false),
            ("r.example/team/a@sha256:" + String(repeating: "a", count: 64), true),
            ("r.example/team/.app@sha256:" + String(repeating: "a", count: 64), false),
            ("r.example/team/a,b@sha256:" + String(repeating: "a", count: 64), false),
            ("r.example/team/../x@sha256:" + String(repeating: "a", count: 64), false),
            ("r.example/teamster/app@sha256:" + String(repeating: "a", count: 64), false), ("", false),
        ])
    func references(_ text: String, _ isReference: Bool) {
        #expect(RemoteSettings.isReference(ByteString(text), below: "r.example/team") == isReference)
    }

    @Test("A deferred export does not change the command")
    func behind() throws {
        let left = CacheOffer.Direction.leaving(Note(.exportBehind))
        let plan = try Self.plan(
            ["docker", "build", "."],
            CacheOffer(importing: Self.offer.importing, exporting: left, notes: Self.offer.notes))
        #expect(plan.arguments.count == 4 && plan.arguments[2].hasPrefix("--cache-from="))
        #expect(plan.notes.map(\.reason) == [.exportIncomplete, .importAdded, .exportBehind])
        let unchanged = try Self.plan(["docker", "build", "."], CacheOffer(exporting: left))
        #expect(!unchanged.isChanged && unchanged.arguments == ["docker", "build", "."])
    }

    @Test(
        "Requests",
        arguments: [
            ("docker build .", true, true, []), ("docker buildx b -t x .", true, true, []),
            ("docker build --cache-from x .", true, true, []),
            ("docker build --no-cache .", false, true, [.noCacheGiven]),
            ("docker build --no-cache=false .", true, true, []),
            ("docker build --cache-to type=inline .", true, false, [.userExport]),
            ("docker build --cache-to= .", true, false, [.userExport]),
            ("docker build --no-cache --cache-to x .", false, false, [.noCacheGiven, .userExport]),
            ("docker build --help", false, false, [.helpOrCheck]),
            ("docker build --check .", false, false, [.helpOrCheck]),
            ("docker build --check=false .", true, true, []),
            ("docker build --call=outline .", false, false, [.helpOrCheck]),
            ("docker buildx build --print .", false, false, [.helpOrCheck]),
            ("docker build", false, false, [.commandNotUnderstood]),
            ("docker build a b", false, false, [.commandNotUnderstood]),
            ("docker build --help --no-cache --cache-to x", false, false, [.helpOrCheck]),
            ("docker build --cache-from type=local,src=/other/x .", false, false, [.alreadyApplied]),
            ("docker build --cache-to dest=/other .", false, false, [.alreadyApplied]),
            ("docker build --cache-from=a --cache-from=src=/other .", false, false, [.alreadyApplied]),
            ("docker build --cache-from /other .", true, true, []),
            ("docker build --cache-from \"src=/other .", true, true, []),
        ] as [(ByteString, Bool, Bool, [Reason])])
    func requests(_ line: ByteString, _ imports: Bool, _ exports: Bool, _ reasons: [Reason]) throws {
        let request = try Self.request(line.split(" "))
        #expect(request.imports == imports && request.exports == exports)
        #expect(request.notes.map(\.reason) == reasons)
        #expect(request.isEmpty == (!imports && !exports))
    }

    @Test(
        "Settings",
        arguments: [
            (.off, "docker build .", false, false, [.buildCacheOff]),
            (.importOnly, "docker build .", true, false, [.exportOff]),
            (.importOnly, "docker build --no-cache .", false, false, [.noCacheGiven, .exportOff]),
            (.importOnly, "docker build --cache-to x .", true, false, [.exportOff]),
            (.off, "docker build --help", false, false, [.helpOrCheck]),
        ] as [(Settings.BuildCache, ByteString, Bool, Bool, [Reason])])
    func settings(
        _ choice: Settings.BuildCache, _ line: ByteString, _ imports: Bool, _ exports: Bool, _ reasons: [Reason]
    ) throws {
        var settings = Settings()
        settings.buildCache = choice
        let request = try Self.request(line.split(" "), settings)
        #expect(request.imports == imports && request.exports == exports)
        #expect(request.notes.map(\.reason) == reasons)
    }

    @Test("The options come directly after the command word, quoted as CSV, the import before the export")
    func options() throws {
        let plan = try Self.plan(["docker", "--debug", "buildx", "build", "-t", "x", "."])
        #expect(
            plan.arguments == [
                "docker", "--debug", "buildx", "build",
                "--cache-from=" + Self.imported, "--cache-to=" + Self.exported, "-t", "x", ".",
            ])
        #expect(plan.isChanged)
        #expect(plan.leases == Self.offer.leases)
        #expect(plan.environment.isEmpty)
        #expect(plan.notes.map(\.reason) == [.exportIncomplete, .importAdded, .exportAdded])
    }

    @Test("Only what is requested is added, whatever the store offers")
    func requested() throws {
        let noCache = try Self.plan(["docker", "build", "--no-cache", "."])
        #expect(noCache.arguments.filter { $0.hasPrefix("--cache-from") }.isEmpty)
        #expect(noCache.arguments.count == 5)
        let ownExport = try Self.plan(["docker", "build", "--cache-to", "x", "."])
        #expect(ownExport.arguments.filter { $0.hasPrefix("--cache-to") } == ["--cache-to"])
        #expect(ownExport.arguments.filter { $0.hasPrefix("--cache-from=") }.count == 1)
    }

    @Test("A build that says nothing about caches imports and exports")
    func words() {
        #expect(CacheRequest(.init(), Settings()) == CacheRequest(imports: true, exports: true, notes: []))
    }

    @Test("A request only gets smaller, with a note for what it loses")
    func smaller() {
        let (early, late) = (Note(.noCacheGiven), Note(.storeDiskLow))
        for (imports, exports) in [(true, true), (true, false), (false, true), (false, false)] {
            let request = CacheRequest(imports: imports, exports: exports, notes: [early])
            #expect(request.isEmpty == (!imports && !exports))
            #expect(request.refused(late) == CacheRequest(imports: false, exports: false, notes: [early, late]))
            #expect(
                request.withoutExport(late)
                    == CacheRequest(imports: imports, exports: false, notes: exports ? [early, late] : [early]))
            #expect(request.adding([]) == request)
            #expect(
                request.adding([late]) == CacheRequest(imports: imports, exports: exports, notes: [early, late]))
        }
    }

    @Test("If the store offers nothing, the command stays unchanged, and the plan says why")
    func nothing() throws {
        let arguments: [ByteString] = ["docker", "build", "."]
        let plan = try Self.plan(
            arguments,
            CacheOffer(importing: .leaving(Note(.nothingToImport)), leases: ["/lease"], notes: [Note(.storeDiskLow)]))
        #expect(plan == .unchanged(arguments, [Note(.storeDiskLow), Note(.nothingToImport)]))
        #expect(!plan.isChanged && plan.leases.isEmpty)
    }

    @Test("The first build exports, and a note says that there was nothing to import")
    func first() throws {
        let plan = try Self.plan(
            ["docker", "build", "."],
            CacheOffer(importing: .leaving(Note(.nothingToImport)), exporting: Self.offer.exporting))
        #expect(plan.arguments == ["docker", "build", "--cache-to=" + Self.exported, "."])
        #expect(plan.notes.map(\.reason) == [.nothingToImport, .exportAdded])
    }

    private static let pieces: [ByteString] = [
        "-t", "x", "--tag=y", "-f", "Dockerfile", "--no-cache", "--no-cache=0", "--cache-from", "type=registry,ref=r",
        "--cache-to=type=inline", "--", ".", "", "--check", "--target=", "--platform", "linux/amd64", "--pull", "-q",
        "--nope",
        "--cache-from=type=local,src=/other", ByteString([0xFF]),
    ]

    @Test(
        "Removing what was added restores the command; a second time, nothing is added",
        arguments: 1...4 as ClosedRange<UInt64>)
    func properties(seed: UInt64) throws {
        var generator = Repeatable(seed: seed)
        var changed = 0
        for _ in 0..<1_500 {
            var line: [ByteString] =
                [["docker", "build"], ["docker", "-D", "buildx", "b"], ["docker", "image", "build"]]
                .randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                line.append(Self.pieces.randomElement(using: &generator) ?? "")
            }
            guard let build = try? Self.invocation(line) else { continue }
            let plan = try Self.plan(line)
            let added = plan.arguments.count - line.count
            var restored = plan.arguments
            restored.removeSubrange((build.commandWordIndex + 1)..<(build.commandWordIndex + 1 + added))
            #expect(restored == line)
            #expect(plan.isChanged == (added > 0))
            guard plan.isChanged else { continue }
            changed += 1
            let again = try Self.plan(plan.arguments)
            #expect(again.arguments == plan.arguments && !again.isChanged)
            #expect(again.notes.map(\.reason).contains(.alreadyApplied))
        }
        #expect(changed > 100)
    }
}
