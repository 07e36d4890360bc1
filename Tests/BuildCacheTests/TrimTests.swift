import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("Trimming a sub-store")
struct TrimTests {
    private let fixture: StoreFixture
    private let home: ByteString

    init() throws {
        fixture = try StoreFixture()
        home = fixture.store.layout.subStore(of: fixture.store.user)
    }

    private func trim(dryRun: Bool = false, _ adjust: (inout Retention) -> Void = { _ in }) -> Trim {
        var retention = Retention()
        retention.mostOfKey = 4
        adjust(&retention)
        return Trim(fixture.store, keeping: retention, dryRun: dryRun)
    }

    private func current() throws -> Generation {
        try #require(try fixture.store.currentGeneration(of: fixture.store.user))
    }

    private func names(in folder: ByteString) throws -> Set<ByteString> {
        Set(try Files.names(in: folder, limit: .max))
    }

    /// The content of a pool, except for unions.
    private func pool(_ generation: Generation) throws -> Set<ByteString> {
        try names(in: generation.poolPath).subtracting(unions(generation).map(\.hex))
    }

    private func unions(_ generation: Generation) -> Set<Digest> {
        Set(UnionRecord.all(in: generation).flatMap(\.record.blobs))
    }

    private func digits(_ exports: [StoredExport]) -> Set<ByteString> {
        Set(exports.flatMap { [$0.manifest, $0.config] + $0.layers }.map { $0.digest.hex })
    }

    /// Five exports of one branch and one of another; the newest four stay.
    private func five() throws -> (build: BuildIdentity, kept: [StoredExport]) {
        let other = try fixture.export(for: fixture.build("other"), at: 350, "other")
        let build = try fixture.build()
        let all = try (1...5).map { try fixture.export(for: build, at: Int64($0 * 100), ByteString(decimal: $0)) }
        return (build, all.suffix(3) + [other])
    }

    private func isTidy() throws -> Bool {
        let generation = try current()
        return try names(in: home) == ["current", "trimmed", "trimming", generation.path.lastPathComponent]
    }

    @Test("Only what is selected stays, with its times")
    func newest() throws {
        let (build, kept) = try five()
        try fixture.put("nobody's", in: fixture.generation())
        let report = try trim().run()
        #expect(report.outcome == .switched("gen-000002"))
        #expect(report.kept == 4)
        #expect(report.dropped.map(\.cause) == [.superseded, .superseded])
        #expect(try pool(current()) == digits(kept))
        #expect(report.after.orphaned == 0 && report.before.orphaned == 8)
        #expect(report.after.live == report.after.total)
        #expect(try isTidy())
        #expect(try fixture.finds(kept[2], for: build))
        let times = try Inventory(of: current(), now: .max).keys.flatMap(\.exports).map { $0.completed / 1_000_000_000 }
        #expect(times.sorted() == [300, 350, 400, 500])
        // Nothing is left to do: no new generation.
        #expect(try trim().run().outcome == .nothingToDo)
        #expect(try current().path.lastPathComponent == "gen-000002")
    }

    @Test("Records beside an export are moved with it, however large; an export without records is moved, too")
    func records() throws {
        let (build, kept) = try five()
        let record = ByteString(repeatElement(0x61, count: 3 << 20))
        try Files.replace(kept[2].path.appending(path: Export.contextRecord), with: record, mode: 0o644)
        try Files.replace(kept[2].path.appending(path: Export.buildRecord), with: "{}", mode: 0o600)
        #expect(try trim().run().outcome == .switched("gen-000002"))
        let moved = try #require(Export.currentLocation(of: kept[2].path))
        #expect(try Files.read(moved.appending(path: Export.contextRecord), limit: 4 << 20) == record)
        #expect(try Files.status(moved.appending(path: Export.buildRecord)).mode == 0o600)
        #expect(Files.isMissing(moved.appending(path: Export.outcomeRecord)))
        #expect(fixture.lookup(for: build).newest == [moved])
        #expect(Export.currentLocation(of: moved.parentPath.appending(path: "gone")) == nil)
    }

