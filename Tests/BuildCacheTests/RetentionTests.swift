import CacheUnion
import Formats
import Notes
import TestSupport
import Testing

@testable import BuildCache

/// Exports that exist only in memory, as the choice among them sees them.
private struct Shelf {
    private(set) var files: [Digest: Pool.File] = [:]
    private(set) var graphs: [Digest: CacheGraph] = [:]
    private(set) var keys: [ByteString: [ExportRecord]] = [:]
    /// The number of graphs read.
    final class Count { var value = 0 }
    let reads = Count()

    /// One layer: its name, which is also that of its step, and its size in bytes.
    typealias Layer = (name: ByteString, bytes: Int)

    /// An export of a chain of layers.
    @discardableResult
    mutating func add(
        _ layers: [Layer], used: Int64, key: ByteString = "app-0", branch: ByteString = "main",
        records: [ExportRecord.File] = [], isFetched: Bool = false
    ) -> ExportRecord {
        let config = Self.config(layers)
        let descriptors = layers.map {
            StoredBlob(digest: Self.digest($0.name), size: $0.bytes, path: "").descriptor(
                "application/vnd.oci.image.layer.v1.tar+gzip")
        }
        let manifest = JSON.object([
            "schemaVersion": .integer(2), "mediaType": .string("application/vnd.oci.image.manifest.v1+json"),
            "config": StoredBlob(digest: Digest(of: config), size: config.count, path: "").descriptor(
                "application/vnd.buildkit.cacheconfig.v0"), "layers": .array(descriptors),
        ]).text
        let blobs = [Digest(of: manifest)] + layers.map { Self.digest($0.name) } + [Digest(of: config)]
        let sizes = [manifest.count] + layers.map(\.bytes) + [config.count]
        for (blob, size) in zip(blobs, sizes) { files[blob] = Pool.File(size: size, isSound: true) }
        if graphs[blobs[0]] == nil {
            graphs[blobs[0]] = CacheManifest(manifest).flatMap { CacheGraph(manifest: $0, config: config) }
        }
        let number = ByteString(String(keys[key, default: []].count, radix: 16)).zeroPadded(to: 16)
        let name = ExportName(variant: Variant(branch: branch, arguments: []), started: used, random: number)
        let export = ExportRecord(
            name: name.text, variant: name.variant, completed: used, used: used, state: .complete, blobs: blobs,
            records: records, isFetched: isFetched)
        keys[key, default: []].append(export)
        return export
    }

    static func digest(_ name: ByteString) -> Digest { Digest(of: "layer " + name) }

    private static func config(_ layers: [Layer]) -> ByteString {
        var records: [JSON] = [.object(["digest": .string(Digest(of: "source").name)])]
        for (number, layer) in layers.enumerated() {
            records.append(
                .object([
                    "digest": .string(Digest(of: "step " + layer.name).name),
                    "inputs": .array([.array([.object(["link": .integer(number)])])]),
                    "layers": .array([
                        .object(["layer": .integer(number), "createdAt": .string("2026-11-28T10:00:00Z")])
                    ]),
                ]))
        }
        return JSON.object([
            "layers": .array(
                layers.enumerated().map {
                    .object(["blob": .string(digest($1.name).name), "parent": .integer($0 - 1)])
                }), "records": .array(records),
        ]).text
    }

    func choose(_ retention: Retention, now: Int64 = 1_000_000) -> Retention.Choice {
        let inventory = Inventory(
            generation: Generation(path: "/nowhere", owner: 0),
            keys: keys.sorted { $0.key < $1.key }.map {
                KeyRecord(name: $0.key, description: nil, lastUsed: 0, exports: $0.value)
            }, pool: Pool(files: files))
        return retention.choose(from: inventory, now: now) { export in
            reads.value += 1
            return export.blobs.first.flatMap { graphs[$0] }
        }
    }

