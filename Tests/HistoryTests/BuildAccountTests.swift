import Formats
import History
import Testing

@Suite("What builds cost and saved")
struct BuildAccountTests {
    private func entry(
        _ steps: [(ByteString, Bool, Int64)], of repository: ByteString = "r", export: Int64? = nil,
        imported: Bool = true, began: Int = 1
    ) -> LedgerEntry {
        LedgerEntry(
            began: began, process: 2, repository: repository, export: export.map { _ in "/e" }, hasImported: imported,
            dockerfile: "d",
            outcome: BuildOutcome(
                steps: steps.map {
                    .init(stage: "", number: 2, instruction: "RUN", digest: $0.0, isCached: $0.1, duration: $0.2)
                }, export: export))
    }

    @Test("Cached steps count with the time that they took when they ran")
    func saved() throws {
        let account = try #require(
            BuildAccount.accounts(of: [
                entry([("a", false, 5_000), ("b", false, 7_000)], export: 100, imported: false),
                entry([("a", true, 1), ("b", true, 1)], export: 50),
                // From the engine's own cache, or never measured: no time saved.
                entry([("a", true, 1)], imported: false), entry([("c", true, 9)]),
            ]).first)
        #expect((account.builds, account.steps, account.cached) == (4, 6, 4))
        #expect((account.saved, account.exports, account.exporting) == (12_000, 2, 150))
        #expect(account.pays)
    }

    @Test("Ten builds whose exports took longer than they saved do not pay, but nine may")
    func pays() throws {
        let cheap = (1...9).map { entry([("a", false, 1)], export: 10, began: $0) }
        #expect(try #require(BuildAccount.accounts(of: cheap).first).pays)
        let ten = cheap + [entry([("a", true, 1)], export: 10, began: 10)]
        #expect(try !#require(BuildAccount.accounts(of: ten).first).pays)
        // High costs from long ago no longer count.
        let good = (12...21).map { entry([("b", true, 1)], export: 1, began: $0) }
        let all = ten + [entry([("b", false, 100)], began: 11)] + good
        #expect(try #require(BuildAccount.accounts(of: all).first).pays)
    }

    @Test("A bake counts as one of the ten, however many targets it has")
    func commands() throws {
        let bake = (1...20).map { entry([("a" + ByteString(decimal: $0), false, 1)], export: 10, imported: false) }
        let account = try #require(BuildAccount.accounts(of: bake).first)
        #expect(account.pays && account.builds == 20 && account.recent == (1, 200, 0))
        let later = (2...10).map { entry([("a1", true, 1)], export: 10, began: $0) }
        #expect(try !#require(BuildAccount.accounts(of: bake + later).first).pays)
    }

    @Test("One account for each repository, the latest first; lines are read back, except torn ones")
    func lines() throws {
        let entries = [
            entry([("a", false, 2_000_000)], of: "old"), entry([("a", true, 0)], of: "new", export: 3_000_000),
        ]
        #expect(BuildAccount.accounts(of: entries).map(\.repository) == ["new", "old"])
        for entry in entries {
            let text = entry.json.text
            #expect(LedgerEntry(text) == entry)
            for length in 0..<text.count { #expect(LedgerEntry(text.prefix(length)) == nil) }
        }
    }
}