    @Test("A copied export has what BuildKit left: a link to the pool, an ingest, and its own files")
    func shape() throws {
        let (_, kept) = try five()
        try Files.replace(kept[0].path.appending(path: "oci-layout"), with: "{}", mode: 0o644)
        try Files.replace(
            kept[0].path.parentPath.appending(path: "key.json"), with: "{\"repository\":\"r\"}", mode: 0o644)
        let before = try Files.status(kept[0].index)
        _ = try trim().run()
        let generation = try current()
        let export = generation.exportsPath.appending(path: kept[0].path.parentPath.lastPathComponent)
            .appending(path: kept[0].path.lastPathComponent)
        #expect(try names(in: export) == ["blobs", "ingest", "index.json", "oci-layout"])
        #expect(try Files.readLink(export.appending(path: "blobs")) == "../../../blobs")
        #expect(try Files.status(export.appending(path: "index.json")).modified == before.modified)
        #expect(try Files.status(generation.leasePath).mode == 0o600)
        #expect(try Files.status(generation.readersPath).mode == 0o644)
        #expect(try Inventory(of: generation, now: .max).keys[0].description?[key: "repository"]?.string == "r")
    }

    @Test("A dry run reports the same figures and changes nothing")
    func dryRun() throws {
        _ = try five()
        try fixture.put("nobody's", in: fixture.generation())
        let before = try names(in: home)
        let plan = try trim(dryRun: true).run()
        #expect(try names(in: home) == before)
        let report = try trim().run()
        #expect(plan.before == report.before)
        let unions = try Pool(of: current()).bytes(of: unions(current()))
        #expect(unions > 0 && plan.after.live + unions == report.after.live)
        #expect(plan.after.total + unions == report.after.total)
        #expect(plan.dropped == report.dropped)
        #expect(plan.kept == report.kept)
        #expect(plan.outcome == .planned)
    }

    @Test(
        "What a build uses waits for its lease; its late export is carried over, and nothing that was dropped returns"
    )
    func late() throws {
        let (build, kept) = try five()
        let old = try current()
        var lease = try Lease.take(of: old)
        let first = try trim().run()
        #expect(first.after.waiting > 0)
        #expect(first.outcome == .switched("gen-000002"))
        #expect(try pool(old).isSuperset(of: digits(kept)))
        // A build that started earlier.
        let late = try fixture.export(for: build, at: 900, "late", in: old)
        #expect(try trim().run().carried == 0)
        #expect(try trim(dryRun: true).run().after.waiting > 0)
        #expect(lease != nil)
        lease = nil
        let plan = try trim(dryRun: true).run()
        #expect(plan.before.waiting > 0 && plan.after.waiting == 0)
        let second = try trim().run()
        #expect(second.before == plan.before)
        #expect(second.carried == 1)
        #expect(second.after.waiting == 0)
        #expect(try isTidy())
        #expect(try fixture.finds(late, for: build))
        #expect(try Inventory(of: current(), now: .max).keys.flatMap(\.exports).count == 4)
    }

    @Test("A build's outcome is recorded beside its export, wherever that is by then")
    func lateRecord() throws {
        let (_, kept) = try five()
        let old = try current()
        var lease = try Lease.take(of: old)
        #expect(try trim().run().outcome == .switched("gen-000002"))
        let outcomes = kept.map { export in
            try? current().exportsPath.appending(path: export.path.parentPath.lastPathComponent)
                .appending(path: export.path.lastPathComponent).appending(path: Export.outcomeRecord)
        }.compactMap { $0 }
        // Another build holds the old generation: the record is written there, and carried over later.
        Export.write("held", Export.outcomeRecord, beside: kept[0].path, mode: 0o644)
        #expect(outcomes.allSatisfy { Files.isMissing($0) })
        #expect(lease != nil)
        lease = nil
        #expect(try trim().run().carried == 0 && isTidy())
        #expect(try Files.read(outcomes[0], limit: 10) == "held")
        // Now nobody does.
        #expect(Files.isMissing(kept[1].path))
        Export.write("moved", Export.outcomeRecord, beside: kept[1].path, mode: 0o644)
        #expect(try Files.read(outcomes[1], limit: 10) == "moved")
        _ = try trim { $0.dropsAll = true }.run()
        Export.write("gone", Export.outcomeRecord, beside: kept[1].path, mode: 0o644)
        #expect(outcomes.allSatisfy { Files.isMissing($0) })
    }

