import Formats
import Host
import Notes
import Synchronization
import TestSupport
import Testing

@testable import BuildCache

@Suite("The lookup: what a build imports")
struct CacheLookupTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    @Test("An empty store gives nothing, and nothing is made")
    func nothing() throws {
        let opened = fixture.opened(leasing: true)
        let lookup = CacheLookup(of: opened, for: [try fixture.build()], acting: true)
        #expect(lookup.digest == nil && lookup.notes.isEmpty && lookup.leases.isEmpty)
        #expect(opened.own == nil && opened.notes.isEmpty)
        #expect(try fixture.folder.names() == ["work"])
    }

    @Test("Both of BuildKit's formats", arguments: ManifestFormat.allCases)
    func formats(_ format: ManifestFormat) throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a", as: format)
        let lookup = fixture.lookup(for: build)
        #expect(
            lookup.found
                == [CacheLookup.Import(source: export.generation, digest: export.digest, exports: 1, keys: 1)])
        #expect(lookup.newest == [export.path] && lookup.notes.isEmpty)
    }

    @Test("The newest of several exports is the one that was complete last")
    func newest() throws {
        let build = try fixture.build()
        let exports = try [(300, "b"), (100, "a"), (200, "c")].map { try fixture.export(for: build, at: $0, $1) }
        #expect(fixture.lookup(for: build, acting: false).newest == [exports[0].path])
    }

    @Test("Leases are taken for what is imported, and only on request")
    func leases() throws {
        let build = try fixture.build()
        let generation = try fixture.generation()
        let empty = fixture.opened(leasing: true)
        #expect(CacheLookup(of: empty, for: [build], acting: true).leases.isEmpty)
        #expect(empty.own?.lease != nil && empty.own?.generation == generation)
        try fixture.export(for: build, at: 100, "a")
        #expect(fixture.lookup(for: build, leasing: true).leases.map(\.path) == [generation.leasePath])
        let looking = fixture.opened()
        #expect(CacheLookup(of: looking, for: [build], acting: false).leases.isEmpty)
        #expect(looking.own?.generation == generation && looking.own?.lease == nil)
    }

    @Test("Wherever time runs out, nothing is imported that was not checked completely, and a note says so")
    func timeSpent() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        var places: Set<ByteString> = []
        for most in 0..<100 {
            let (lookup, asked) = fixture.lookup(for: build, timeFor: most, acting: false)
            if lookup.digest != nil {
                #expect(lookup.digest == export.digest && !lookup.isCut)
                return #expect(most > 3 && places.contains(export.path))
            }
            #expect(lookup.notes.map(\.reason) == [.storeSearchCut])
            places.formUnion(lookup.notes.map(\.detail))
            // No check continues once the time is up.
            #expect(asked <= most + 8)
        }
        Issue.record("never found")
    }

    @Test("What a moment without time has cost is noted, though there is time again afterwards")
    func timeGivenBack() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let opened = fixture.opened()
        for number in 0..<100 {
            let questions = Atomic<Int>(0)
            let lookup = CacheLookup(
                of: opened, for: [build], acting: false,
                until: Deadline { questions.add(1, ordering: .relaxed).oldValue == number })
            #expect(lookup.digest == export.digest || lookup.isCut, "question \(number)")
            if questions.load(ordering: .relaxed) <= number { return #expect(number > 3 && !lookup.isCut) }
        }
        Issue.record("asked for ever")
    }

    @Test("A generation about to be deleted is not read")
    func busy() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let trimmer = try Descriptor.open(export.generation.leasePath)
        try trimmer.lock(.exclusive)
        var opened = fixture.opened(leasing: true)
        #expect(CacheLookup(of: opened, for: [build], acting: true).digest == nil && opened.own == nil)
        #expect(opened.notes.map(\.reason) == [.leaseBusy])
        #expect(try trimmer.status().kind == .regular)
        try opened.makeOwn()
        #expect(opened.own == nil && opened.notes.count == 1, "the reason is given once")
    }

    @Test("If another build makes the sub-store at the same time, both get its lease")
    func madeByAnother() throws {
        var opened = fixture.opened(leasing: true)
        let generation = try fixture.generation()
        try opened.makeOwn()
        #expect(opened.own?.generation == generation && opened.own?.lease != nil)
    }

    @Test("Everything that was built is found, whatever the branch and the arguments")
    func everything() throws {
        let build = try fixture.build("topic", ["A=1"])
        let own = try fixture.export(for: build, at: 100, "own")
        let arguments = try fixture.export(for: fixture.build("topic", ["A=2"]), at: 200, "other arguments")
        let branch = try fixture.export(for: fixture.build("other", ["B=1"]), at: 400, "other branch")
        try fixture.unfinished(for: build, at: 500)
        #expect(try fixture.finds(own, arguments, branch, for: build))
        #expect(fixture.lookup(for: build).found == fixture.lookup(for: try fixture.build("new")).found)
    }

    @Test("The sub-store of an untrusted user is not read")
    func trust() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: 100, "a")
        let opened = fixture.opened(trusted: [fixture.store.user + 1])
        #expect(CacheLookup(of: opened, for: [build], acting: true).digest == nil)
        #expect(opened.own == nil && opened.notes.isEmpty)
        #expect(fixture.lookup(for: build, trusted: []).digest == nil)
    }

    @Test("Damaged exports do not hide good ones, and only so many are examined")
    func damaged() throws {
        let build = try fixture.build()
        let good = try fixture.export(for: build, at: 1, "good")
        for number in 0..<31 {
            let torn = try fixture.export(for: build, at: 100 + Int64(number), ByteString(decimal: number))
            try Files.replace(torn.index, with: "{", mode: 0o644)
        }
        #expect(fixture.lookup(for: build).digest == good.digest)
        let last = try fixture.export(for: build, at: 200, "last")
        try Files.replace(last.index, with: "{", mode: 0o644)
        let lookup = fixture.lookup(for: build)
        #expect(lookup.digest == nil)
        #expect(lookup.notes.map(\.reason) == [Reason](repeating: .exportIncomplete, count: 32))
    }

    @Test("At most 512 KiB of manifests and configs are merged, the newest")
    func bytes() throws {
        let build = try fixture.build()
        let all = try (0..<4).map {
            try fixture.export(for: build, at: 100 + Int64($0), ByteString(decimal: $0), padding: 300_000)
        }
        #expect(try fixture.finds(all[3], all[2], for: build))
        #expect(try !fixture.finds(all[1], for: build))
        // After one that is just large enough, none is read any more.
        let size = all[3].manifest.size - 300_000 + all[3].config.size
        let short = try fixture.export(for: build, at: 104, "4", padding: (512 << 10) - size - 1)
        #expect(try fixture.finds(short, all[3], for: build))
        let exact = try fixture.export(for: build, at: 105, "5", padding: (512 << 10) - size)
        #expect(try fixture.finds(exact, for: build))
        #expect(try !fixture.finds(short, for: build))
    }
}
