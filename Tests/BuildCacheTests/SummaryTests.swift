import Formats
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("What a part of a store holds")
struct SummaryTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    /// Three of each key.
    private func trim() throws(Rejection) {
        var retention = Retention()
        retention.mostOfKey = 3
        _ = try Trim(fixture.store, keeping: retention, dryRun: false).run()
    }

    private func summary(
        checkpoint: (Inventory.Step) throws(Rejection) -> Void = { _ in }
    ) throws -> PartSummary? {
        let layout = fixture.store.layout
        return try layout.parts.first.flatMap { try PartSummary(of: $0, in: fixture.store, checkpoint: checkpoint) }
    }

    @Test("Keys with bytes of their own and shared ones, the last used first")
    func keys() throws {
        #expect(try summary() == nil)
        let app = try fixture.build()
        let other = try fixture.build(target: "other")
        let first = try fixture.export(for: app, at: 100, "same")
        try fixture.export(for: other, at: 200, "same")
        let own = try fixture.export(for: other, at: 300, "own")
        try fixture.unfinished(for: app, at: 400)
        let bad = try fixture.export(for: try fixture.build("branch"), at: 50, "bad")
        try Files.remove(bad.config.path)
        let summary = try #require(try summary())
        #expect(summary.keys.map(\.name) == [other.key.directoryName, app.key.directoryName])
        let size = { (export: StoredExport) in
            ([export.manifest, export.config] + export.layers).reduce(0) { $0 + UInt64($1.size) }
        }
        #expect(summary.keys.map(\.ownBytes) == [size(own), 0])
        #expect(summary.keys.map(\.sharedBytes) == [size(first), size(first)])
        #expect(summary.keys.map(\.complete) == [2, 1])
        #expect(summary.keys[1].unfinished == 1 && summary.keys[1].damaged == 1 && summary.keys[1].variants == 2)
        #expect(summary.keys[0].lastUsed == 300_000_000_000)
        #expect(summary.usage.live == size(own) + size(first))
        #expect(summary.usage.orphaned == size(bad) - UInt64(bad.config.size))
    }

    @Test("Generations, and who holds their leases")
    func generations() throws {
        let build = try fixture.build()
        for number in 1...4 { try fixture.export(for: build, at: Int64(number), ByteString(decimal: number)) }
        let old = try #require(try fixture.store.currentGeneration(of: fixture.store.user))
        let lease = try Lease.take(of: old)
        #expect(try summary()?.generations.map { $0.holders.map(\.process) } == [[Kernel.processID]])
        try trim()
        let summary = try #require(try summary())
        #expect(summary.generations.map(\.name) == ["gen-000002", "gen-000001"])
        #expect(summary.generations.map(\.isCurrent) == [true, false])
        #expect(summary.generations.map { $0.holders.map(\.process) } == [[], [Kernel.processID]])
        #expect(summary.usage.waiting > 0)
        #expect(lease != nil)
    }

    @Test("Trimmed while it is read, it is read again", arguments: Inventory.Step.allCases)
    func trimmed(step: Inventory.Step) throws {
        for target in ["a", "b", "c"] as [ByteString] {
            let build = try fixture.build(target: target)
            for number in 1...4 {
                try fixture.export(for: build, at: Int64(number), target + ByteString(decimal: number))
            }
        }
        let found = try summary { (now) throws(Rejection) in
            if now == step { try trim() }
        }
        let summary = try #require(found)
        #expect(summary.generations.map(\.name) == ["gen-000002"])
        #expect(summary.generations.map { $0.holders.map(\.process) } == [[]])
        #expect(summary.keys.map(\.complete) == [3, 3, 3])
        #expect(summary.usage.orphaned == 0 && summary.usage.live > 0)
        #expect(try summary.usage == self.summary()?.usage)
    }

    @Test("A part counts only where its owner has its name")
    func parts() throws {
        _ = try fixture.generation()
        let format = fixture.store.layout.format
        for name in ["u", "u00", "ux", "u99999999999", "other", "u4294967294"] as [ByteString] {
            try Files.makeDirectory(format.appending(path: name), mode: 0o755)
        }
        #expect(fixture.store.layout.parts.map(\.user) == [fixture.store.user])
    }
}
