import Formats
import Host
import Notes
import Synchronization
import TestSupport
import Testing

@testable import BuildCache

@Suite("What is sent to another host, and fetched from there")
struct ReplicationTests {
    private let limits = StoreLimits(maximumSize: 1 << 40, minimumFree: 1 << 20)

    /// Copies what a registry stores of a layout: manifests and blobs.
    private func copy(_ layout: ByteString, to target: ByteString, except skipped: ByteString = "") throws {
        let pool = layout.appending(path: Generation.pool)
        for name in try Files.names(in: pool, limit: 1000) where name != skipped {
            let place = target.appending(path: Generation.pool).appending(path: name)
            guard Files.isMissing(place) else { continue }
            try Files.replace(place, with: try Files.read(pool.appending(path: name), limit: 1 << 20), mode: 0o600)
        }
    }

    /// A layout in a folder, as one host has pushed it.
    private func pushed(
        by fixture: StoreFixture, as writer: ByteString = "one", into folder: TemporaryFolder
    ) throws -> (manifest: FetchedManifest, layout: ByteString, key: Key) {
        let key = try fixture.build().key
        let union = try #require(try ReplicatedUnion(of: key, by: writer, in: fixture.store))
        try folder.makeFolder("registry/blobs/sha256")
        let layout = folder["registry"]
        let copied = try union.withLayout { path in Result { try copy(path, to: layout) } }
        try copied.get()
        let text = try Files.read(
            layout.appending(path: Generation.pool).appending(path: union.digest.dropFirst(7)), limit: 1 << 20)
        return (try #require(FetchedManifest(text)), layout, key)
    }

    private func leftovers(_ fixture: StoreFixture, _ key: Key) throws -> [ByteString] {
        let home = try fixture.generation().keyPath(key)
        return ((try? Files.names(in: home, limit: 100)) ?? []).filter { $0 != Generation.keyRecord }
    }

    @Test("One host finds what another has exported")
    func roundTrip() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        let exports = [
            try one.export(for: try one.build(), at: 100, "a"),
            try one.export(for: try one.build("other"), at: 200, "b"),
        ]
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        #expect(manifest.layerCount == 4)
        let own = registry.appending(path: Generation.pool).appending(path: manifest.config.dropFirst(7))
        // 2026-11-28T10:00:00Z, although a union changes the time.
        #expect(manifest.newest(in: try Files.read(own, limit: 1 << 20)) == 1_795_860_000)
        #expect(try leftovers(one, key).count == 2, "the layout that was pushed is gone")
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        #expect(export.missingBytes == manifest.bytes)
        #expect(!FetchedExport.isHere(manifest.digest, for: key, in: two.store))
        try copy(registry, to: export.layout)
        #expect(FetchedExport.bytes(in: export.layout) > manifest.bytes)
        // As a client with umask 0 would leave it.
        let config = export.layout.appending(path: Generation.pool).appending(path: manifest.config.dropFirst(7))
        try Descriptor.open(config, followLinks: false).setMode(0o666)
        try export.publish()
        #expect(FetchedExport.isHere(manifest.digest, for: key, in: two.store))
        #expect(Files.isMissing(export.layout))
        #expect(try two.finds(exports[0], exports[1], for: try two.build()))
        #expect(two.store.ownKeys == [key])
    }