    @Test("An export that is completed after it was judged damaged is still carried over")
    func completedLater() throws {
        let (build, _) = try five()
        let late = try fixture.export(for: build, at: 900, "late")
        let layer = try Files.read(late.layers[0].path, limit: 100)
        try Files.remove(late.layers[0].path)
        var lease = try Lease.take(of: current())
        #expect(try trim().run().dropped.contains { $0.cause.name == "damaged" })
        try fixture.put(layer, in: late.generation)
        #expect(lease != nil)
        lease = nil
        #expect(try trim().run().carried == 1)
        #expect(try fixture.finds(late, for: build))
    }

    @Test("What was purged does not return from an older generation")
    func purgedForGood() throws {
        let (build, _) = try five()
        let old = try current()
        var lease = try Lease.take(of: old)
        _ = try trim().run()
        try fixture.export(for: build, at: 900, "late", in: old)
        _ = try trim { $0.dropsAll = true }.run()
        #expect(lease != nil)
        lease = nil
        #expect(try trim().run().carried == 0)
        #expect(try pool(current()).isEmpty)
        #expect(try isTidy())
    }

    @Test("Without hard links a late export is moved")
    func lateWithoutLinks() throws {
        let (build, _) = try five()
        let old = try current()
        var lease = try Lease.take(of: old)
        // There is nothing to link, so this makes a new generation.
        var purge = trim { $0.dropsAll = true }
        purge.linkFile = { (_, _) throws(Errno) in throw .notPermitted }
        #expect(try purge.run().outcome == .switched("gen-000002"))
        let late = try fixture.export(for: build, at: 900, "late", in: old)
        #expect(lease != nil)
        lease = nil
        var trim = trim()
        trim.linkFile = purge.linkFile
        #expect(try trim.run().carried == 1)
        #expect(try pool(current()) == digits([late]))
        #expect(try fixture.finds(late, for: build))
        #expect(try isTidy())
    }

    @Test("On a full disk it is swept in place")
    func fullDisk() throws {
        let (build, kept) = try five()
        var trim = trim()
        trim.linkFile = { (_, _) throws(Errno) in throw .noSpace }
        #expect(try trim.run().outcome == .swept)
        #expect(try pool(current()) == digits(kept))
        #expect(try fixture.finds(kept[2], for: build))
        #expect(try isTidy())
    }

    @Test("An index from before 1970 is copied like any other")
    func oldTimes() throws {
        let (_, kept) = try five()
        try Files.setModified(kept[3].index, -1_500_000_000)
        try fixture.put("nobody's", in: fixture.generation())
        #expect(try trim { $0.mostOfKey = nil }.run().outcome == .switched("gen-000002"))
        let times = try Inventory(of: current(), now: .max).keys.flatMap(\.exports).map(\.completed)
        #expect(times.min() == -1_500_000_000)
    }

    @Test("An unusable generation hinders nobody")
    func oddGeneration() throws {
        let (build, kept) = try five()
        try Files.replace(home.appending(path: "gen-000009"), with: "text", mode: 0o644)
        #expect(try trim().run().outcome == .switched("gen-000010"))
        #expect(try fixture.finds(kept[2], for: build))
    }

    @Test("Of two trims at the same time one works, and the other says so")
    func two() throws {
        _ = try five()
        var lock = try TrimLock.take(in: home, owner: fixture.store.user)
        #expect(lock != nil)
        let refused = try trim().run()
        #expect(refused.outcome == .otherTrimAtWork && refused.holders.map(\.process) == [Kernel.processID])
        lock = nil
        #expect(try trim().run().outcome == .switched("gen-000002"))
    }

