import CacheUnion
import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("Unions for several builds of one command")
struct UnionApartTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    private func record(of build: BuildIdentity) throws -> UnionRecord {
        let generation = try fixture.generation()
        return try #require(UnionRecord.read(generation.unionPath(.store, build.key), in: generation))
    }

    private func lookup(
        _ builds: [BuildIdentity], _ numbers: [Int], acting: Bool = true, until deadline: Deadline = .never
    ) -> CacheLookup {
        CacheLookup(of: fixture.opened(), for: builds, apart: numbers, acting: acting, until: deadline)
    }

    private func imported(_ builds: [BuildIdentity], _ numbers: [Int]) throws -> [Digest] {
        var lookup = lookup(builds, numbers)
        lookup.write()
        return try lookup.found.map { try #require($0?.digest) }
    }

    private func graph(_ manifest: Digest) throws -> CacheGraph {
        let generation = try fixture.generation()
        let path = generation.blobPath(manifest)
        let size = try Files.status(path).size
        var preflight = Preflight()
        let contents = try preflight.contents(of: .init(digest: manifest, size: size), in: generation)
        return try #require(contents.graph)
    }

    private func export(_ build: BuildIdentity, _ names: ByteString...) throws {
        for (index, name) in names.enumerated() { try fixture.export(for: build, at: 100 + Int64(index), name) }
    }

    @Test("Builds that share steps each import their own manifest of the same union", arguments: [true, false])
    func command(isPublished: Bool) throws {
        let build = try fixture.build()
        try export(build, "a", "b")
        if isPublished { fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max) }
        let digests = try imported([build, build, build, build], [0, 1, 2, 0])
        #expect(Set(digests).count == 3 && digests[3] == digests[0])
        for digest in digests.dropFirst() { #expect(try graph(digest) == graph(digests[0])) }
        let record = try record(of: build)
        #expect(record.manifest.digest == digests[0] && record.apart.map(\.manifest.digest) == Array(digests[1...2]))
        // They are available to the next build, which has no time to make any, and to a command that only looks.
        let shown = lookup([build, build, build], [0, 1, 2], acting: false)
        #expect(shown.found.map { $0?.digest } == Array(digests[0...2]))
        #expect(try imported([build], [0]) == [digests[0]])
        #expect(try self.record(of: build) == record)
    }

    @Test("The end of a command makes them for the next command like it")
    func published() throws {
        let build = try fixture.build()
        try export(build, "a", "b")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, apart: 2)
        let first = try record(of: build)
        #expect(first.apart.count == 2)
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, apart: 4)
        #expect(try record(of: build).apart.prefix(2) == first.apart[...])
        #expect(try record(of: build).apart.count == 4)
    }

    @Test("They are removed with their union")
    func replaced() throws {
        let build = try fixture.build()
        try export(build, "a", "b")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, apart: 2)
        let first = try record(of: build)
        try fixture.export(for: build, at: 300, "c")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
        var second = try record(of: build)
        #expect(second.apart.isEmpty && Set(first.named).isSubset(of: second.former.keys))
        #expect(Set(second.blobs).isSuperset(of: first.named))
        let generation = try fixture.generation()
        for blob in second.former.keys { second.former[blob] = Clock.now - 3_600_000_000_000 }
        try Files.replace(generation.unionPath(.store, build.key), with: second.text, mode: 0o644)
        try fixture.export(for: build, at: 400, "d")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
        for blob in first.named { #expect(Files.isMissing(generation.blobPath(blob))) }
    }

    @Test("Without time for one, or the right to write it, a build imports the union itself")
    func without() throws {
        let build = try fixture.build()
        try export(build, "a", "b")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, apart: 1)
        let record = try record(of: build)
        let generation = try fixture.generation()
        var offer = UnionOffer(of: [build, build, build], apart: [0, 1, 2], .store, in: generation)
        offer.prepare(canWrite: false, remember: false)
        #expect(offer.write() == nil)
        let wanted = [record.manifest.digest, record.apart[0].manifest.digest, record.manifest.digest]
        #expect(offer.imports.map { $0?.digest } == wanted)
        let spent = UnionApart.made(9, of: record, at: [], in: generation, until: Deadline { true })
        #expect(spent == record)
        #expect(try self.record(of: build) == record)
    }

    @Test("A damaged one is replaced by the union itself", arguments: [true, false])
    func damaged(isConfig: Bool) throws {
        let build = try fixture.build()
        try export(build, "a", "b")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, apart: 1)
        let record = try record(of: build)
        let blob = isConfig ? record.apart[0].config : record.apart[0].manifest
        try Files.remove(try fixture.generation().blobPath(blob.digest))
        let found = lookup([build, build], [0, 1], acting: false).found
        #expect(found.map { $0?.digest } == [record.manifest.digest, record.manifest.digest])
    }

    @Test("Trimming leaves none of their files behind", arguments: [true, false])
    func trimmed(isInPlace: Bool) throws {
        let build = try fixture.build()
        try export(build, "a", "b")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, apart: 2)
        let apart = try record(of: build).apart
        // Something must be removed, or there is nothing to do.
        try fixture.unfinished(for: build, at: 1)
        var trim = Trim(fixture.store, keeping: Retention(), dryRun: false)
        if isInPlace { trim.linkFile = { (_, _) throws(Errno) in throw .notPermitted } }
        #expect(try trim.run().outcome != .nothingToDo)
        let generation = try #require(try fixture.store.currentGeneration(of: fixture.store.user))
        for blob in apart.flatMap({ [$0.manifest, $0.config] }) {
            #expect(Files.isMissing(generation.blobPath(blob.digest)))
        }
        // The next build has them made again.
        #expect(Set(try imported([build, build], [0, 1])).count == 2)
    }
}
