import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("Unions: one import of everything that was built")
struct UnionTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    private func publish(_ builds: BuildIdentity..., scope: UnionScope = .store, age: Int64 = .max) {
        fixture.store.publishUnion(for: builds.map(\.key), scope, othersUpTo: age)
    }

    /// A record in the generation; nil if there is none.
    private func record(_ scope: UnionScope = .store, of build: BuildIdentity) throws -> UnionRecord? {
        let generation = try fixture.generation()
        return UnionRecord.read(generation.unionPath(scope, build.key), in: generation)
    }

    /// A build of another repository on the same machine.
    private func stranger(_ name: ByteString = "other") throws -> BuildIdentity {
        let url = "[remote \"origin\"]\n\turl = https://example.org/o/" + name + ".git\n"
        try fixture.folder.write(name + "/.git/config", url)
        try fixture.folder.write(name + "/.git/HEAD", "ref: refs/heads/main\n")
        let description = BuildDescription(
            context: .directory(fixture.folder[name]), workingDirectory: fixture.folder[name])
        return BuildIdentity(of: description, platform: "linux/amd64")
    }

    private func now(_ seconds: Int64 = 0) -> Int64 { Clock.now / 1_000_000_000 + seconds }

    // MARK: - The record

    @Test("A record is read back as written, and a torn one is not read")
    func text() throws {
        let blob = { (text: ByteString) in Preflight.Blob(digest: Digest(of: text), size: 7) }
        var record = UnionRecord(manifest: blob("a"), config: blob("b"), records: 3, layers: 2, oldest: 1_764_000_000)
        record.exports = ["app-0123456789abcdef": [0, 1, .max], "b": [1 << 63]]
        record.former = [blob("c").digest: 5]
        #expect(UnionRecord(record.text) == record)
        for length in 0..<record.text.count { #expect(UnionRecord(record.text.prefix(length)) == nil) }
        var generator = Repeatable(seed: 7)
        for _ in 0..<2000 {
            var bytes = record.text.bytes
            bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
            _ = UnionRecord(ByteString(bytes))
        }
    }

    @Test("A record that others could have written is not read")
    func trust() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-9), "a")
        publish(build)
        let generation = try fixture.generation()
        let path = generation.unionPath(.store, build.key)
        #expect(UnionRecord.read(path, in: generation) != nil)
        #expect(UnionRecord.read(path, in: Generation(path: generation.path, owner: generation.owner + 1)) == nil)
        try Descriptor.open(path).setMode(0o666)
        #expect(UnionRecord.read(path, in: generation) == nil)
        try Files.rename(path, to: fixture.folder["elsewhere"])
        try Descriptor.open(fixture.folder["elsewhere"]).setMode(0o644)
        try Files.makeLink(path, to: fixture.folder["elsewhere"])
        #expect(UnionRecord.read(path, in: generation) == nil)
    }

    // MARK: - Before a build

    @Test("Exports that are in no union yet are merged, written and found by the next build")
    func merge() throws {
        let build = try fixture.build()
        let exports = try (0..<5).map { try fixture.export(for: build, at: 100 + Int64($0), ByteString(decimal: $0)) }
        let shown = fixture.lookup(for: build, acting: false)
        #expect(try record(of: build) == nil, "nothing is written to look at it")
        let lookup = fixture.imported(for: build)
        #expect(lookup.found == shown.found && lookup.notes.isEmpty)
        #expect(lookup.found.first??.exports == 5 && lookup.found.first??.keys == 1)
        #expect(try fixture.layers(of: lookup).isSuperset(of: exports.flatMap { $0.layers.map(\.digest) }))
        #expect(try record(of: build)?.exportCount == 5)
        #expect(fixture.lookup(for: build).found == lookup.found)
        let late = try fixture.export(for: build, at: 200, "late")
        #expect(try fixture.finds(late, exports[0], for: build))
        #expect(fixture.imported(for: build).found.first??.exports == 6)
    }

    @Test("A single export is imported directly, and nothing is written for it")
    func single() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        #expect(fixture.imported(for: build).digest == export.digest)
        #expect(try record(of: build) == nil)
    }

    @Test("At most the newest 32 are merged before a build; the next build takes the next ones")
    func bound() throws {
        let build = try fixture.build()
        let exports = try (0..<40).map { try fixture.export(for: build, at: 100 + Int64($0), ByteString(decimal: $0)) }
        #expect(fixture.imported(for: build).found.first??.exports == 32)
        #expect(try fixture.finds(exports[0], for: build))
        #expect(fixture.imported(for: build).found.first??.exports == 40)
    }

    @Test("A user who cannot write imports what exists: the union, or the newest export alone")
    func readOnly() throws {
        let build = try fixture.build()
        let first = try fixture.export(for: build, at: 100, "first")
        let last = try fixture.export(for: build, at: 200, "last")
        let generation = try fixture.generation()
        func reading() -> CacheLookup {
            var lookup = CacheLookup(of: fixture.opened(), for: [build], scope: .store, acting: true)
            lookup.write()
            return lookup
        }
        try Files.makeDirectory(generation.unionPath(.store, build.key), mode: 0o755)
        let lookup = reading()
        #expect(lookup.digest == last.digest && lookup.notes.map(\.reason) == [.unionNotWritten])
        try Files.removeTree(generation.unionPath(.store, build.key))
        publish(build)
        let union = try #require(try record(of: build))
        try fixture.export(for: build, at: 300, "later")
        // Another user's generation is never written.
        var opened = UnionOffer(of: [build], .store, in: generation)
        opened.prepare(canWrite: false, remember: false)
        #expect(opened.imports.first??.digest == union.manifest.digest && opened.draft == nil)
        #expect(try fixture.finds(first, last, for: build))
    }

    @Test("All builds of a command import the same union")
    func command() throws {
        let (build, target) = (try fixture.build(), try fixture.build(target: "other"))
        let first = try fixture.export(for: build, at: 100, "a")
        let second = try fixture.export(for: target, at: 200, "b")
        let lookup = fixture.lookup(for: build, target, acting: false)
        #expect(lookup.found[0] == lookup.found[1] && lookup.found[0]?.keys == 2)
        #expect(lookup.newest == [first.path, second.path])
        #expect(try fixture.layers(of: lookup).isSuperset(of: (first.layers + second.layers).map(\.digest)))
    }

    // MARK: - Published

    @Test("The union of all keys' exports is published, and is the same whoever publishes it")
    func published() throws {
        let (build, other) = (try fixture.build(), try stranger())
        let own = try fixture.export(for: build, at: now(-20), "a")
        let foreign = try fixture.export(for: other, at: now(-10), "b")
        publish(build)
        let first = try #require(try record(of: build))
        #expect(first.exportCount == 2 && first.exports.count == 2)
        try Files.remove(fixture.generation().unionPath(.store, build.key))
        publish(other)
        #expect(try record(of: build)?.manifest == first.manifest)
        #expect(try fixture.finds(own, foreign, for: build))
        #expect(try fixture.finds(own, foreign, for: stranger("new")), "one that was never built before")
        let published = fixture.lookup(for: build)
        #expect(published.found.first??.digest == first.manifest.digest && published.merged == nil)
    }

    @Test("By scope", arguments: [UnionScope.store, .repository, .key])
    func scopes(_ scope: UnionScope) throws {
        let (build, target, other) = (try fixture.build(), try fixture.build(target: "t"), try stranger())
        for (number, build) in [build, target, other].enumerated() {
            let export = try fixture.export(for: build, at: now(-20), ByteString(decimal: number))
            let words = build.key.json.text
            try Files.replace(export.path.parentPath.appending(path: Generation.keyRecord), with: words, mode: 0o644)
        }
        publish(build, scope: scope)
        let keys = try #require(try record(scope, of: build)).exports.keys.sorted()
        let wanted = [build] + (scope == .key ? [] : [target]) + (scope == .store ? [other] : [])
        #expect(keys == wanted.map(\.key.directoryName).sorted())
        #expect(fixture.lookup(for: build, scope: scope).found.first??.keys == wanted.count)
    }

    @Test("Old exports of other repositories are left out; those of the build's repository are not")
    func age() throws {
        let (build, other) = (try fixture.build(), try stranger())
        let hour: Int64 = 3_600_000_000_000
        let old = try fixture.export(for: build, at: now(-9_000), "old")
        let new = try fixture.export(for: build, at: now(-60), "new")
        let foreign = try fixture.export(for: other, at: now(-9_000), "foreign")
        publish(build, age: hour)
        #expect(try record(of: build)?.exportCount == 1)
        #expect(try fixture.finds(old, new, for: build))
        #expect(try !fixture.finds(foreign, for: build))
        publish(other, age: hour)
        #expect(try fixture.finds(foreign, new, for: other))
        #expect(try !fixture.finds(old, for: other))
        // A merge before a build does not include them, either.
        let late = try fixture.export(for: build, at: now(-5), "late")
        #expect(fixture.imported(for: build).found.first??.exports == 3)
        #expect(try fixture.finds(old, late, for: build))
        #expect(try !fixture.finds(old, for: other))
    }

    @Test("An export that becomes too old is left out of the next union")
    func aging() throws {
        let (build, other) = (try fixture.build(), try stranger())
        let first = try fixture.export(for: build, at: now(-9_000), "first")
        publish(build)
        try fixture.export(for: other, at: now(-60), "second")
        publish(other, age: 3_600_000_000_000)
        #expect(try record(of: build)?.exportCount == 1)
        #expect(try fixture.finds(first, for: build), "found again by its own key")
    }

    @Test("If not everything fits, a key has its own exports, then those on its own base, then the newest")
    func room() throws {
        let build = try fixture.build()
        let (alike, other) = (try stranger("alike"), try stranger("other"))
        // Four of them have more records than a union accepts.
        let old = try fixture.export(for: alike, at: now(-500), "alike", steps: 250, on: "own base")
        let newest = try fixture.export(for: other, at: now(-10), "newest", steps: 250, on: "another base")
        let newer = try fixture.export(for: other, at: now(-20), "newer", steps: 250, on: "another base")
        publish(other)
        #expect(try fixture.finds(newest, newer, old, for: other))
        let own = try fixture.export(for: build, at: now(-900), "own", steps: 250, on: "own base")
        publish(build)
        #expect(try fixture.finds(own, old, newest, for: build))
        #expect(try !fixture.finds(newer, for: build))
        // A new repository gets what was built last.
        #expect(try fixture.finds(newest, newer, old, for: stranger("new")))
        #expect(try record(of: build)?.exportCount == 3, "published for all, whatever fits")
        // Publishing the same again writes nothing.
        let pool = try fixture.generation().poolPath
        let before = try Files.status(pool).modified
        publish(build)
        #expect(try Files.status(pool).modified == before)
        // Once there is space again, the wide union serves all.
        try Files.removeTree(newer.path)
        publish(build)
        #expect(try Files.isMissing(fixture.generation().unionPath(.key, build.key)))
        #expect(try fixture.finds(own, old, newest, for: build))
    }

    @Test("Files that a full union has replaced are remembered, and removed like any others")
    func formerOfFull() throws {
        let build = try fixture.build()
        for number in 0..<4 {
            try fixture.export(for: build, at: now(-20 + Int64(number)), ByteString(decimal: number), steps: 250)
        }
        publish(build)
        let first = try #require(try record(of: build))
        #expect(first.exportCount == 3)
        try fixture.export(for: build, at: now(-5), "newest", steps: 250)
        publish(build)
        let second = try #require(try record(of: build))
        #expect(second.exportCount == 3 && second.manifest != first.manifest)
        #expect(Set(second.former.keys) == Set(first.named))
    }

    @Test("While the pool grows, the layers are checked, and nothing is read again")
    func growingPool() throws {
        let build = try fixture.build()
        for number in 0..<4 { try fixture.export(for: build, at: now(-20), ByteString(decimal: number)) }
        publish(build)
        let union = try #require(try record(of: build))
        let generation = try fixture.generation()
        try fixture.put("something new", in: generation)
        var preflight = Preflight(indexes: 0, bytes: 0)
        let path = generation.unionPath(.store, build.key)
        let checked = try CheckedUnion(union, at: path, in: generation, &preflight, remember: false)
        #expect(checked.missing.isEmpty)
        let late = rejection {
            _ = try CheckedUnion(union, at: path, in: generation, &preflight, remember: false, until: Deadline { true })
        }
        #expect(late == .storeSearchCut, "however few they are")
        let layer = try #require(fixture.layers(of: fixture.lookup(for: build, acting: false)).first)
        try Files.remove(generation.blobPath(layer))
        let lacking = try CheckedUnion(union, at: path, in: generation, &preflight, remember: false)
        #expect(lacking.missing == [layer])
        // Neither a link to the file nor an incomplete one counts.
        try Files.rename(path + "-checked", to: fixture.folder["elsewhere"])
        try Files.makeLink(path + "-checked", to: fixture.folder["elsewhere"])
        #expect(rejection { _ = try CheckedUnion(union, at: path, in: generation, &preflight, remember: false) } != nil)
        try Files.rename(fixture.folder["elsewhere"], to: path + "-checked")
        try Files.replace(path + "-checked", with: Files.read(path + "-checked", limit: 9999).dropLast(7), mode: 0o600)
        #expect(rejection { _ = try CheckedUnion(union, at: path, in: generation, &preflight, remember: false) } != nil)
    }

    /// Two changes in one tick of a file system's clock leave the same time.
    @Test("Layers are not remembered while one of a union's files is so new that a change to it would not show")
    func freshFiles() throws {
        let build = try fixture.build()
        for number in 0..<4 { try fixture.export(for: build, at: now(-20), ByteString(decimal: number)) }
        publish(build)
        let union = try #require(try record(of: build))
        let generation = try fixture.generation()
        let path = generation.unionPath(.store, build.key)
        /// Whether they are remembered this long after a change to a file; nil if it took longer than the tick.
        func remembers(_ digest: Digest, after nanoseconds: Int64) throws -> Bool? {
            try? Files.remove(path + "-checked")
            #expect(chmod(generation.blobPath(digest).lossy, 0o444) == 0)
            let changed = Clock.now
            Clock.sleep(nanoseconds: nanoseconds)
            var preflight = Preflight(indexes: 9, bytes: 1 << 20)
            _ = try CheckedUnion(union, at: path, in: generation, &preflight, remember: true)
            guard nanoseconds > 0 || Clock.now - changed < 15_000_000 else { return nil }
            return !Files.isMissing(path + "-checked")
        }
        for digest in [union.manifest.digest, union.config.digest] {
            #expect(try remembers(digest, after: 50_000_000) == true)
            var soon: Bool?
            for _ in 0..<50 where soon == nil { soon = try remembers(digest, after: 0) }
            #expect(soon == false)
        }
    }

    @Test("A note says what a build could not merge")
    func unmerged() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-50), "first")
        publish(build)
        for number in 0..<40 { try fixture.export(for: build, at: now(-20), ByteString(decimal: number)) }
        #expect(fixture.lookup(for: build).notes == [Note(.unionNotMerged, "8 exports")])
        publish(build)
        #expect(fixture.lookup(for: build).notes.isEmpty)
        for number in 40..<73 { try fixture.export(for: build, at: now(-10), ByteString(decimal: number)) }
        #expect(fixture.lookup(for: build).notes == [Note(.unionNotMerged, "1 export")])
        // What no union can hold is not missing from it.
        let bad = try fixture.export(for: build, at: now(-5), "bad")
        try Files.remove(bad.layers[1].path)
        #expect(fixture.lookup(for: build).notes.suffix(1) == [Note(.unionNotMerged, "2 exports")])
        #expect(fixture.lookup(for: build).notes.map(\.reason) == [.layerRejected, .unionNotMerged])
        let opaque = try fixture.export(for: build, at: now(-4), "opaque")
        let config = try fixture.put("[]", in: opaque.generation)
        let manifest = try fixture.put(
            ManifestFormat.image.text(config: config, layers: opaque.layers), in: opaque.generation)
        try Files.replace(opaque.index, with: manifest.index, mode: 0o644)
        #expect(fixture.lookup(for: build).notes.suffix(1) == [Note(.unionNotMerged, "3 exports")])
    }

    @Test("Damaged exports are not in the union until they are complete")
    func damaged() throws {
        let build = try fixture.build()
        let good = try fixture.export(for: build, at: now(-20), "good")
        let bad = try fixture.export(for: build, at: now(-10), "bad")
        try Files.rename(bad.layers[1].path, to: fixture.folder["layer"])
        publish(build)
        #expect(try record(of: build)?.exportCount == 1)
        let lookup = fixture.lookup(for: build)
        #expect(try fixture.layers(of: lookup) == Set(good.layers.map(\.digest)))
        #expect(lookup.notes.map(\.reason) == [.layerRejected])
        try Files.rename(fixture.folder["layer"], to: bad.layers[1].path)
        #expect(try fixture.finds(good, bad, for: build))
    }

    @Test("A lost layer removes its own chain from the union, which stays usable")
    func lostLayer() throws {
        let build = try fixture.build()
        let exports = try (0..<3).map { try fixture.export(for: build, at: now(-20), ByteString(decimal: $0)) }
        publish(build)
        let before = try #require(try record(of: build))
        try Files.remove(exports[1].layers[0].path)
        let lookup = fixture.imported(for: build)
        #expect(lookup.notes.map(\.reason) == [.layerRejected])
        let layers = try fixture.layers(of: lookup)
        #expect(layers == Set((exports[0].layers + exports[2].layers).map(\.digest)), "what lay upon it goes, too")
        let after = try #require(try record(of: build))
        #expect(after.manifest != before.manifest && after.exportCount == 3)
        #expect(fixture.lookup(for: build).found == lookup.found)
        try fixture.put("first layer of 1", in: fixture.generation())
        let again = try fixture.export(for: build, at: now(-5), "1")
        #expect(try fixture.finds(again, for: build))
    }

    /// What may happen to a published union.
    enum Harm: CaseIterable {
        case manifestGone, configGone, manifestShort, configChanged, recordTorn, recordEmpty, manifestLinked
    }

    @Test("A damaged union is left out, and its exports are merged again", arguments: Harm.allCases)
    func harmed(_ harm: Harm) throws {
        let build = try fixture.build()
        let exports = try (0..<3).map { try fixture.export(for: build, at: now(-20), ByteString(decimal: $0)) }
        publish(build)
        let generation = try fixture.generation()
        let record = try #require(try record(of: build))
        let (manifest, config) = (
            generation.blobPath(record.manifest.digest),
            generation.blobPath(record.config.digest)
        )
        let path = generation.unionPath(.store, build.key)
        switch harm {
        case .manifestGone: try Files.remove(manifest)
        case .configGone: try Files.remove(config)
        case .manifestShort: try Files.replace(manifest, with: "{", mode: 0o444)
        case .configChanged:
            let spaces = ByteString(" ").repeated(record.config.size)
            try Files.replace(config, with: spaces, mode: 0o444)
        case .recordTorn: try Files.replace(path, with: record.text.dropLast(9), mode: 0o644)
        case .recordEmpty: try Files.replace(path, with: "", mode: 0o644)
        case .manifestLinked:
            try Files.rename(manifest, to: fixture.folder["manifest"])
            try Files.makeLink(manifest, to: fixture.folder["manifest"])
        }
        #expect(try fixture.finds(exports[0], exports[1], exports[2], for: build))
        publish(build)
        let lookup = fixture.lookup(for: build)
        #expect(lookup.merged == nil && lookup.notes.isEmpty)
        #expect(try fixture.layers(of: lookup).isSuperset(of: exports.flatMap { $0.layers.map(\.digest) }))
    }

    @Test("Simultaneous writers lose nothing")
    func writers() async throws {
        let build = try fixture.build()
        _ = try fixture.generation()
        let fixture = fixture
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<24 {
                group.addTask {
                    _ = try? fixture.export(for: build, at: 100 + Int64(number), ByteString(decimal: number))
                    fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
                }
            }
        }
        #expect(fixture.imported(for: build).found.first??.exports == 24)
        #expect(fixture.lookup(for: build).merged == nil)
    }

    @Test("A publisher waits for another one before it lists the exports")
    func oneAtATime() async throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-30), "a")
        let home = try fixture.generation().path.parentPath
        var other = PublisherLock(in: home, until: .never)
        #expect(other != nil)
        // It cannot be taken twice, or held without write access.
        #expect(PublisherLock(in: home, until: Deadline { true }) == nil)
        #expect(try Files.status(home.appending(path: "publishing")).mode == 0o600)
        let publisher = Task.detached { [fixture] in
            fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
        }
        Clock.sleep(nanoseconds: 200_000_000)
        #expect(try record(of: build) == nil)
        try fixture.export(for: build, at: now(-20), "b")
        withExtendedLifetime(other) {}
        other = nil
        await publisher.value
        #expect(fixture.lookup(for: build).found.first??.exports == 2)
    }

    @Test("If the lock is unavailable, the union is published without it")
    func withoutLock() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-30), "a")
        let home = try fixture.generation().path.parentPath
        try Files.makeDirectory(home.appending(path: "publishing"), mode: 0o700)
        publish(build)
        #expect(fixture.lookup(for: build).found.first??.exports == 1)
    }

    @Test("What is added to a key's own union is added there, whatever the scope")
    func place() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-30), "a")
        publish(build, scope: .key)
        try fixture.export(for: build, at: now(-20), "b")
        #expect(fixture.imported(for: build, scope: .store).found.first??.exports == 2)
        #expect(try record(.key, of: build)?.exportCount == 2)
        #expect(try record(.store, of: build) == nil)
    }

    @Test("Files of former unions are removed when nobody can be reading them any more")
    func former() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-30), "a")
        publish(build)
        let first = try #require(try record(of: build))
        try fixture.export(for: build, at: now(-20), "b")
        publish(build)
        let generation = try fixture.generation()
        let old = generation.blobPath(first.manifest.digest)
        var second = try #require(try record(of: build))
        #expect(!Files.isMissing(old) && second.former.count == 2)
        for blob in second.former.keys { second.former[blob] = Clock.now - 3_600_000_000_000 }
        try Files.replace(generation.unionPath(.store, build.key), with: second.text, mode: 0o644)
        try fixture.export(for: build, at: now(-10), "c")
        publish(build)
        #expect(Files.isMissing(old))
        #expect(try record(of: build)?.former.count == 2)
        #expect(fixture.lookup(for: build).found.first??.exports == 3)
    }

    @Test("Files of a former union stay as long as another key's union uses them")
    func formerOfAnother() throws {
        let (build, other) = (try fixture.build(), try stranger())
        try fixture.export(for: build, at: now(-30), "a")
        publish(build, scope: .key)
        let generation = try fixture.generation()
        let (own, others) = (generation.unionPath(.key, build.key), generation.unionPath(.key, other.key))
        let first = try #require(UnionRecord.read(own, in: generation))
        let shared = generation.blobPath(first.manifest.digest)
        try Files.makeDirectories(others.parentPath, mode: 0o755)
        try Files.replace(others, with: first.text, mode: 0o644)
        for name in ["b", "c"] as [ByteString] {
            try fixture.export(for: build, at: now(-20), name)
            publish(build, scope: .key)
            var record = try #require(UnionRecord.read(own, in: generation))
            for blob in record.former.keys { record.former[blob] = Clock.now - 3_600_000_000_000 }
            try Files.replace(own, with: record.text, mode: 0o644)
        }
        #expect(!Files.isMissing(shared))
        try Files.remove(others)
        var last = try #require(UnionRecord.read(own, in: generation))
        last.former[first.manifest.digest] = 1
        try Files.replace(own, with: last.text, mode: 0o644)
        try fixture.export(for: build, at: now(-10), "d")
        publish(build, scope: .key)
        #expect(Files.isMissing(shared))
    }

    @Test("The layers of a union are remembered, but each is still checked")
    func memory() throws {
        let build = try fixture.build()
        for number in 0..<140 { try fixture.export(for: build, at: now(-20), ByteString(decimal: number)) }
        publish(build)
        let record = try #require(try record(of: build))
        #expect(record.layers == 280)
        let generation = try fixture.generation()
        let memory = try Files.read(generation.unionPath(.store, build.key) + "-checked", limit: 65_536)
        #expect(memory.hasPrefix(record.manifest.digest.name))
        let layer = try #require(fixture.layers(of: fixture.lookup(for: build)).first)
        let path = generation.blobPath(layer)
        try Files.remove(path)
        #expect(try !fixture.layers(of: fixture.lookup(for: build)).contains(layer))
    }

    /// Changes to a file that do not show in the pool's modification time.
    enum Silent: String, CaseIterable, Codable {
        case layerShort, layerForAll, layerClosed, manifestBlank, configBlank
    }

    @Test(
        "Damage to any layer of a large union is noticed, even if the pool's time does not change",
        arguments: Silent.allCases)
    func silent(_ harm: Silent) async {
        await #expect(processExitsWith: .success) { [harm] in
            // Root may read everything, so the test changes to another user first.
            if geteuid() == 0 { #expect(seteuid(54_321) == 0) }
            let fixture = try StoreFixture()
            let build = try fixture.build()
            for number in 0..<140 {
                try fixture.export(for: build, at: Clock.now / 1_000_000_000, ByteString(decimal: number))
            }
            fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
            let generation = try fixture.generation()
            let place = generation.unionPath(.store, build.key)
            let record = try #require(UnionRecord.read(place, in: generation))
            let lookup = fixture.lookup(for: build)
            #expect(lookup.digest == record.manifest.digest && lookup.notes.isEmpty)
            let before = try Files.status(generation.poolPath).modified
            let layer = try #require(fixture.layers(of: lookup).sorted().last)
            func path(_ digest: Digest) -> String { generation.blobPath(digest).lossy }
            func rewrite(_ digest: Digest, _ change: (Int32) -> Bool) throws {
                let path = path(digest)
                #expect(chmod(path, 0o644) == 0)
                let file = open(path, O_WRONLY)
                #expect(file >= 0 && change(file) && close(file) == 0 && chmod(path, 0o444) == 0)
            }
            func blank(_ digest: Digest) throws { try rewrite(digest) { pwrite($0, " ", 1, 0) == 1 } }
            switch harm {
            case .layerShort: try rewrite(layer) { ftruncate($0, 3) == 0 }
            case .layerForAll: #expect(chmod(path(layer), 0o666) == 0)
            case .layerClosed: #expect(chmod(path(layer), 0) == 0)
            case .manifestBlank: try blank(record.manifest.digest)
            case .configBlank: try blank(record.config.digest)
            }
            #expect(try Files.status(generation.poolPath).modified == before)
            let after = fixture.imported(for: build)
            #expect(after.digest != record.manifest.digest && !after.notes.isEmpty)
            // The publisher does not keep it, either.
            fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
            let published = try #require(UnionRecord.read(place, in: generation))
            for blob in [published.manifest, published.config] {
                #expect(try Digest(of: Files.read(ByteString(path(blob.digest)), limit: 1 << 20)) == blob.digest)
            }
            let isLayer = after.notes.first?.reason == .layerRejected
            let layers = try fixture.layers(of: fixture.lookup(for: build))
            #expect(layers.contains(layer) != isLayer)
        }
    }

    @Test("If time runs out while a union's layers are checked, it is not imported, and a note says so")
    func noTime() throws {
        let build = try fixture.build()
        for number in 0..<140 { try fixture.export(for: build, at: now(-20), ByteString(decimal: number)) }
        publish(build)
        for most in 0..<1000 {
            let (lookup, _) = fixture.lookup(for: build, timeFor: most)
            if lookup.digest != nil {
                #expect(!lookup.isCut)
                return #expect(most > 10)
            }
            #expect(Set(lookup.notes.map(\.reason)) == [.storeSearchCut])
        }
        Issue.record("never found")
    }

    @Test("Nothing is merged once the time is up: the newest export alone is imported, and a note names what it lacks")
    func noTimeToMerge() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-20), "old")
        let new = try fixture.export(for: build, at: now(-10), "new")
        var seen: [[Note]] = []
        for most in 0..<1000 {
            let (lookup, asked) = fixture.lookup(for: build, timeFor: most)
            if lookup.merged != nil {
                #expect(asked <= most)
                return #expect(seen.contains([Note(.unionNotMerged, "1 export")]))
            }
            if lookup.digest == new.digest { seen.append(lookup.notes) }
        }
        Issue.record("never merged")
    }

    // MARK: - Trimming

    private func trim(keeping count: Int? = nil, linking: Bool = true) throws -> Trim.Report {
        var retention = Retention()
        retention.mostOfKey = count
        var trim = Trim(fixture.store, keeping: retention, dryRun: false)
        if !linking { trim.linkFile = { (_, _) throws(Errno) in throw .notPermitted } }
        return try trim.run()
    }

    private func current() throws -> Generation {
        try #require(try fixture.store.currentGeneration(of: fixture.store.user))
    }

    @Test("Trimming leaves unions of what it keeps, and none of what it drops", arguments: [true, false])
    func trimming(_ linking: Bool) throws {
        let build = try fixture.build()
        let exports = try (0..<5).map {
            try fixture.export(for: build, at: now(-50 + Int64($0)), ByteString(decimal: $0))
        }
        publish(build)
        _ = try trim(keeping: 3, linking: linking)
        let unions = UnionRecord.all(in: try current())
        #expect(unions.map(\.record.exportCount) == [3])
        let lookup = fixture.lookup(for: build)
        #expect(try fixture.layers(of: lookup) == Set(exports.suffix(3).flatMap { $0.layers.map(\.digest) }))
        #expect(lookup.merged == nil)
        // There is no reason to trim again.
        publish(build)
        let report = try trim(keeping: 3)
        #expect(report.outcome == .nothingToDo && report.after.orphaned == 0)
    }

    @Test("After trimming, each key's builds find everything that remains, without merging", arguments: [true, false])
    func remade(_ linking: Bool) throws {
        let hour: Int64 = 3_600_000_000_000
        let (build, other, alone) = (try fixture.build(), try stranger(), try stranger("alone"))
        // Too old for builds of other repositories, and more than a build would merge.
        let old = try (0..<40).map {
            try fixture.export(for: build, at: now(-9_000 + Int64($0)), "old " + ByteString(decimal: $0))
        }
        let new = try fixture.export(for: build, at: now(-60), "new")
        let foreign = try fixture.export(for: other, at: now(-50), "foreign")
        let single = try fixture.export(for: alone, at: now(-9_000), "single")
        publish(other, age: hour)
        try fixture.put("nobody's", in: current())
        #expect(try trim(linking: linking).outcome == (linking ? .switched("gen-000002") : .swept))
        let lookup = fixture.lookup(for: build)
        #expect(lookup.merged == nil && lookup.found.first??.exports == 41)
        #expect(try (old + [new]).allSatisfy { try fixture.finds($0, for: build) })
        #expect(try fixture.finds(foreign, new, for: other))
        #expect(try !fixture.finds(old[0], for: other), "still too old for others")
        #expect(try fixture.finds(single, for: alone))
        #expect(UnionRecord.all(in: try current()).count == 2, "one export by itself needs no union")
    }

    // MARK: - Several users

    /// Puts the content of another store into this one as another user's sub-store.
    private func lend(_ lender: StoreFixture, as user: UInt32 = 4242) throws {
        let from = lender.store.layout.subStore(of: lender.store.user)
        let to = fixture.store.layout.subStore(of: user).lossy
        #expect(system("cp -a '\(from.lossy)' '\(to)' && chown -hR \(user):\(user) '\(to)'") == 0)
    }

    @Test(
        "A union starts from what trusted users have published, which may be more exports than a build merges",
        .enabled(if: geteuid() == 0, "only root can give files away"))
    func lentUnion() throws {
        let build = try fixture.build()
        try fixture.export(for: build, at: now(-50), "own")
        let lender = try StoreFixture()
        for number in 0..<40 {
            try lender.export(for: build, at: now(-40), "foreign " + ByteString(decimal: number))
        }
        lender.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
        try lend(lender)
        let lookup = fixture.lookup(for: build, trusted: [fixture.store.user, 4242], leasing: true)
        #expect(lookup.found.first??.exports == 41)
        #expect(lookup.notes.isEmpty)
    }

    @Test(
        "A note says that time has left something out of a merge with what trusted users have published",
        .enabled(if: geteuid() == 0, "only root can give files away"), arguments: [true, false])
    func noTimeForLentUnion(hasOwn: Bool) throws {
        let build = try fixture.build()
        if hasOwn { try fixture.export(for: build, at: now(-50), "own") }
        _ = try fixture.generation()
        let users: [UInt32] = [4242, 4243]
        for user in users {
            let lender = try StoreFixture()
            try lender.export(for: build, at: now(-40), ByteString(decimal: user))
            lender.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
            try lend(lender, as: user)
            // Another user has the same export.
            if user == 4242 { try lend(lender, as: 4244) }
        }
        let trusted = [fixture.store.user, 4244] + users
        var seen: [Note] = []
        for most in 0..<1000 {
            let (lookup, asked) = fixture.lookup(for: build, timeFor: most, trusted: trusted)
            let found = lookup.found.first??.exports ?? 0
            if asked <= most {
                #expect(found == (hasOwn ? 3 : 2) && lookup.notes.isEmpty)
                let counts = Set(seen.filter { $0.reason == .unionNotMerged }.map(\.detail))
                return #expect(counts.contains("2 exports") && counts.isSubset(of: ["1 export", "2 exports"]))
            }
            #expect(found == (hasOwn ? 3 : 2) || !lookup.notes.isEmpty, "time for \(most) of \(asked)")
            seen += lookup.notes
        }
        Issue.record("time always ran out")
    }

    // Only root can give files away.
    @Test("Trusted users' exports are imported together with the user's own", .enabled(if: geteuid() == 0))
    func severalUsers() throws {
        let build = try fixture.build()
        let own = try fixture.export(for: build, at: now(-50), "own")
        let lender = try StoreFixture()
        let foreign = try (0..<2).map {
            try lender.export(for: build, at: now(-40), "foreign " + ByteString(decimal: $0))
        }
        try lend(lender)
        let trusted = [fixture.store.user, 4242]
        func lookup(_ trusted: [UInt32]) -> CacheLookup {
            var lookup = CacheLookup(of: fixture.opened(trusted: trusted, leasing: true), for: [build], acting: true)
            lookup.write()
            return lookup
        }
        func reads(_ lookup: CacheLookup, _ exports: [StoredExport]) throws -> Bool {
            let layers = try fixture.layers(of: lookup)
            let source = try #require(lookup.found.first??.source)
            return try exports.flatMap(\.layers).allSatisfy { layer in
                let path = source.blobPath(layer.digest)
                return try layers.contains(layer.digest) && Files.read(path, limit: 999).count == layer.size
            }
        }
        let found = lookup(trusted)
        #expect(found.notes.isEmpty && found.leases.count == 2)
        #expect(found.found.first??.exports == 3)
        #expect(try reads(found, [own] + foreign))
        #expect(lookup([fixture.store.user]).digest == own.digest, "nothing of who is not trusted")

        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max, trusting: trusted)
        let published = lookup(trusted)
        #expect(published.merged == nil && published.found.first??.exports == 3)
        #expect(try reads(published, [own] + foreign))
        let late = try fixture.export(for: build, at: now(-10), "late")
        #expect(try reads(lookup(trusted), [own, late] + foreign))

        // Another user's file in a trusted user's sub-store counts as missing, and so does what is based on it.
        let lent = try #require(try fixture.store.currentGeneration(of: 4242)?.blobPath(foreign[0].layers[1].digest))
        #expect(chown(lent.lossy, 5555, 5555) == 0)
        let without = lookup(trusted)
        #expect(try reads(without, [own, late, foreign[1]]))
        #expect(try !fixture.layers(of: without).contains(foreign[0].layers[1].digest))
    }
}