    /// What remains in a trimmed store.
    func trimmed(to choice: Retention.Choice) -> Shelf {
        var shelf = self
        for made in choice.made {
            shelf.graphs[made.manifestDigest] = CacheManifest(made.manifest).flatMap {
                CacheGraph(manifest: $0, config: made.config)
            }
            shelf.files[made.manifestDigest] = Pool.File(size: made.manifest.count, isSound: true)
            shelf.files[made.configDigest] = Pool.File(size: made.config.count, isSound: true)
        }
        shelf.keys = keys.mapValues { _ in [] }
        for (key, exports) in choice.kept {
            for kept in exports {
                guard let export = keys[key]?.first(where: { $0.name == kept.name }) else { continue }
                shelf.keys[key]?.append(
                    ExportRecord(
                        name: export.name, variant: export.variant, completed: export.completed, used: export.used,
                        state: .complete, blobs: kept.shortened?.blobs ?? export.blobs, records: export.records))
            }
        }
        return shelf
    }

    /// The bytes of what was chosen, including new files for it.
    func bytes(_ choice: Retention.Choice) -> UInt64 {
        Pool(files: files).bytes(of: choice.blobs) + choice.made.reduce(0) { $0 + UInt64($1.bytes) }
    }

    /// The graphs of what was chosen.
    func kept(_ choice: Retention.Choice) -> [CacheGraph] {
        choice.kept.flatMap { key, exports in
            exports.compactMap { kept in
                if let shortened = kept.shortened {
                    return CacheManifest(shortened.manifest).flatMap {
                        CacheGraph(manifest: $0, config: shortened.config)
                    }
                }
                return keys[key]?.first { $0.name == kept.name }?.blobs.first.flatMap { graphs[$0] }
            }
        }
    }
}

extension Retention.Choice {
    fileprivate func holds(_ layers: ByteString...) -> Bool { layers.allSatisfy { blobs.contains(Shelf.digest($0)) } }
    fileprivate var causes: [ByteString] { dropped.map(\.cause.name) }
}

@Suite("What trimming keeps")
struct RetentionTests {
    private func retention(_ bytes: UInt64? = nil) -> Retention {
        var retention = Retention()
        retention.maximumSize = bytes
        return retention
    }

    private let megabyte = 1_000_000

    @Test("Layers that only older exports have stay, however many newer exports there are")
    func old() {
        var shelf = Shelf()
        shelf.add([("base", 1), ("old", 1)], used: 1, branch: "old")
        for number in 0..<50 { shelf.add([("base", 1), (ByteString("\(number)"), 1)], used: 100 + Int64(number)) }
        let choice = shelf.choose(retention())
        #expect(choice.holds("base", "old", "0", "49") && choice.dropped.isEmpty && choice.keptCount == 51)
    }

    @Test("Of equal exports the last used one stays, and none that a longer one contains")
    func equal() {
        var shelf = Shelf()
        for used in [3, 9, 5] as [Int64] { shelf.add([("base", 1), ("a", 1)], used: used) }
        shelf.add([("base", 1)], used: 7)
        // An export of another key belongs to that key.
        shelf.add([("base", 1), ("a", 1)], used: 1, key: "other-0")
        let choice = shelf.choose(retention())
        #expect(choice.causes == ["superseded", "superseded", "superseded"])
        #expect(choice.kept["app-0"]?.count == 1 && choice.kept["other-0"]?.count == 1)
        #expect(choice.kept["app-0"]?.first?.name == shelf.keys["app-0"]?[1].name)
    }

    @Test("Two writers with the same layers both keep their own exports of them, however new the fetched ones are")
    func fetched() {
        var shelf = Shelf()
        shelf.add([("base", 1), ("a", 1)], used: 3)
        shelf.add([("base", 1)], used: 2)
        shelf.add([("base", 1), ("a", 1), ("theirs", 1)], used: 9, isFetched: true)
        shelf.add([("base", 1), ("a", 1)], used: 8, isFetched: true)
        let choice = shelf.choose(retention())
        let names = shelf.keys["app-0"]?.map(\.name) ?? []
        #expect(Set(choice.kept["app-0"]?.map(\.name) ?? []) == [names[0], names[2]])
        #expect(choice.dropped.map(\.cause) == [.superseded, .superseded])
    }

    @Test("The least recently used layers go first: a layer counts as used by the last export that names it")
    func leastRecent() {
        var shelf = Shelf()
        shelf.add([("base", megabyte), ("a", megabyte)], used: 1, branch: "a")
        shelf.add([("base", megabyte), ("b", megabyte)], used: 2, branch: "b")
        shelf.add([("base", megabyte), ("c", megabyte)], used: 3, branch: "c")
        // a is built again, with one more step.
        shelf.add([("base", megabyte), ("a", megabyte), ("more", 10)], used: 4, branch: "a")
        let choice = shelf.choose(retention(3_500_000))
        #expect(choice.holds("base", "a", "more", "c") && !choice.holds("b"))
        #expect(choice.dropped.map(\.cause) == [.superseded, .overBudget])
        #expect(shelf.choose(retention(2_500_000)).holds("base", "a", "more"))
        #expect(!shelf.choose(retention(2_500_000)).holds("c"))
    }

