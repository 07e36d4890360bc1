import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("The survey: what a build imports")
struct SurveyTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    @Test("Of an empty store nothing, and nothing is made")
    func nothing() throws {
        let survey = try fixture.survey(for: fixture.build(), leasing: true)
        #expect(survey.imports.isEmpty && survey.notes.isEmpty && survey.leases.isEmpty && survey.own == nil)
        #expect(try fixture.folder.names() == ["work"])
    }

    @Test("Both of BuildKit's formats", arguments: ManifestFormat.allCases)
    func formats(_ format: ManifestFormat) throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a", as: format)
        let survey = fixture.survey(for: build)
        #expect(survey.imports == [Survey.Import(source: export.generation, digest: export.digest)])
        #expect(survey.notes.isEmpty)
    }

    @Test("Leases are taken of what is imported from, and only when asked for")
    func leases() throws {
        let build = try fixture.build()
        let generation = try fixture.generation()
        let empty = fixture.survey(for: build, leasing: true)
        #expect(empty.leases.isEmpty && empty.own?.lease != nil && empty.own?.generation == generation)
        try fixture.export(for: build, at: 100, "a")
        #expect(fixture.survey(for: build, leasing: true).leases.map(\.path) == [generation.leasePath])
        let looking = fixture.survey(for: build)
        #expect(looking.leases.isEmpty && looking.own?.generation == generation && looking.own?.lease == nil)
    }

    @Test("A generation about to be deleted is not read")
    func busy() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let trimmer = try Descriptor.open(export.generation.leasePath)
        try trimmer.lock(.exclusive)
        let survey = fixture.survey(for: build, leasing: true)
        #expect(survey.imports.isEmpty && survey.own == nil)
        #expect(survey.notes.map(\.reason) == [.leaseBusy])
        #expect(try trimmer.status().kind == .regular)
    }

    /// The exports of a store by what they are to a build of "topic" with A=1, the nearest first.
    private func near() throws -> [StoredExport] {
        [
            try fixture.export(for: fixture.build("topic", ["A=1"]), at: 100, "own"),
            try fixture.export(for: fixture.build("topic", ["A=2"]), at: 200, "other arguments"),
            try fixture.export(for: fixture.build("main", ["A=1"]), at: 300, "default"),
            try fixture.export(for: fixture.build("other", ["A=1"]), at: 400, "other branch"),
        ]
    }

    @Test("One of each kind, the nearest first, however old")
    func slots() throws {
        let near = try near()
        #expect(fixture.survey(for: try fixture.build("topic", ["A=1"])).digests == near.map(\.digest))
    }

    @Test("No kind pushes another out, however many there are of it")
    func crowding() throws {
        let near = try near()
        for number in 0..<12 {
            let content = "new " + ByteString(decimal: number)
            try fixture.export(
                for: fixture.build("crowd" + ByteString(decimal: number), ["A=1"]), at: 1000 + Int64(number), content)
            try fixture.export(
                for: fixture.build("topic", ["B=" + ByteString(decimal: number)]), at: 50 + Int64(number), content + "b"
            )
            try fixture.unfinished(for: fixture.build("topic", ["A=1"]), at: 2000 + Int64(number))
        }
        let digests = fixture.survey(for: try fixture.build("topic", ["A=1"])).digests
        #expect(digests.count == 4)
        #expect(Array(digests.prefix(3)) == near.prefix(3).map(\.digest))
    }

    @Test("Four sets of arguments on one branch are all found again by each")
    func argumentSets() throws {
        let exports = try (0..<4).map { number in
            try fixture.export(
                for: fixture.build("topic", ["A=" + ByteString(decimal: number)]), at: 100 + Int64(number),
                ByteString(decimal: number))
        }
        for number in 0..<4 {
            let survey = fixture.survey(for: try fixture.build("topic", ["A=" + ByteString(decimal: number)]))
            #expect(survey.digests.first == exports[number].digest)
            #expect(Set(survey.digests) == Set(exports.map(\.digest)))
        }
    }

    @Test("Of one kind the newest, up to four")
    func newest() throws {
        let build = try fixture.build()
        let exports = try (0..<6).map { try fixture.export(for: build, at: 100 + Int64($0), ByteString(decimal: $0)) }
        #expect(fixture.survey(for: build).digests == exports.reversed().prefix(4).map(\.digest))
    }

    @Test("Newest is when it ended, not when it began")
    func completion() throws {
        let build = try fixture.build()
        let slow = try fixture.export(for: build, at: 100, "slow")
        let quick = try fixture.export(for: build, at: 200, "quick")
        try fixture.setTime(of: slow.index, seconds: 300)
        #expect(fixture.survey(for: build).digests == [slow.digest, quick.digest])
    }

    @Test("The default branch with the same arguments comes before one with others")
    func defaultBranch() throws {
        let same = try fixture.export(for: fixture.build("main", ["A=1"]), at: 100, "same")
        let other = try fixture.export(for: fixture.build("main", ["A=2"]), at: 200, "other")
        #expect(fixture.survey(for: try fixture.build("topic", ["A=1"])).digests == [same.digest, other.digest])
    }

    @Test("Identical rebuilds are imported once, and make room for others")
    func duplicates() throws {
        let build = try fixture.build()
        let near = try fixture.export(for: build, at: 90, "before")
        let other = try fixture.export(for: fixture.build("other"), at: 50, "other")
        let same = try (0..<3).map { try fixture.export(for: build, at: 100 + Int64($0), "same") }
        let survey = fixture.survey(for: build)
        #expect(survey.digests == [same[0].digest, other.digest, near.digest])
        #expect(survey.notes.isEmpty)
    }

    @Test("A duplicate makes room for the next of its kind before another kind's turn")
    func turns() throws {
        let build = try fixture.build()
        let own = try ["near", "same", "same"].enumerated().map {
            try fixture.export(for: build, at: 100 + Int64($0.offset), $0.element)
        }
        let others = try ["older", "newer"].enumerated().map {
            try fixture.export(for: fixture.build("other"), at: 100 + Int64($0.offset), $0.element)
        }
        let expected = [own[2], others[1], own[0], others[0]]
        #expect(fixture.survey(for: build).digests == expected.map(\.digest))
    }

    @Test("One digest in two sub-stores is imported once, from one's own")
    func twoStores() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let survey = fixture.survey(for: build, trusted: [fixture.store.user, fixture.store.user + 1])
        #expect(survey.imports.map(\.source) == [export.generation])
        let twice = fixture.survey(for: build, trusted: [fixture.store.user, fixture.store.user])
        #expect(twice.imports.count == 1)
    }

    @Test("A sub-store of somebody who is not trusted is not read")
    func trust() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: 100, "a")
        let survey = fixture.survey(for: build, trusted: [fixture.store.user + 1])
        #expect(survey.imports.isEmpty && survey.own == nil && survey.notes.isEmpty)
        #expect(fixture.survey(for: build, trusted: []).imports.isEmpty)
    }

    @Test("At most eight indexes are read")
    func indexes() throws {
        let good = try fixture.export(for: fixture.build("topic"), at: 1, "good")
        for (branch, arguments): (ByteString, [ByteString]) in [
            ("topic", []), ("topic", ["A=1"]), ("main", []), ("x", []),
        ] {
            for number in 0..<3 {
                let content = branch + ByteString(decimal: number) + (arguments.first ?? "")
                let torn = try fixture.export(for: fixture.build(branch, arguments), at: 100 + Int64(number), content)
                try Files.replace(torn.index, with: "{", mode: 0o644)
            }
        }
        let survey = fixture.survey(for: try fixture.build("topic"))
        #expect(survey.imports.isEmpty)
        #expect(survey.notes.map(\.reason) == [Reason](repeating: .exportIncomplete, count: 8))
        #expect(good.digest.count == 71)
    }

    @Test("A few damaged ones hide no good one")
    func fewDamaged() throws {
        let build = try fixture.build()
        let good = try fixture.export(for: build, at: 1, "good")
        for number in 0..<5 {
            let torn = try fixture.export(for: build, at: 100 + Int64(number), ByteString(decimal: number))
            try Files.replace(torn.index, with: "{", mode: 0o644)
        }
        let survey = fixture.survey(for: build)
        #expect(survey.digests == [good.digest])
        #expect(survey.notes.count == 5)
    }

    @Test("At most 2 MiB of manifests and configs are read")
    func bytes() throws {
        let build = try fixture.build()
        let big = try (0..<3).map {
            try fixture.export(for: build, at: 100 - Int64($0), ByteString(decimal: $0), padding: 900_000)
        }
        let small = try fixture.export(for: build, at: 10, "small")
        let survey = fixture.survey(for: build)
        #expect(survey.digests == [big[0].digest, big[1].digest, small.digest])
        #expect(survey.notes == [Note(.metadataBudgetSpent, big[2].digest)])
    }
}
