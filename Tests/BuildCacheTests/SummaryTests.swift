import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("What a sub-store holds")
struct SummaryTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    /// Three of each key.
    private func trim() throws(StoreError) {
        var retention = Retention()
        retention.mostOfKey = 3
        _ = try Trim(fixture.store, keeping: retention, dryRun: false).run()
    }

    private func summary() throws -> SubStoreSummary? {
        try fixture.store.layout.subStores.first.flatMap { try SubStoreSummary(of: $0, in: fixture.store) }
    }

    @Test("Keys with their own and shared bytes, the last used first")
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

    @Test("Unions, and what was left out of them, and why")
    func unions() throws {
        let app = try fixture.build()
        let second: Int64 = 1_000_000_000
        let now = Clock.now / second
        let damaged = try fixture.export(for: app, at: now - 40, "damaged")
        try Files.remove(damaged.layers[0].path)
        let lost = try fixture.export(for: app, at: now - 30, "lost")
        for name in ["a", "b"] as [ByteString] { try fixture.export(for: app, at: now - 20, name) }
        let strange = try fixture.export(for: app, at: now - 20, "strange")
        var text = try Files.read(strange.manifest.path, limit: 1 << 20)
        text = ByteString("{\"unheardOf\":1,") + text.dropFirst(1)
        let other = try fixture.put(text, in: strange.generation)
        try Files.replace(strange.index, with: other.index, mode: 0o644)
        try fixture.setTime(of: strange.index, seconds: now - 20)
        fixture.store.publishUnion(for: [app.key], .store, othersUpTo: .max, apart: 2)
        let key = fixture.build
        let old = try fixture.export(for: try key("topic", [], "old"), at: now - 9_000, "old")
        try Files.remove(lost.layers[1].path)
        try fixture.export(for: app, at: now + 40, "new")
        let subStore = try #require(fixture.store.layout.subStores.first)
        func unions() throws -> [UnionSummary] {
            try #require(try SubStoreSummary(of: subStore, in: fixture.store, othersUpTo: 3_600 * second)).unions
        }
        let union = try #require(try unions().first)
        #expect(try unions().count == 1 && union.place == .store && union.users == [fixture.store.user])
        #expect(union.exports == 3 && union.keys == 1 && union.records == 7 && union.layers == 6)
        let own = UInt64(union.configBytes + union.manifestBytes)
        // Two more with the same content, for concurrent builds.
        #expect(union.apart == 2 && union.bytes > 3 * own && union.bytes < 4 * own)
        let counts = Dictionary(uniqueKeysWithValues: union.leftOut.map { ($0.reason, $0.count) })
        // An export that was never complete, and a missing layer that the union names.
        #expect(counts[.layerRejected] == 2)
        #expect(counts[.unionTooOld] == 1 && counts[.unionCannotHold] == 1 && counts[.unionNotMerged] == 1)
        #expect(
            union.leftOut.first { $0.reason == .unionTooOld }?.example.hasSuffix(old.path.lastPathComponent) == true)
        try Files.remove(
            fixture.generation().blobPath(UnionRecord.all(in: fixture.generation())[0].record.config.digest))
        #expect(try unions().first?.leftOut.contains { $0.reason == .manifestRejected } == true)
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

    @Test("A sub-store counts only if it belongs to the user in its name")
    func subStores() throws {
        _ = try fixture.generation()
        let format = fixture.store.layout.format
        for name in ["u", "u00", "ux", "u99999999999", "other", "u4294967294"] as [ByteString] {
            try Files.makeDirectory(format.appending(path: name), mode: 0o755)
        }
        #expect(fixture.store.layout.subStores.map(\.user) == [fixture.store.user])
    }
}