    @Test("A recorded use counts like an export")
    func noted() {
        var shelf = Shelf()
        let a = shelf.add([("a", megabyte)], used: 1)
        shelf.add([("b", megabyte)], used: 2)
        #expect(!shelf.choose(retention(1_500_000)).holds("a"))
        shelf = Shelf()
        shelf.add([("a", megabyte)], used: a.used + 9)
        shelf.add([("b", megabyte)], used: 2)
        #expect(shelf.choose(retention(1_500_000)).holds("a"))
    }

    @Test("The first export without space keeps as many of its layers as fit, from the base on")
    func boundary() throws {
        var shelf = Shelf()
        shelf.add([("new", megabyte)], used: 9)
        shelf.add([("one", megabyte), ("two", megabyte), ("three", megabyte)], used: 5)
        shelf.add([("tiny", 1)], used: 1)
        let choice = shelf.choose(retention(3_500_000))
        #expect(choice.holds("new", "one", "two") && !choice.holds("three"))
        #expect(!choice.holds("tiny"), "used before what has no room")
        #expect(choice.shortened.map(\.cause) == [.overBudget] && choice.keptCount == 2)
        let made = try #require(choice.made.first)
        #expect(made.layers.sorted() == [Shelf.digest("one"), Shelf.digest("two")].sorted())
        #expect(shelf.kept(choice).count == 2, "what was made can be read")
        #expect(choice.neededBudget == 0 && choice.bytesOverBudget == 0)
        #expect(JSON(made.index)?[key: "manifests"]?.array?.first?[key: "digest"]?.string == made.manifestDigest.name)
    }

    @Test("A layer larger than the budget is dropped with everything built on it, and nothing else")
    func large() {
        var shelf = Shelf()
        for number in 0..<20 { shelf.add([(ByteString("\(number)"), 10_000)], used: Int64(number)) }
        shelf.add([("base", 10_000), ("large", 9 * megabyte), ("top", 1)], used: 99)
        let choice = shelf.choose(retention(UInt64(megabyte)))
        #expect(choice.holds("base", "0", "19") && !choice.blobs.contains(Shelf.digest("large")))
        #expect(!choice.holds("top"))
        #expect(choice.dropped.isEmpty && choice.shortened.count == 1)
        #expect(choice.neededBudget > 9 * UInt64(megabyte) && choice.neededBudget < 10 * UInt64(megabyte))
        #expect(shelf.bytes(choice) <= UInt64(megabyte))
        // Not even its manifest fits.
        let none = shelf.choose(retention(100))
        #expect(none.blobs.isEmpty && none.keptCount == 0 && none.neededBudget > 0)
    }

    @Test("Exports that do not fit into their key's union are dropped; one of each branch comes before all others")
    func beyondUnion() {
        var shelf = Shelf()
        shelf.add([("base", 1), ("old branch", 1)], used: 1, branch: "old")
        shelf.add([("base", 1), ("too old", 1)], used: 2)
        for number in 0..<1200 { shelf.add([("base", 1), (ByteString("\(number)"), 1)], used: 100 + Int64(number)) }
        let choice = shelf.choose(retention())
        #expect(choice.holds("old branch", "1199") && !choice.holds("too old"))
        #expect(Set(choice.causes) == ["beyond-union"] && choice.keptCount > 300)
        let (union, leftOut) = CacheGraph.union(of: shelf.kept(choice), limit: .init())
        #expect(leftOut.isEmpty && union.recordCount <= 1000)
    }

    @Test("What does not fit into a union beside the last used export is dropped, also if it was used next")
    func secondBeyondUnion() {
        var shelf = Shelf()
        func steps(_ name: String, _ count: Int) -> [Shelf.Layer] {
            (0..<count).map { (ByteString("\(name) \($0)"), 1) }
        }
        shelf.add([("small", 1)], used: 1)
        let large = shelf.add(steps("large", 500), used: 2)
        shelf.add(steps("last", 600), used: 3)
        let choice = shelf.choose(retention())
        #expect(choice.dropped == [Retention.Dropped(key: "app-0", export: large.name, cause: .beyondUnion)])
        #expect(choice.keptCount == 2)
    }

