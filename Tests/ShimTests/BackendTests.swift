import BuildCache
import DockerCommandLine
import Formats
import Notes
import Planning
import TestSupport
import Testing

@testable import Engine
@testable import Host
@testable import Shim

@Suite("Cache back ends and their offers")
struct BackendTests {
    private static let words: [ByteString] = ["docker", "build", "."]

    private static func build() throws -> BuildInvocation {
        guard case .build(let build) = Invocation.parse(words) else { throw NoBuild() }
        return build
    }

    private struct NoBuild: Error {}

    @Test("The options of the local store are quoted as CSV")
    func localOptions() {
        #expect(
            LocalStore.option(exportingTo: "/st,o\"re/e")
                == #"type=local,"dest=/st,o""re/e",mode=max,ignore-error=true"#)
        #expect(LocalStore.owns("/st/v1/u0/gen-000001/exports/k/i") && !LocalStore.owns("/st/v1/u0/x"))
    }

    @Test("A second shim recognizes an import that the first took from a registry")
    func directOptions() throws {
        let reference = "r.example:5000/team/app-1@sha256:" + ByteString("0123456789abcdef").repeated(4)
        var settings = Settings()
        settings.remote.prefix = "r.example:5000/team"
        let globals = try Self.build().globals
        #expect(DirectRegistry(settings, globals, beside: nil) == nil)
        settings.remote.mode = .direct
        let registry = try #require(DirectRegistry(settings, globals, beside: nil))
        #expect(registry.owns(reference) && !registry.owns("r.example:5000/team/app-1:tag"))
        #expect(
            DirectRegistry.option(importing: reference, isInsecure: true)
                == "type=registry,ref=" + reference + ",registry.insecure=true")
        #expect(
            DirectRegistry.option(importing: reference, isInsecure: false) == "type=registry,ref=" + reference)
    }

    /// A back end that in the end can provide only what `committed` says.
    private struct Promise: Reservation {
        let committed: CacheRequest
        let offer: CacheOffer

        func commit() -> CacheOffers {
            CacheOffers(request: committed, offers: [offer], builds: [], reservation: self)
        }

        var inheritance: [Detached.Inheritance] { [] }
        func supersede() {}
        func publish() {}
        func didUse() {}
    }

    private struct Command: BuildCommand {
        let build: BuildInvocation
        var request = CacheRequest(imports: true, exports: true, notes: [])
        let builds: [Build] = []
        var obstacleToSharing: Note? { nil }
        var namedContexts: [[ByteString]] { [] }
        var builder: BuilderRequest {
            BuilderRequest(route: .buildx, engine: EngineRequest(globals), builder: nil)
        }
        var globals: GlobalOptions { build.globals }
        var scan: Scan { build.scan }
        var total: Int { 1 }

        func plan(on sharedBuilder: ByteString) -> Plan { .unchanged(BackendTests.words, []) }

        func plan(_ request: CacheRequest, _ offers: [CacheOffer]) -> Plan {
            BuildCachePolicy.plan(build, BackendTests.words, request: request, offer: offers.first ?? CacheOffer())
        }
    }

    private static func decision(_ committed: CacheRequest) throws -> BuildDecision {
        let offer = CacheOffer(
            importing: .adding("type=local,src=/s", Note(.importAdded)),
            exporting: .adding("type=local,dest=/d", Note(.exportAdded)))
        let all = CacheRequest(imports: true, exports: true, notes: [])
        let offers = CacheOffers(
            request: all, offers: [offer], builds: [], reservation: Promise(committed: committed, offer: offer))
        let settings = Settings()
        return BuildDecision(
            Command(build: try build()),
            KnownBuilds([], of: 1, settings, .acting, within: Budget(nanoseconds: 60_000_000_000)), offers,
            BuildWait(settings))
    }

    @Test("A step that cannot be reserved is removed from the plan, with a note")
    func degraded() throws {
        let all = CacheRequest(imports: true, exports: true, notes: [])
        let draft = try Self.decision(all)
        #expect(draft.plan.arguments.count == 5 && draft.plan.notes.map(\.reason) == [.importAdded, .exportAdded])
        #expect(try draft.reserved().plan == draft.plan)
        let halved = try Self.decision(all.withoutExport(Note(.storeDiskLow))).reserved().plan
        #expect(halved.arguments == ["docker", "build", "--cache-from=type=local,src=/s", "."])
        #expect(halved.notes.map(\.reason) == [.storeDiskLow, .importAdded])
        let nothing = try Self.decision(all.refused(Note(.leaseNotKept))).reserved().plan
        #expect(nothing == .unchanged(Self.words, [Note(.leaseNotKept)]))
    }

    /// What the store offers to a build of a folder's, of which nothing is made yet.
    private static func offers(in folder: TemporaryFolder) throws -> CacheOffers {
        var settings = Settings()
        settings.store = folder["store"]
        settings.modes = .off
        settings.minimumFree = 0
        let build = Build(description: BuildDescription(try build(), in: folder.path))
        var known = KnownBuilds([build], of: 1, settings, .acting, within: Budget(nanoseconds: 60_000_000_000))
        var store = LocalStore(settings, .acting, within: Budget(nanoseconds: 60_000_000_000))
        let builder = BuilderFacts(
            name: "default", driver: "docker", context: "default", plugin: "/docker-buildx", buildx: nil, engine: nil,
            obstacleToExport: nil)
        let all = CacheRequest(imports: true, exports: true, notes: [])
        return store.offers(for: &known, all, by: builder, .withBuild)
    }

    @Test("The store makes nothing before an offer is reserved, and a failed step disables that part of the offer")
    func store() throws {
        let folder = try TemporaryFolder()
        let offers = try Self.offers(in: folder)
        let export = try #require(offers.builds.first?.export)
        #expect(offers.offers.first?.importing == .leaving(Note(.nothingToImport)))
        #expect(
            offers.offers.first?.exporting
                == .adding(LocalStore.option(exportingTo: export.path), Note(.exportAdded, export.path)))
        #expect(Files.isMissing(export.path))
        let kept = offers.reservation.commit()
        #expect(!Files.isMissing(export.path) && kept.request.exports && kept.exportedKeys.count == 1)

        // Another build of the key finds a file where its directory should be.
        let key = export.path.parentPath
        try Files.removeTree(key)
        try Files.replace(key, with: "", mode: 0o600)
        let left = try Self.offers(in: folder).reservation.commit()
        #expect(left.request.imports && !left.request.exports && left.exportedKeys.isEmpty)
        #expect(left.request.notes.map(\.reason) == [.storeNotWritable])
    }
}
