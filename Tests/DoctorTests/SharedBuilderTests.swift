import Formats
import Planning
import Testing

@testable import Doctor

@Suite("Shared builders, for the doctor")
struct SharedBuilderTests {
    @Test("Whether builds reach those that are set")
    func set() {
        var facts = SharedBuilderFacts(isClassic: true)
        facts.builders = [
            ("team-0", .answers(3)), ("team-1", .silent("timed out")), ("old", .unusable("there is no such builder")),
        ]
        #expect(
            facts.findings() == [
                Finding(.sharedBuilderAnswers, "team-0, after 3 ms"),
                Finding(.sharedBuilderSilent, "team-1: timed out", path: "team-1"),
                Finding(.sharedBuilderUnusable, "old: there is no such builder", path: "old"),
            ])
        #expect(facts.findings()[1].fix == "slipway builder check team-1")
    }

    @Test(
        "Whether one would help: where nothing is exported, or several engines fill cache mounts of their own",
        arguments: [
            (false, 1, false, .sharedBuilderNotNeeded), (true, 1, false, .sharedBuilderWouldHelp),
            (false, 2, true, .sharedBuilderWouldHelp), (false, 1, true, .sharedBuilderNotNeeded),
            (false, 3, false, .sharedBuilderNotNeeded),
        ] as [(Bool, Int, Bool, Check)])
    func unset(isClassic: Bool, engines: Int, hasCacheMounts: Bool, check: Check) {
        let facts = SharedBuilderFacts(isClassic: isClassic, engines: engines, hasCacheMounts: hasCacheMounts)
        #expect(facts.findings().map(\.check) == [check])
    }

    @Test("Builds that reach a shared builder share, whatever this engine can")
    func verdict() {
        #expect(Report([Finding(.engineCannotExport)]).verdict.name == "imported-only")
        #expect(Report([Finding(.engineCannotExport), Finding(.sharedBuilderAnswers)]).verdict.name == "shared")
        #expect(Report([Finding(.dockerMissing), Finding(.sharedBuilderAnswers)]).verdict.name == "not-shared")
    }
}