    @Test("Without hard links it is swept in place, but never beside a build")
    func noHardLinks() throws {
        let (build, kept) = try five()
        try fixture.put("nobody's", in: fixture.generation())
        var trim = trim()
        trim.linkFile = { (_, _) throws(Errno) in throw .notSupported }
        var lease = try Lease.take(of: current())
        #expect(try trim.run().outcome == .inUse)
        #expect(try pool(current()).count > digits(kept).count)
        #expect(lease != nil)
        lease = nil
        let report = try trim.run()
        #expect(report.outcome == .swept)
        #expect(report.after.total == report.after.live)
        #expect(try pool(current()) == digits(kept))
        #expect(try fixture.finds(kept[2], for: build))
        #expect(try current().path.lastPathComponent == "gen-000001")
        #expect(try isTidy())
    }

    /// What a killed build leaves: a partial blob, and no index.
    private func killed() throws -> ByteString {
        let path = try fixture.unfinished(for: fixture.build(), at: Clock.now / 1_000_000_000)
        try Files.makeDirectories(path.appending(path: "ingest/abc"), mode: 0o755)
        return try fixture.folder.write(
            path.appending(path: "ingest/abc/data").dropFirst(fixture.folder.path.count + 1),
            ByteString("x").repeated(1000))
    }