    @Test("Blobs that are already here are not fetched")
    func partly() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        let own = try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        try two.put(try Files.read(own.layers[0].path, limit: 1 << 20), in: try two.generation())
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        #expect(export.missingBytes == UInt64(own.layers[1].size))
        #expect(
            !Files.isMissing(
                export.layout.appending(path: Generation.pool).appending(path: own.layers[0].digest.hex)))
        try copy(registry, to: export.layout, except: own.layers[0].digest.hex)
        try export.publish()
        #expect(try two.finds(own, for: try two.build()))
    }

    @Test("If there is too much, the first steps are fetched, and count as fetched until there is space for the rest")
    func part() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        let own = try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        let config = try Files.read(
            registry.appending(path: Generation.pool).appending(path: manifest.config.dropFirst(7)), limit: 1 << 20)
        #expect(try manifest.missingBytes(in: two.store) == manifest.bytes)
        #expect(try manifest.part(within: 0, config: config, for: two.store) == nil)
        #expect(rejection { _ = try manifest.part(within: 1, config: config + " ", for: two.store) } == .layerRejected)
        let part = try #require(try manifest.part(within: manifest.bytes - 1, config: config, for: two.store))
        #expect(part.layerCount == 1 && part.pushed == manifest.digest && part.digest != manifest.digest)
        let export = try FetchedExport(part, from: "one", for: key, in: two.store, limits)
        #expect(export.missing.count == 1 && export.missingBytes == part.bytes)
        let name = try #require(export.missing.first).dropFirst(7)
        let pool = { (layout: ByteString) in layout.appending(path: Generation.pool).appending(path: name) }
        try Files.replace(pool(export.layout), with: try Files.read(pool(registry), limit: 1 << 20), mode: 0o600)
        try export.publish()
        #expect(FetchedExport.isHere(manifest.digest, for: key, in: two.store))
        #expect(!FetchedExport.isHere(manifest.digest, for: key, in: two.store, whole: true))
        two.store.publishUnion(for: [key], .store, othersUpTo: .max)
        #expect(try !two.finds(own, for: try two.build()))
        let rest = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        #expect(rest.missingBytes == manifest.bytes - part.bytes)
        try copy(registry, to: rest.layout)
        try rest.publish()
        #expect(FetchedExport.isHere(manifest.digest, for: key, in: two.store, whole: true))
        // A union that contains the part does not contain the whole.
        two.store.publishUnion(for: [key], .store, othersUpTo: .max)
        #expect(try two.finds(own, for: try two.build()))
    }

    @Test(
        "A wrong, truncated or missing layer is named, and nothing of it is kept",
        arguments: ["wrong", "cut", "missing"])
    func damage(_ kind: String) throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        let own = try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        let name = own.layers[1].digest.hex
        let place = export.layout.appending(path: Generation.pool).appending(path: name)
        let size = own.layers[1].size
        let outcome = Mutex<Result<Void, any Error>>(.success(()))
        let layout = export.layout
        let arriving = export.arriving
        export.receive {
            let copied = Result {
                try copy(registry, to: layout, except: name)
                if kind == "wrong" { try Files.replace(place, with: ByteString("x").repeated(size), mode: 0o600) }
                if kind == "cut" { try Files.replace(place, with: "x", mode: 0o600) }
                // Until it has been hashed: what was seen while it arrived is no less to be compared.
                let end = Clock.monotonic + 30_000_000_000
                while kind != "missing", try arriving.digest(of: try Files.status(place)) == nil,
                    Clock.monotonic < end
                {}
            }
            outcome.withLock { $0 = copied }
        }
        try outcome.withLock(\.self).get()
        let reason = rejection { try export.publish() }
        #expect(reason == .layerRejected)
        #expect(try leftovers(two, key).isEmpty)
        #expect(!FetchedExport.isHere(manifest.digest, for: key, in: two.store))
        for blob in own.layers + [own.config, own.manifest] {
            #expect(Files.isMissing(try two.generation().blobPath(blob.digest)))
        }
    }

    @Test("A blob whose bytes arrive in another order is read once more")
    func anotherOrder() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        let own = try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        let layer = own.layers[0]
        try copy(registry, to: export.layout, except: layer.digest.hex)
        let place = export.layout.appending(path: Generation.pool).appending(path: layer.digest.hex)
        try Files.replace(place, with: ByteString("\0").repeated(layer.size), mode: 0o600)
        let (status, end) = (try Files.status(place), Clock.monotonic + 30_000_000_000)
        export.receive { [arriving = export.arriving] in
            while (try? arriving.digest(of: status)) == nil, Clock.monotonic < end {}
        }
        let content = try Files.read(layer.path, limit: 1 << 20)
        try Descriptor.open(place, .update(mode: 0o600)).write(content)
        #expect(try export.arriving.digest(of: status) != layer.digest)
        try export.publish()
        #expect(try two.finds(own, for: try two.build()))
    }

    @Test("The leftovers of a killed transfer never hinder another one")
    func again() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        for _ in 0..<3 { _ = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits) }
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        try copy(registry, to: export.layout)
        try export.publish()
        #expect(try leftovers(two, key).count == 4)
        #expect(FetchedExport.isHere(manifest.digest, for: key, in: two.store))
    }

    @Test("Old leftovers are removed by the next transfer, but not a build of a branch called remote")
    func leftLongAgo() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        try one.export(for: try one.build(), at: 100, "a")
        let (manifest, _, key) = try pushed(by: one, into: one.folder)
        let home = try two.generation().keyPath(key)
        let variant = Variant(branchTag: "remote.01234567", argumentsTag: "000")
        let build = home.appending(path: ExportName(variant: variant, started: 7, random: "0123456789abcdef").text)
        let left = home.appending(
            path: ExportName(variant: Variant(fetchedFrom: "one"), started: 7, random: "0123456789abcdef").text)
        try Files.makeDirectories(build.appending(path: "ingest"), mode: 0o755)
        try Files.makeDirectories(left.appending(path: "ingest").appending(path: "remote"), mode: 0o755)
        _ = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        #expect(Files.isMissing(left) && !Files.isMissing(build))
    }

    @Test("A manifest that no union can hold is refused")
    func nonsense() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        try one.export(for: try one.build(), at: 100, "a")
        let (_, registry, key) = try pushed(by: one, into: one.folder)
        let config = ByteString("{\"layers\":[],\"records\":[{\"digest\":\"x\"}]}")
        let digest = Digest(of: config)
        let text = ManifestFormat.image.text(
            config: StoredBlob(digest: digest, size: config.count, path: ""), layers: [])
        let manifest = try #require(FetchedManifest(text))
        #expect(rejection { try manifest.check(config) } == .unionCannotHold)
        #expect(rejection { try manifest.check(config + " ") } == .layerRejected)
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        try Files.replace(
            export.layout.appending(path: Generation.pool).appending(path: digest.hex), with: config,
            mode: 0o600)
        #expect(rejection { try export.publish() } == .unionCannotHold)
        #expect(try leftovers(two, key).isEmpty)
        for other in ["", "{}", "[]", "{\"schemaVersion\":2}"] as [ByteString] {
            #expect(FetchedManifest(other) == nil)
        }
        _ = registry
    }

    @Test("Sizes that overflow do not make a small sum")
    func overflow() throws {
        let blob = StoredBlob(digest: Digest(of: "0"), size: .max, path: "")
        let other = StoredBlob(digest: Digest(of: "1"), size: .max, path: "")
        let third = StoredBlob(digest: Digest(of: "2"), size: .max, path: "")
        let manifest = try #require(
            FetchedManifest(ManifestFormat.image.text(config: blob, layers: [blob, other, third])))
        #expect(manifest.bytes == .max)
        let two = try StoreFixture()
        #expect(
            rejection { _ = try FetchedExport(manifest, from: "one", for: try two.build().key, in: two.store, limits) }
                == .storeOverBudget)
        #expect(try leftovers(two, try two.build().key).isEmpty)
    }

    @Test("The limits of the store apply")
    func room() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        try one.export(for: try one.build(), at: 100, "a")
        let (manifest, _, key) = try pushed(by: one, into: one.folder)
        for (limits, reason) in [
            (StoreLimits(maximumSize: 1), Reason.storeOverBudget),
            (StoreLimits(maximumSize: 1 << 40, minimumFree: 1 << 62), .storeDiskLow),
        ] {
            #expect(
                rejection { _ = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits) } == reason)
            #expect(try leftovers(two, key).isEmpty)
        }
    }

    @Test("Exports fetched from others are not pushed as one's own; previously pushed ones are")
    func ownership() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
        try copy(registry, to: export.layout)
        try export.publish()
        #expect(try ReplicatedUnion(of: key, by: "two", in: two.store) == nil)
        // The same exports give the same manifest.
        #expect(try ReplicatedUnion(of: key, by: "one", in: two.store)?.digest == manifest.digest)
    }

    @Test("Two writers that trim go on pushing what both have built")
    func trimmingWriters() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        for fixture in [one, two] { try fixture.export(for: try fixture.build(), at: 100, "same") }
        let key = try one.build().key
        for (fixture, other) in [(one, two), (two, one)] {
            let (manifest, registry, _) = try pushed(by: other, as: "other", into: other.folder)
            let export = try FetchedExport(manifest, from: "other", for: key, in: fixture.store, limits)
            try copy(registry, to: export.layout)
            try export.publish()
        }
        for fixture in [one, two] {
            _ = try Trim(fixture.store, keeping: Retention(), dryRun: false).run()
            #expect(try ReplicatedUnion(of: key, by: "me", in: fixture.store)?.exports == 1)
        }
    }

    @Test("Trimming keeps the record of an export's origin, and removes the leftovers of a killed transfer")
    func trimming() throws {
        let (one, two) = (try StoreFixture(), try StoreFixture())
        let own = try one.export(for: try one.build(), at: 100, "a")
        let (manifest, registry, key) = try pushed(by: one, into: one.folder)
        do {
            let export = try FetchedExport(manifest, from: "one", for: key, in: two.store, limits)
            try copy(registry, to: export.layout)
            try export.publish()
            // Never published, and never abandoned.
            _ = try FetchedExport(manifest, from: "another", for: key, in: two.store, limits)
        }
        #expect(try leftovers(two, key).count == 2)
        _ = try Trim(two.store, keeping: Retention(), dryRun: false).run()
        let generation = try #require(try two.store.currentGeneration(of: two.store.user))
        let names = try Files.names(in: generation.keyPath(key), limit: 10).filter { $0 != Generation.keyRecord }
        for name in names {
            let path = generation.keyPath(key).appending(path: name)
            #expect(Files.isMissing(path.appending(path: "ingest").appending(path: "remote")))
        }
        #expect(FetchedExport.isHere(manifest.digest, for: key, in: two.store))
        #expect(try ReplicatedUnion(of: key, by: "two", in: two.store) == nil)
        #expect(try two.finds(own, for: try two.build()))
    }
}