    @Test("An export stays as long as its age is at most the greatest, and not a nanosecond longer")
    func greatestAge() {
        var shelf = Shelf()
        shelf.add([("a", 1)], used: 5)
        var retention = retention()
        retention.maximumAge = 10
        #expect(shelf.choose(retention, now: 15).keptCount == 1)
        #expect(shelf.choose(retention, now: 16).causes == ["too-old"])
    }

    @Test("An export that costs just the budget stays whole")
    func exact() throws {
        var shelf = Shelf()
        let export = shelf.add([("base", megabyte), ("top", megabyte)], used: 1)
        let pool = Pool(files: shelf.files)
        let metadata = try pool.bytes(of: [#require(export.blobs.first), #require(export.blobs.last)])
        let cost = pool.bytes(of: Set(export.blobs)) + 2 * metadata
        let whole = shelf.choose(retention(cost))
        #expect(whole.keptCount == 1 && whole.shortened.isEmpty)
        #expect(shelf.choose(retention(cost - 1)).shortened.count == 1)
    }

    @Test("The only export of a key need not be read")
    func only() {
        var shelf = Shelf()
        shelf.add([("a", 1)], used: 1)
        #expect(shelf.choose(retention()).keptCount == 1 && shelf.reads.value == 0)
    }

    @Test("An export that no union can read is kept only if it was used last, because then it is imported directly")
    func opaque() {
        var shelf = Shelf()
        let old = shelf.add([("old", megabyte)], used: 1)
        let new = shelf.add([("new", megabyte)], used: 2)
        let inventory = Inventory(
            generation: Generation(path: "/nowhere", owner: 0),
            keys: [KeyRecord(name: "app-0", description: nil, lastUsed: 0, exports: [old, new])],
            pool: Pool(files: shelf.files))
        let choice = retention().choose(from: inventory, now: 9) { _ in nil }
        #expect(choice.holds("new") && choice.causes == ["beyond-union"])
        let none = retention(1000).choose(from: inventory, now: 9) { _ in nil }
        #expect(none.keptCount == 0 && none.neededBudget > UInt64(megabyte))
    }

    @Test("Records beside exports count with their size, and equal ones once")
    func records() {
        var shelf = Shelf()
        let context = ExportRecord.File(inode: 7, bytes: 500_000)
        for number in 0..<5 { shelf.add([(ByteString("\(number)"), 1)], used: Int64(number), records: [context]) }
        #expect(shelf.choose(retention(520_000)).keptCount == 5)
        shelf = Shelf()
        for number in 0..<5 {
            let context = ExportRecord.File(inode: UInt64(number), bytes: 500_000)
            shelf.add([(ByteString("\(number)"), 1)], used: Int64(number), records: [context])
        }
        #expect(shelf.choose(retention(1_100_000)).keptCount == 2)
    }

    @Test("Keys other than the requested one stay, whatever their size")
    func oneKey() {
        var shelf = Shelf()
        for number in 0..<5 {
            shelf.add([(ByteString("a\(number)"), megabyte)], used: Int64(number), key: "a-0")
            shelf.add([(ByteString("b\(number)"), megabyte)], used: Int64(number), key: "b-0")
        }
        var retention = retention(1_000_000)
        retention.key = "a-0"
        let choice = shelf.choose(retention)
        #expect(choice.kept["a-0"] == nil && choice.kept["b-0"]?.count == 5)
        #expect((4_000_000..<5_000_000).contains(choice.bytesOverBudget))
        retention.maximumSize = nil
        retention.mostOfKey = 2
        #expect(shelf.choose(retention).kept.mapValues(\.count) == ["a-0": 2, "b-0": 5])
        retention.mostOfKey = 0
        #expect(shelf.choose(retention).kept.mapValues(\.count) == ["b-0": 5])
    }

    /// A history of builds on some branches, each of which keeps some steps of an earlier build.
    private func history(_ generator: inout Repeatable, large: Bool) -> Shelf {
        var shelf = Shelf()
        var chains: [[Shelf.Layer]] = [[]]
        var times = Array(1...60).map { Int64($0) }
        times.shuffle(using: &generator)
        for (number, used) in times.enumerated() {
            let former = chains.randomElement(using: &generator) ?? []
            var chain = Array(former.prefix(Int.random(in: 0...former.count, using: &generator)))
            for step in 0..<Int.random(in: 0...3, using: &generator) {
                let isLarge = large && Int.random(in: 0..<20, using: &generator) == 0
                let bytes = isLarge ? 50 * megabyte : Int.random(in: 1...megabyte, using: &generator)
                chain.append((ByteString("\(number) \(step)"), bytes))
            }
            guard !chain.isEmpty else { continue }
            chains.append(chain)
            shelf.add(
                chain, used: used, key: ["a-0", "b-0"].randomElement(using: &generator) ?? "a-0",
                branch: ByteString("\(Int.random(in: 0..<4, using: &generator))"))
        }
        return shelf
    }

    @Test(
        "For any history: the budget is kept, every named layer exists, every layer can be found, and the least recently used go first",
        arguments: Turn.some(of: UInt64(0)..<60, oneIn: 4))
    func properties(seed: UInt64) throws {
        var generator = Repeatable(seed: seed)
        let shelf = history(&generator, large: seed % 3 == 0)
        let budget = UInt64.random(in: 200_000...40_000_000, using: &generator)
        let choice = shelf.choose(retention(budget))
        #expect(shelf.bytes(choice) <= budget && choice.bytesOverBudget == 0)
        let made = Set(choice.made.flatMap { [$0.manifestDigest, $0.configDigest] })
        #expect(choice.blobs.allSatisfy { shelf.files[$0] != nil || made.contains($0) })
        let kept = shelf.kept(choice)
        #expect(kept.count == choice.keptCount)
        #expect(kept.allSatisfy { $0.layers.allSatisfy { choice.blobs.contains($0.digest) } })

        // Whatever an export says about the remaining layers, the result says, too.
        let exports = shelf.keys.values.joined()
        var coverage = CacheGraph.Coverage()
        for graph in kept { _ = coverage.add(graph) }
        for export in exports {
            let graph = try #require(export.blobs.first.flatMap { shelf.graphs[$0] })
            let isNew = coverage.add(graph.keepingLayers { choice.blobs.contains($0.digest) })
            #expect(!isNew)
        }

        var used: [Digest: Int64] = [:]
        var isTooLarge: Set<Digest> = []
        let pool = Pool(files: shelf.files)
        for export in exports {
            var bytes = 3 * pool.bytes(of: [export.blobs.first, export.blobs.last].compactMap(\.self))
            for link in try #require(export.blobs.first.flatMap { shelf.graphs[$0] }).chains {
                used[link.digest] = max(used[link.digest] ?? 0, export.used)
                bytes += UInt64(shelf.files[link.digest]?.size ?? 0)
                if bytes > budget { isTooLarge.insert(link.digest) }
            }
        }
        let lost = used.filter { !choice.blobs.contains($0.key) && !isTooLarge.contains($0.key) }.map(\.value).max()
        let last = used.filter { choice.blobs.contains($0.key) }.map(\.value).min()
        if let lost, let last { #expect(lost <= last) }
        // Choosing again from the result changes nothing.
        let again = shelf.trimmed(to: choice).choose(retention(budget))
        #expect(again.blobs == choice.blobs && again.dropped.isEmpty && again.shortened.isEmpty)
    }

    @Test("With many small layers each export is read once or twice, and the budget is kept", arguments: [5, 20])
    func manySmall(keys: Int) {
        var shelf = Shelf()
        for key in 0..<keys {
            for number in 0..<20 {
                let layers = (0..<10).map { step -> Shelf.Layer in (ByteString("\(key) \(number) \(step)"), 100) }
                shelf.add(layers, used: Int64(number * 100 + key), key: ByteString("key-\(key)"))
            }
        }
        let all = shelf.choose(retention())
        #expect(all.keptCount == keys * 20 && shelf.reads.value == keys * 20)
        let budget = shelf.bytes(all)
        shelf.reads.value = 0
        let choice = shelf.choose(retention(budget))
        #expect(shelf.bytes(choice) <= budget && choice.keptCount > keys * 7 && choice.keptCount < keys * 20)
        #expect(shelf.reads.value <= keys * 20 + 1, "one does not fit and is read again")
    }
}