    @Test("Half-written files of a killed build count, and are removed as soon as no build runs")
    func unfinishedWrites() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let data = try killed()
        var lease = try Lease.take(of: current())
        // Readers are not builds of the owner's.
        let reader = try Descriptor.open(current().readersPath)
        try reader.lockByAccess(.shared)
        let busy = try trim().run()
        #expect(busy.outcome == .nothingToDo && busy.before.unfinished == 1000 && busy.after.unfinished == 1000)
        #expect(try trim(dryRun: true).run().after.unfinished == 1000)
        #expect(!Files.isMissing(data) && lease != nil)
        lease = nil
        let report = try trim().run()
        #expect(report.outcome == .swept && report.before.unfinished == 1000 && report.after.unfinished == 0)
        #expect(report.before.total == report.after.total + 1000)
        #expect(Files.isMissing(data) && Files.isMissing(data.parentPath))
        #expect(fixture.lookup(for: build).digest == export.digest)
        #expect(try reader.status().kind == .regular)
    }

    @Test("Beside a running build they are removed with the generation if everything is to be removed")
    func unfinishedBesideBuild() throws {
        try fixture.export(for: try fixture.build(), at: 100, "a")
        _ = try trim { $0.dropsAll = true }.run()
        _ = try killed()
        let lease = try Lease.take(of: current())
        let report = try trim { $0.dropsAll = true }.run()
        #expect(report.outcome == .switched("gen-000003"))
        #expect(report.after.unfinished == 0 && report.after.waiting == 1000 && report.after.total == 1000)
        #expect(lease != nil)
    }

    private static let day: Int64 = 86_400_000_000_000

    @Test("A trim waits for a reader's lease, but no longer than a day")
    func readers() throws {
        _ = try five()
        let old = try current()
        let reader = try Descriptor.open(old.readersPath)
        try reader.lockByAccess(.shared)
        let first = try trim().run()
        #expect(first.outcome == .switched("gen-000002") && !first.isSettled)
        #expect(first.holders.map(\.process) == [Kernel.processID])
        #expect(try trim(dryRun: true).run().after.waiting > 0)
        // If the clock was set back, the day starts again.
        try Files.setModified(old.closedPath, Clock.now + Self.day)
        #expect(try !trim().run().isSettled)
        try Files.setModified(old.closedPath, Clock.now - Self.day)
        #expect(try trim(dryRun: true).run().after.waiting == 0)
        #expect(try trim().run().isSettled && isTidy())
        #expect(try reader.status().kind == .regular)
    }

    @Test("A trim waits for the owner's build, however long it takes")
    func ownBuild() throws {
        _ = try five()
        let old = try current()
        let lease = try Lease.take(of: old)
        #expect(try !trim().run().isSettled)
        try Files.replace(old.closedPath, with: "", mode: 0o644)
        try Files.setModified(old.closedPath, Clock.now - 3 * Self.day)
        #expect(try !trim().run().isSettled)
        #expect(lease != nil)
    }

    @Test("Without hard links no reader is admitted until the sweep is done")
    func readersWithoutLinks() throws {
        let (_, kept) = try five()
        var trim = trim()
        trim.linkFile = { (_, _) throws(Errno) in throw .notSupported }
        let reader = try Descriptor.open(current().readersPath)
        try reader.lockByAccess(.shared)
        #expect(try trim.run().outcome == .inUse)
        #expect(try !Files.isMissing(current().closedPath))
        try Files.setModified(current().closedPath, Clock.now - Self.day)
        #expect(try trim.run().outcome == .swept)
        #expect(try pool(current()) == digits(kept))
        #expect(try Files.isMissing(current().closedPath))
        // Closed for a sweep that has been done in another way by now.
        try Files.replace(current().closedPath, with: "", mode: 0o644)
        #expect(try trim.run().outcome == .nothingToDo)
        #expect(try Files.isMissing(current().closedPath))
        #expect(try reader.status().kind == .regular)
    }

    /// As an older Slipway leaves it: a single lease, which everyone can read.
    private func makeOld(_ generation: Generation) throws {
        try Files.remove(generation.readersPath)
        try Descriptor.open(generation.leasePath).setMode(0o644)
    }

    @Test(
        "A generation of an older Slipway is replaced, and a trim waits for its lease a day at most",
        arguments: [true, false])
    func oldLease(_ hasLinks: Bool) throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        let old = try current()
        try makeOld(old)
        var trim = trim()
        if !hasLinks { trim.linkFile = { (_, _) throws(Errno) in throw .notSupported } }
        let stranger = try Descriptor.open(old.leasePath)
        if hasLinks { try stranger.lock(.exclusive) }
        #expect(try trim.run().outcome == (hasLinks ? .switched("gen-000002") : .swept))
        #expect(try Files.status(current().leasePath).mode == 0o600)
        #expect(try Files.status(current().readersPath).mode == 0o644)
        try stranger.lock(.exclusive)
        #expect(try Lease.take(of: current()) != nil)
        #expect(fixture.lookup(for: build).digest == export.digest)
        if hasLinks {
            #expect(try !trim.run().isSettled)
            try Files.setModified(old.closedPath, Clock.now - Self.day)
        }
        #expect(try trim.run().isSettled && isTidy())
        #expect(try stranger.status().kind == .regular)
    }

    @Test(
        "A trim waits for a lock on an older Slipway's `trimmed` an hour at most, and then nobody else can take one"
    )
    func oldTrimLock() throws {
        _ = try five()
        let path = home.appending(path: "trimmed")
        try Files.replace(path, with: "", mode: 0o644)
        try Files.setModified(path, Clock.now - Self.day)
        let time = try Files.status(path).modified
        let stranger = try Descriptor.open(path)
        try stranger.lock(.exclusive)
        let refused = try trim().run()
        #expect(refused.outcome == .otherTrimAtWork)
        #expect(refused.holders.map(\.process) == [Kernel.processID])
        try Files.setModified(home.appending(path: "trimming"), Clock.now - Self.day / 24)
        #expect(try TrimLock.take(in: home, owner: fixture.store.user) != nil)
        // Until a trim is complete, the new file tells the old time.
        #expect(try Files.status(path).mode == 0o600 && Files.status(path).modified == time)
        #expect(try trim().run().outcome == .switched("gen-000002"))
        #expect(try Files.status(path).modified > time)
        #expect(try !stranger.status().isSameFile(as: Files.status(path)))
    }

    @Test("A trim lock that no one else can open stays the same file")
    func sameTrimLock() throws {
        _ = try five()
        #expect(try TrimLock.take(in: home, owner: fixture.store.user) != nil)
        let lock = try Files.status(home.appending(path: "trimmed"))
        #expect(try TrimLock.take(in: home, owner: fixture.store.user) != nil)
        #expect(try Files.status(home.appending(path: "trimmed")).isSameFile(as: lock))
    }

    @Test(
        "A foreign file in place of the trim lock does not stop trimming",
        arguments: ["trimmed", "trimming"] as [ByteString], ["fifo", "link", "folder"])
    func oddLock(_ name: ByteString, _ kind: String) throws {
        _ = try five()
        let path = home.appending(path: name)
        switch kind {
        case "fifo": #expect(mkfifo(path.lossy, 0o644) == 0)
        case "link": try Files.makeLink(path, to: fixture.folder["victim"])
        default: try Files.makeDirectories(path.appending(path: "below"), mode: 0o755)
        }
        #expect(try trim().run().outcome == .switched("gen-000002"))
        #expect(try isTidy())
        #expect(Files.isMissing(fixture.folder["victim"]))
    }

    @Test("Both formats of manifests are followed", arguments: ManifestFormat.allCases)
    func formats(format: ManifestFormat) throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a", as: format)
        try fixture.put("nobody's", in: fixture.generation())
        _ = try trim().run()
        #expect(try pool(current()) == digits([export]))
    }

    @Test("Failed builds leave nothing behind; a build of the last hour is left alone")
    func failures() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: 100, "a")
        let now = Clock.now / 1_000_000_000
        try fixture.unfinished(for: build, at: now)
        #expect(try trim().run().outcome == .nothingToDo)
        try fixture.unfinished(for: build, at: now - 7200)
        #expect(try trim().run().outcome == .switched("gen-000002"))
        #expect(try Inventory(of: current(), now: .max).keys.flatMap(\.exports).count == 1)
    }

    @Test("A damaged export is dropped, and the next builds export again")
    func damage() throws {
        let build = try fixture.build()
        let good = try fixture.export(for: build, at: 100, "good")
        let bad = try fixture.export(for: build, at: 200, "bad")
        try Files.remove(bad.layers[0].path)
        let report = try trim().run()
        guard case .damaged(let note) = report.dropped.first?.cause else {
            Issue.record("not dropped")
            return
        }
        #expect(note.reason == .layerRejected)
        #expect(try pool(current()) == digits([good]))
    }

    @Test("A current that leads nowhere is made again, and the contents of other generations are carried over")
    func dangling() throws {
        let (build, kept) = try five()
        let link = home.appending(path: "current")
        // Its exports have been considered: now they are all there is.
        try MarkedExports(Inventory(of: current(), now: .max)).write(to: current())
        try Files.rename(home.appending(path: "gen-000001"), to: home.appending(path: "gen-000005"))
        try Files.remove(link)
        try Files.makeLink(link, to: "gen-000007")
        #expect(rejection { _ = try fixture.store.currentGeneration(of: fixture.store.user) } == .storeUnreadable)
        _ = try trim().run()
        #expect(try fixture.finds(kept[2], for: build))
        #expect(try isTidy())
    }

    @Test("A generation without a lease is replaced by one that has it")
    func noLease() throws {
        let (build, kept) = try five()
        try Files.remove(current().leasePath)
        _ = try trim().run()
        #expect(try fixture.finds(kept[2], for: build))
    }

    @Test("Neither hostile indexes nor links lead out of the store")
    func hostile() throws {
        let build = try fixture.build()
        let good = try fixture.export(for: build, at: 100, "good")
        let generation = try fixture.generation()
        let outside = try fixture.folder.write("outside/precious", "precious")
        let itself = try fixture.put("{\"manifests\":[]}", in: generation)
        let texts: [ByteString] = [
            "", "{", "[[[[", "{\"manifests\":[{\"digest\":\"sha256:../../../outside/precious\",\"size\":8}]}",
            "{\"manifests\":[{\"digest\":\"/etc/passwd\",\"size\":8}]}",
            "{\"manifests\":[{\"digest\":\"" + good.digest.name + "\",\"size\":99999999999999999999}]}",
            "{\"manifests\":[{\"digest\":\"" + good.digest.name + "\",\"size\":-1}]}",
            "{\"manifests\":[{\"digest\":\"" + itself.digest.name + "\",\"size\":16,\"mediaType\":\"text/plain\"}]}",
        ]
        for (number, text) in texts.enumerated() {
            let path = try fixture.unfinished(for: build, at: 200 + Int64(number))
            try Files.replace(path.appending(path: "index.json"), with: text, mode: 0o644)
        }
        let huge = try fixture.unfinished(for: build, at: 300).appending(path: "index.json")
        try Files.replace(huge, with: "{", mode: 0o644)
        #expect(truncate(huge.lossy, 1 << 30) == 0)
        // Links in the pool, among the keys and the exports.
        try Files.makeLink(generation.poolPath.appending(path: "link"), to: outside.parentPath)
        try Files.makeLink(
            generation.poolPath.appending(path: ByteString("0").repeated(64)), to: outside)
        try Files.makeLink(generation.exportsPath.appending(path: "key"), to: outside.parentPath)
        try Files.makeLink(generation.keyPath(build.key).appending(path: "link"), to: outside.parentPath)
        for linking in [true, false] {
            var trim = trim()
            if !linking { trim.linkFile = { (_, _) throws(Errno) in throw .notPermitted } }
            _ = try trim.run()
            #expect(try Files.read(outside, limit: 9) == "precious")
            #expect(try fixture.finds(good, for: build))
            #expect(try pool(current()) == digits([good]))
            // Once more, over the swept store.
            let generation = try current()
            try Files.makeLink(generation.poolPath.appending(path: "link"), to: outside.parentPath)
        }
    }

    @Test("A linked sub-store is not followed, and for a missing one there is nothing to do")
    func links() throws {
        #expect(try trim().run().outcome == .nothingToDo)
        _ = try five()
        let moved = fixture.folder["moved"]
        try Files.rename(home, to: moved)
        try Files.makeLink(home, to: moved)
        #expect(rejection { _ = try trim().run() } == .storeNotTrusted)
        #expect(try names(in: moved) == ["current", "gen-000001"])
    }

    @Test("A use without an export is recorded once an hour, beside the newest export of its branch and arguments")
    func use() throws {
        let build = try fixture.build()
        let other = try fixture.build("other")
        let generation = try fixture.generation()
        generation.noteUse(by: build)
        #expect(Files.isMissing(generation.keyPath(build.key)))
        let first = try fixture.export(for: build, at: 1, "first")
        let export = try fixture.export(for: build, at: 2, "second")
        let newest = try fixture.export(for: other, at: 3, "other")
        try fixture.unfinished(for: build, at: 4)
        let path = export.path.appending(path: "used")
        generation.noteUse(by: build)
        let now = Clock.now
        for (age, noted) in [(60, false), (3_700, true), (-3_700, true)] as [(Int64, Bool)] {
            try fixture.setTime(of: path, seconds: now / 1_000_000_000 - age)
            let before = try Files.status(path).modified
            generation.noteUse(by: build)
            #expect((try Files.status(path).modified != before) == noted)
        }
        #expect(
            Files.isMissing(first.path.appending(path: "used")) && Files.isMissing(newest.path.appending(path: "used")))
        generation.noteUse(by: try fixture.build("third"))
        #expect(!Files.isMissing(newest.path.appending(path: "used")))

        // It is removed with the export, and is what the export is kept for.
        try fixture.setTime(of: newest.path.appending(path: "used"), seconds: 10)
        _ = try trim { $0.mostOfKey = 2 }.run()
        let inventory = try Inventory(of: current(), now: .max)
        #expect(
            inventory.keys.flatMap(\.exports).map(\.name).sorted()
                == [export, newest].map { $0.path.lastPathComponent }.sorted())
        #expect(inventory.keys.map(\.lastUsed).first ?? 0 >= now)
        #expect(try Inventory(of: current(), now: now / 2).keys.map(\.lastUsed) == [now / 2], "no later than now")
    }

    // MARK: - Space

    /// Exports of this many branches, each with two layers, which together have these bytes.
    private func branches(_ count: Int, bytes: Int) throws -> [(build: BuildIdentity, export: StoredExport)] {
        try (0..<count).map { number in
            let build = try fixture.build("branch-" + ByteString(decimal: number))
            let content = ByteString(decimal: number) + ByteString("x").repeated(bytes / 2)
            return (build, try fixture.export(for: build, at: 100 + Int64(number), content))
        }
    }

    @Test(
        "The least recently used layers are dropped, and the next builds find all others",
        arguments: [true, false])
    func room(_ linking: Bool) throws {
        let branches = try branches(6, bytes: 100_000)
        for (build, _) in branches { fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max) }
        // The second oldest is used again.
        try current().noteUse(by: branches[1].build)
        var small = trim {
            $0.mostOfKey = nil
            $0.maximumSize = 370_000
        }
        if !linking { small.linkFile = { (_, _) throws(Errno) in throw .notPermitted } }
        let plan = try trim(dryRun: true) {
            $0.mostOfKey = nil
            $0.maximumSize = 370_000
        }.run()
        let report = try small.run()
        #expect(report.outcome == (linking ? .switched("gen-000002") : .swept))
        #expect(report.dropped == plan.dropped && report.shortened == plan.shortened)
        #expect(report.after.total <= 370_000 && report.after.orphaned == 0)
        #expect(report.kept == 4 && report.shortened.count == 1 && report.dropped.count == 2)
        // In the order of their use: 1, 5, 4, half of 3.
        let lookup = fixture.lookup(for: branches[0].build, acting: false)
        let kept = [1, 5, 4].flatMap { branches[$0].export.layers } + branches[3].export.layers.prefix(1)
        #expect(try fixture.layers(of: lookup) == Set(kept.map(\.digest)))
        #expect(lookup.merged == nil, "the union is there")
        let record = try #require(UnionRecord.all(in: current()).first?.record)
        #expect(record.exportCount == 4)
        // All of them are complete, and there is no reason to trim again.
        #expect(try Inventory(of: current(), now: .max).keys.flatMap(\.exports).allSatisfy { $0.state == .complete })
        let names = try pool(current())
        #expect(try small.run().outcome == .nothingToDo)
        #expect(try pool(current()) == names)
    }

    @Test("Records and indexes of an older Slipway's generation can be read")
    func olderGeneration() throws {
        let build = try fixture.build()
        let exports = try (0..<5).map { try fixture.export(for: build, at: 100 + Int64($0), ByteString(decimal: $0)) }
        // The older version noted uses in the key's directory.
        try Files.replace(exports[0].path.parentPath.appending(path: "used"), with: "", mode: 0o644)
        _ = try trim { $0.mostOfKey = nil }.run()
        #expect(try exports.allSatisfy { try fixture.finds($0, for: build) })
    }

    @Test("Trimming is due after the interval, or when the clock has jumped")
    func due() throws {
        _ = try fixture.generation()
        let store = fixture.store
        let hour: Int64 = 3_600_000_000_000
        #expect(!store.isTrimDue(interval: hour))
        let path = home.appending(path: "trimmed")
        for (age, due) in [(0, false), (3_000, false), (3_700, true), (-3_700, true)] as [(Int64, Bool)] {
            try fixture.setTime(of: path, seconds: Clock.now / 1_000_000_000 - age)
            #expect(store.isTrimDue(interval: hour) == due)
        }
    }

    @Test("The background process trims")
    func behind() throws {
        let (_, kept) = try five()
        #expect(!fixture.store.isTrimDue(interval: 1))
        var retention = Retention()
        retention.mostOfKey = 4
        fixture.store.trimBehind(keeping: retention, interval: 1)
        for _ in 0..<500 where try current().path.lastPathComponent != "gen-000002" { usleep(10_000) }
        for _ in 0..<500 where try !isTidy() { usleep(10_000) }
        #expect(try pool(current()) == digits(kept))
    }
}
