import Formats
import Host
import Notes
import Synchronization
import TestSupport
import Testing

@testable import BuildCache

@Suite("The survey: what a build imports")
struct SurveyTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    @Test("Of an empty store nothing, and nothing is made")
    func nothing() throws {
        let opened = fixture.opened(leasing: true)
        let survey = Survey(of: opened, for: try fixture.build())
        #expect(survey.nearest == nil && survey.notes.isEmpty && survey.lease == nil)
        #expect(opened.own == nil && opened.notes.isEmpty)
        #expect(try fixture.folder.names() == ["work"])
    }

    @Test("Both of BuildKit's formats", arguments: ManifestFormat.allCases)
    func formats(_ format: ManifestFormat) throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a", as: format)
        let survey = fixture.survey(for: build)
        #expect(survey.nearest == Survey.Import(source: export.generation, digest: export.digest, export: export.path))
        #expect(survey.notes.isEmpty)
    }

    @Test("Leases are taken of what is imported from, and only when asked for")
    func leases() throws {
        let build = try fixture.build()
        let generation = try fixture.generation()
        let empty = fixture.opened(leasing: true)
        #expect(Survey(of: empty, for: build).lease == nil)
        #expect(empty.own?.lease != nil && empty.own?.generation == generation)
        try fixture.export(for: build, at: 100, "a")
        #expect(fixture.survey(for: build, leasing: true).lease?.path == generation.leasePath)
        let looking = fixture.opened()
        #expect(Survey(of: looking, for: build).lease == nil)
        #expect(looking.own?.generation == generation && looking.own?.lease == nil)
    }

    @Test("Wherever time runs out, nothing is imported that was not looked at whole, and a note says so")
    func timeSpent() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let opened = fixture.opened()
        for most in 0..<100 {
            let questions = Atomic<Int>(0)
            let survey = Survey(
                of: opened, for: build, until: Deadline { questions.add(1, ordering: .relaxed).oldValue >= most })
            if survey.nearest != nil {
                #expect(survey.nearest?.digest == export.digest && !survey.isCut)
                return #expect(most > 3)
            }
            #expect(survey.notes.map(\.reason) == [.storeSearchCut])
            // Nobody goes on after a no.
            #expect(questions.load(ordering: .relaxed) <= most + 8)
        }
        Issue.record("never found")
    }

    @Test("A generation about to be deleted is not read")
    func busy() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let trimmer = try Descriptor.open(export.generation.leasePath)
        try trimmer.lock(.exclusive)
        var opened = fixture.opened(leasing: true)
        #expect(Survey(of: opened, for: build).nearest == nil && opened.own == nil)
        #expect(opened.notes.map(\.reason) == [.leaseBusy])
        #expect(try trimmer.status().kind == .regular)
        try opened.makeOwn()
        #expect(opened.own == nil && opened.notes.count == 1, "the reason is given once")
    }

    @Test("Where another build makes the sub-store at the same time, both have its lease")
    func madeByAnother() throws {
        var opened = fixture.opened(leasing: true)
        let generation = try fixture.generation()
        try opened.makeOwn()
        #expect(opened.own?.generation == generation && opened.own?.lease != nil)
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

    @Test("The nearest, however old; without it the next nearest")
    func nearest() throws {
        for export in try near() {
            #expect(fixture.survey(for: try fixture.build("topic", ["A=1"])).digest == export.digest)
            try Files.remove(export.index)
        }
        #expect(fixture.survey(for: try fixture.build("topic", ["A=1"])).nearest == nil)
    }

    @Test("No kind pushes another out, however many there are of it")
    func crowding() throws {
        let near = try near()
        for number in 0..<100 {
            let word = ByteString(decimal: number)
            try fixture.export(for: fixture.build("crowd" + word, ["A=1"]), at: 1000 + Int64(number), "new " + word)
            try fixture.export(for: fixture.build("topic", ["B=" + word]), at: 500 + Int64(number), "newer " + word)
            try fixture.unfinished(for: fixture.build("topic", ["A=1"]), at: 2000 + Int64(number))
        }
        #expect(fixture.survey(for: try fixture.build("topic", ["A=1"])).digest == near.first?.digest)
    }

    @Test("Four sets of arguments on one branch are each found again")
    func argumentSets() throws {
        let exports = try (0..<4).map { number in
            try fixture.export(
                for: fixture.build("topic", ["A=" + ByteString(decimal: number)]), at: 100 + Int64(number),
                ByteString(decimal: number))
        }
        for number in 0..<4 {
            let build = try fixture.build("topic", ["A=" + ByteString(decimal: number)])
            #expect(fixture.survey(for: build).digest == exports[number].digest)
        }
    }

    @Test("Of one kind the newest")
    func newest() throws {
        let build = try fixture.build()
        let exports = try (0..<6).map { try fixture.export(for: build, at: 100 + Int64($0), ByteString(decimal: $0)) }
        #expect(fixture.survey(for: build).digest == exports.last?.digest)
    }

    @Test("Newest is when it ended, not when it began")
    func completion() throws {
        let build = try fixture.build()
        let slow = try fixture.export(for: build, at: 100, "slow")
        try fixture.export(for: build, at: 200, "quick")
        try fixture.setTime(of: slow.index, seconds: 300)
        #expect(fixture.survey(for: build).digest == slow.digest)
    }

    @Test("The default branch with the same arguments comes before one with others")
    func defaultBranch() throws {
        let same = try fixture.export(for: fixture.build("main", ["A=1"]), at: 100, "same")
        try fixture.export(for: fixture.build("main", ["A=2"]), at: 200, "other")
        #expect(fixture.survey(for: try fixture.build("topic", ["A=1"])).digest == same.digest)
    }

    @Test("A sub-store of somebody who is not trusted is not read")
    func trust() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: 100, "a")
        let opened = fixture.opened(trusted: [fixture.store.user + 1])
        #expect(Survey(of: opened, for: build).nearest == nil && opened.own == nil && opened.notes.isEmpty)
        #expect(fixture.survey(for: build, trusted: []).nearest == nil)
    }

    @Test("At most eight indexes are read")
    func indexes() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: 1, "good")
        for number in 0..<9 {
            let torn = try fixture.export(for: build, at: 100 + Int64(number), ByteString(decimal: number))
            try Files.replace(torn.index, with: "{", mode: 0o644)
        }
        let survey = fixture.survey(for: build)
        #expect(survey.nearest == nil)
        #expect(survey.notes.map(\.reason) == [Reason](repeating: .exportIncomplete, count: 8))
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
        #expect(survey.digest == good.digest)
        #expect(survey.notes.count == 5)
    }

    @Test("At most 2 MiB of manifests and configs are read")
    func bytes() throws {
        let build = try fixture.build()
        let big = try (0..<3).map { number in
            let export = try fixture.export(
                for: build, at: 100 - Int64(number), ByteString(decimal: number), padding: 900_000)
            for layer in export.layers { try? Files.remove(layer.path) }
            return export
        }
        try fixture.export(for: build, at: 10, "small")
        let survey = fixture.survey(for: build)
        #expect(survey.notes.map(\.reason).prefix(2) == [.layerRejected, .layerRejected])
        #expect(survey.notes.contains(Note(.metadataBudgetSpent, big[2].digest)))
    }
}
