import ArgumentParser
import Formats
import History
import Notes
import Planning
import Testing
import Warm

@testable import slipway

@Suite("Arguments of slipway")
struct WordsTests {
    private func status(_ words: [String]) -> Int32 {
        do {
            _ = try Slipway.parseAsRoot(words)
            return 0
        } catch {
            return Slipway.status(for: error)
        }
    }

    @Test("log: filters, separately and combined")
    func log() throws {
        let plain = try Log.parse([])
        #expect(plain.filter == .init() && plain.count == 20)
        let all = try Log.parse([
            "--since", "2026-09-01T08:00Z", "--code", "slp217", "--code=SLP214", "--declined", "-c", "3", "--json",
        ])
        #expect(all.filter.since == 1_788_249_600)
        #expect(all.filter.reasons == [.engineCannotExport, .engineSilent])
        #expect(all.filter.onlyDeclined && all.count == 3 && all.json)
        let hour = try #require(try Log.parse(["--since", "1h"]).filter.since)
        #expect(try Log.parse(["--since=0s"]).filter.since.map { (3_600...3_660).contains($0 - hour) } == true)
    }

    @Test("stats: since a time, and as text")
    func stats() throws {
        #expect(try Stats.parse([]).since.moment == nil)
        #expect(try Stats.parse(["--json", "--since", "2026-09-01T08:00Z"]).json)
        #expect(Stats.text(of: JournalStatistics(of: [])) == "nothing was recorded\n")
        let lines: [ByteString] = [
            #"{"time":60,"command":"build","changed":true,"notes":[{"code":"SLP001","message":"m"}]}"#,
            #"{"time":0,"command":"build","changed":false,"notes":[{"code":"SLP103","message":"m"}]}"#,
        ]
        let expected: ByteString = """
            from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z
            commands                 2  2 build
            changed                  1
            imports                  1
            exports                  0
              arrived                0  0 B new in the store
            unchanged                1
              SLP103                 1  help, checks and printed plans pass through unchanged

            """
        #expect(Stats.text(of: JournalStatistics(of: lines.compactMap(JournalEntry.init))) == expected)
    }

    @Test(
        "Bad usage exits with 2",
        arguments: [
            ["log", "--code", "SLP999"], ["log", "--code", "217"], ["log", "--code"], ["log", "--since", "soon"],
            ["log", "--since", "-1h"], ["log", "--last", "0"], ["log", "--nonesuch"], ["stats", "--since", "soon"],
            ["nonesuch"], ["explain"], ["warm", "--pip", "six"], ["trim", "--packages", "--keep", "1"],
            ["trim", "--packages", "--older-than", "30"], ["trim", "--packages", "--store", "/s"],
            ["purge", "--packages", "--key", "k"],
        ])
    func misuse(_ words: [String]) {
        #expect(status(words) == 2)
    }

    @Test("warm: the request, with docker's arguments unchanged")
    func warm() throws {
        let request = try WarmCommand.parse([
            "--image", "i", "--pip", "a b", "--pip=c", "-r", "r.txt", "--npm", "l.json", "--run-arg", "-e",
            "--run-arg=X=-1",
            "--go", "go.mod", "--add",
        ]).request
        #expect(request.image == "i" && request.isAddition && request.requirements == ["r.txt"])
        #expect(request.runArguments == ["-e", "X=-1"])
        #expect(request.values[.pip] == ["a b", "c"] && request.values[.npm] == ["l.json"])
        #expect(request.tools == [.pip, .npm, .go])
    }

    @Test("The output of warm, trim and status")
    func packageTexts() throws {
        var warmed = Warmed()
        (warmed.volumes, warmed.files, warmed.bytes, warmed.used) = (["g"], 1, 2000, ["npm 9"])
        (warmed.view, warmed.left) = (.plain, ["v"])
        #expect(
            warmed.text == """
                published g
                  1 file, 2.0 kB, fetched by npm 9
                  containers get views of it
                  could not be removed: v; `slipway trim --packages` does it later

                """)
        #expect(PackageUpkeep.text(.init(), dryRun: true) == "nothing to remove\n")
        let summary = PackageSummary(inventory: .init(volumes: [], dangling: []))
        #expect(summary.isEmpty && summary.bytes == nil)
    }

    @Test("A message says what to use instead")
    func messages() {
        for (words, text) in [
            (["log", "--code", "SLP999"], "docs/reasons.md lists all"), (["log", "--since", "soon"], "such as 2h"),
        ] {
            let error = #expect(throws: (any Error).self) { try Slipway.parseAsRoot(words) }
            #expect(error.map { Slipway.fullMessage(for: $0).contains(text) } == true)
        }
    }
}
