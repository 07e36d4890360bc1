import Formats
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("Candidates: which exports are near")
struct CandidateTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    private func list(for build: BuildIdentity, now: Int64 = .max) throws -> [Candidate] {
        Candidate.list(in: try fixture.generation(), for: build, now: now)
    }

    @Test(
        "Ranks",
        arguments: [
            ("topic", ["A=1"], .sameBranchAndArguments), ("topic", ["A=2"], .sameBranch),
            ("main", ["A=1"], .defaultBranchSameArguments), ("master", ["A=1"], .defaultBranchSameArguments),
            ("main", [], .defaultBranch), ("other", ["A=1"], .other), ("other", [], .other),
        ] as [(ByteString, [ByteString], Candidate.Rank)])
    func ranks(_ branch: ByteString, _ arguments: [ByteString], _ rank: Candidate.Rank) throws {
        let build = try fixture.build("topic", ["A=1"])
        #expect(Candidate.Rank(of: Variant(branch: branch, arguments: arguments), for: build) == rank)
    }

    @Test("On the default branch itself, one's own branch comes first")
    func defaultBranch() throws {
        let build = try fixture.build("main")
        #expect(Candidate.Rank(of: build.variant, for: build) == .sameBranchAndArguments)
        #expect(Candidate.Rank.allCases == Candidate.Rank.allCases.sorted())
    }

    @Test("Only complete exports of this key")
    func complete() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        try fixture.export(for: fixture.build(target: "other"), at: 100, "b")
        let unfinished = try fixture.unfinished(for: build, at: 200)
        let empty = try fixture.unfinished(for: build, at: 300)
        try Files.replace(empty.appending(path: "index.json"), with: "", mode: 0o644)
        let linked = try fixture.unfinished(for: build, at: 400)
        try Files.makeLink(linked.appending(path: "index.json"), to: export.index)
        let foreign = export.path.parentPath.appending(path: "no-name-of-ours")
        try Files.makeDirectory(foreign, mode: 0o755)
        try Files.replace(foreign.appending(path: "index.json"), with: export.manifest.index, mode: 0o644)
        #expect(try list(for: build).map(\.path) == [export.path])
        #expect(try Files.status(unfinished).kind == .directory)
    }

    @Test("The time of an index counts, but never the future")
    func clock() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        #expect(try list(for: build, now: 200_000_000_000).map(\.completed) == [100_000_000_000])
        try fixture.setTime(of: export.index, seconds: 4_000_000_000)
        #expect(try list(for: build, now: 200_000_000_000).map(\.completed) == [200_000_000_000])
    }

    @Test("Somebody else's generation holds only what is his")
    func owner() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let foreign = Generation(path: export.generation.path, owner: export.generation.owner + 1)
        #expect(Candidate.list(in: foreign, for: build, now: .max).isEmpty)
        #expect(Candidate.list(in: Generation(path: "/nonexistent", owner: 0), for: build, now: .max).isEmpty)
    }

    @Test("However many builds failed since, what was complete before is found")
    func failedBuilds() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        for number in 0..<100 { try fixture.unfinished(for: build, at: 200 + Int64(number)) }
        #expect(try list(for: build).map(\.path) == [export.path])
    }

    @Test("Of many rebuilds the newest are enough, and of other branches what is left")
    func rebuilds() throws {
        let build = try fixture.build()
        try fixture.export(for: fixture.build("other"), at: 1000, "other")
        for number in 0..<15 { try fixture.export(for: build, at: 100 + Int64(number), "same") }
        #expect(try list(for: build).filter { $0.rank == .other }.count == 1)
        for number in 15..<20 { try fixture.export(for: build, at: 100 + Int64(number), "same") }
        let found = try list(for: build)
        #expect(found.count == 16)
        #expect(found.map(\.completed).min() == 104_000_000_000)
        #expect(found.allSatisfy { $0.rank == .sameBranchAndArguments })
    }
}
