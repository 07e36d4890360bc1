import Formats
import TestSupport
import Testing

@testable import CacheUnion

@Suite("Many graphs merged into one")
struct UnionTests {
    private func read(_ export: (manifest: ByteString, config: ByteString)) throws -> CacheGraph {
        let manifest = try #require(CacheManifest(export.manifest))
        return try #require(CacheGraph(manifest: manifest, config: export.config))
    }

    @Test("The bytes are the same for every order and grouping", arguments: Turn.some(of: UInt64(1)...60, oneIn: 4))
    func order(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let graphs = maker.graphs(5)
        try #require(graphs.count == 5)
        let all = CacheGraph.union(of: graphs).graph
        // Kept out of the messages of expectations, because a config has thousands of bytes.
        func isSame(_ inputs: [CacheGraph]) -> Bool {
            let other = CacheGraph.union(of: inputs).graph
            return other == all && other.config == all.config
        }
        #expect(isSame(graphs.reversed()), "seed \(seed)")
        #expect(isSame(graphs + graphs), "seed \(seed)")
        #expect(isSame([all]), "seed \(seed)")
        let left = CacheGraph.union(of: [graphs[0], graphs[1]]).graph
        let right = CacheGraph.union(of: [graphs[4], graphs[2], graphs[3]]).graph
        #expect(isSame([right, left]), "seed \(seed)")
        #expect(isSame([left, graphs[3], CacheGraph(), right]), "seed \(seed)")
    }

    @Test("Only results that were made again although a union has them are counted")
    func remade() throws {
        /// A line of steps, each with its time and its blob.
        func line(
            _ steps: [(time: String, blob: String)], on base: String = "base", last: String = "last"
        ) throws -> CacheGraph {
            var records = #"{"digest":"\#(digest(base))"}"#
            for (index, step) in steps.enumerated() {
                let name = index == steps.count - 1 ? last : "step \(index)"
                records += #",{"digest":"\#(digest(name))","inputs":[[{"link":\#(index)}]],"#
                records += #""layers":[{"layer":\#(index),"createdAt":"2026-11-28T\#(step.time)Z"}]}"#
            }
            let layers = steps.enumerated().map { #"{"blob":"\#(digest($1.blob))","parent":\#($0 - 1)}"# }
            let text = #"{"layers":["# + layers.joined(separator: ",") + #"],"records":["# + records + "]}"
            let config = ByteString(text)
            return try read((imageManifest(config, steps.map { digest($0.blob) }), config))
        }
        let former = try line([("10:00:00", "a"), ("10:00:01", "b"), ("10:00:02", "c")])
        let union = CacheGraph.union(of: [former, try line([("09:00:00", "x")], last: "other")]).graph
        let held = try #require(CacheGraph(manifest: union.manifest(of: union.config), config: union.config))
        let began: Int64 = 1_795_867_200  // 2026-11-28T12:00:00Z
        #expect(former.remade(since: began, although: held) == 0, "cached")
        #expect(former.sources == [Digest(of: "base")] && held.sources == former.sources)
        let missed = try line([("10:00:00", "a"), ("12:00:03", "d"), ("12:00:04", "e")])
        #expect(missed.remade(since: began, although: held) == 2)
        let changed = try line([("10:00:00", "a"), ("10:00:01", "b"), ("12:00:04", "e")], last: "changed")
        #expect(changed.remade(since: began, although: held) == 0, "another step")
        let moved = try line([("12:00:02", "a"), ("12:00:03", "d"), ("12:00:04", "e")], on: "other base")
        #expect(moved.remade(since: began, although: held) == 0, "the same steps on another base")
        #expect(missed.remade(since: began, although: CacheGraph()) == 0)
    }

    @Test("A written graph can be read back", arguments: Turn.some(of: UInt64(1)...60, oneIn: 4))
    func roundTrip(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let all = CacheGraph.union(of: maker.graphs(4)).graph
        let config = all.config
        let manifest = all.manifest(of: config)
        #expect(CacheManifest(manifest.text) == manifest)
        let isSame = CacheGraph(manifest: manifest, config: config)?.config == config
        #expect(isSame, "seed \(seed)")
    }

    @Test("It contains every chain of each input, and nothing else", arguments: Turn.some(of: UInt64(1)...60, oneIn: 4))
    func oracle(seed: UInt64) throws {
        // Few and small steps: then no links form a cycle, and the config contains everything.
        var maker = GraphMaker(seed: seed, steps: 14)
        let exports = (0..<4).map { _ in maker.export() }
        let union = CacheGraph.union(of: try exports.map(read)).graph
        guard !union.hasCircle else { return }
        let written = try Oracle([union.config])
        for export in exports {
            let isFound = try Oracle([export.config]).found(in: written) != nil
            #expect(isFound, "seed \(seed)")
        }
        let wanted = try Oracle(exports.map(\.config))
        #expect(wanted.counts == written.counts, "seed \(seed)")
    }

    @Test("Most of the generated unions are compared with the oracle")
    func oracleSeesMost() throws {
        let circles = try (UInt64(1)...60).filter { seed in
            var maker = GraphMaker(seed: seed, steps: 14)
            return CacheGraph.union(of: try (0..<4).map { _ in try read(maker.export()) }).graph.hasCircle
        }
        #expect(circles.count < 6)
    }

    @Test("Only the results of a missing layer are removed", arguments: Turn.some(of: UInt64(1)...40, oneIn: 4))
    func removing(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed, steps: 14)
        let exports = (0..<3).map { _ in maker.export() }
        let union = CacheGraph.union(of: try exports.map(read)).graph
        guard !union.hasCircle, union.layers.count > 4 else { return }
        let missing = Set([1, 3].map { union.layers[$0].digest })
        let less = union.keepingLayers { !missing.contains($0.digest) }
        #expect(!less.layers.contains { missing.contains($0.digest) }, "seed \(seed)")
        #expect(less.config == less.keepingLayers { _ in true }.config)
        var wanted = try Oracle([union.config])
        let names = Set(missing.map(\.name))
        for index in wanted.records.indices {
            wanted.records[index].results = wanted.records[index].results.filter { names.isDisjoint(with: $0) }
            wanted.records[index].chains = wanted.records[index].chains.filter { names.isDisjoint(with: $0) }
        }
        let written = try Oracle([less.config])
        let useful = wanted.useful()
        #expect(useful.counts == written.counts, "seed \(seed)")
        let isFound = wanted.useful().found(in: written) != nil
        #expect(isFound, "seed \(seed)")
    }

    @Test("Nothing is left if every layer is missing")
    func removingAll() throws {
        var maker = GraphMaker(seed: 1)
        let union = CacheGraph.union(of: maker.graphs(3)).graph
        #expect(union.keepingLayers { _ in false } == CacheGraph())
        #expect(CacheGraph().config == "{\"layers\":[],\"records\":[]}")
    }

    @Test(
        "Exports that do not fit are left out as a whole, in the given order",
        arguments: Turn.some(of: UInt64(1)...40, oneIn: 4))
    func limit(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let graphs = maker.graphs(8)
        let all = CacheGraph.union(of: graphs).graph
        let half = CacheGraph.Limit(configBytes: all.config.count / 2)
        let (graph, leftOut) = CacheGraph.union(of: graphs, limit: half)
        #expect(graph.config.count <= half.configBytes)
        #expect(!leftOut.isEmpty && leftOut.count < 8)
        let taken = graphs.indices.filter { !leftOut.contains($0) }.map { graphs[$0] }
        let isSame = CacheGraph.union(of: taken).graph == graph
        #expect(isSame, "seed \(seed)")
        let few = CacheGraph.union(of: graphs, limit: CacheGraph.Limit(records: 20))
        #expect(few.graph.recordCount <= 20)
        let blobs = CacheGraph.union(of: graphs, limit: CacheGraph.Limit(manifestBytes: 5_000)).graph
        #expect(blobs.manifest(of: blobs.config).text.count <= 5_000)
        #expect(CacheGraph.union(of: graphs, limit: CacheGraph.Limit()).leftOut.isEmpty)
    }

    @Test("A limit is the largest size allowed")
    func exactly() throws {
        var maker = GraphMaker(seed: 7)
        let graph = try #require(maker.graphs(1).first)
        let size = graph.graph.size
        let limit = CacheGraph.Limit(configBytes: size.config, manifestBytes: size.manifest, records: size.records)
        var coverage = CacheGraph.Coverage()
        #expect(coverage.add(graph) && coverage.fits(in: limit))
        #expect(CacheGraph.union(of: [graph], limit: limit).leftOut.isEmpty)
        for part in [\.configBytes, \.manifestBytes, \.records] as [WritableKeyPath<CacheGraph.Limit, Int>] {
            var less = limit
            less[keyPath: part] -= 1
            #expect(!coverage.fits(in: less))
            #expect(CacheGraph.union(of: [graph], limit: less).leftOut == [0])
        }
    }

    @Test("Nothing counts twice, so graphs that fit by their sizes are merged")
    func sums() throws {
        let graphs = try ["a", "b"].map { name in
            let steps = (0..<40).map { "{\"digest\":\"\(digest("\(name)\($0)"))\",\"inputs\":[[{\"link\":\($0)}]]}" }
            let config = ByteString(
                "{\"records\":[{\"digest\":\"\(digest(name))\"},\(steps.joined(separator: ","))]}")
            return try read((imageManifest(config, []), config))
        }
        let both = CacheGraph.Limit(configBytes: graphs.reduce(0) { $0 + $1.graph.size.config })
        #expect(CacheGraph.union(of: graphs, limit: both).leftOut.isEmpty)
    }

    @Test("The first one that fits is taken, and also a small one after a large one that does not fit")
    func preference() throws {
        var small = GraphMaker(seed: 3, steps: 6)
        var large = GraphMaker(seed: 4, steps: 60)
        let graphs = [small.graphs(1)[0], large.graphs(1)[0], small.graphs(1)[0]]
        let limit = CacheGraph.Limit(configBytes: graphs[0].config.count + graphs[2].config.count + 1_000)
        #expect(CacheGraph.union(of: graphs, limit: limit).leftOut == [1])
        #expect(CacheGraph.union(of: [graphs[1], graphs[0]], limit: CacheGraph.Limit(records: 3)).leftOut.contains(0))
        // Nor do many that are only looked at hide the small one.
        let many = [CacheGraph](repeating: graphs[1], count: 30)
        let few = CacheGraph.union(of: [graphs[0]] + many + [graphs[2]], limit: limit)
        #expect(few.leftOut == Array(1...30) && few.graph == CacheGraph.union(of: [graphs[0], graphs[2]]).graph)
    }

    @Test("Two compressions of one layer stay two layers")
    func compressions() throws {
        func export(_ blob: String, _ created: String) throws -> CacheGraph {
            let config = ByteString(
                """
                {"layers":[{"blob":"\(digest(blob))","parent":-1}],"records":[{"digest":"\(digest("base"))"},
                {"digest":"\(digest("step"))","inputs":[[{"link":0}]],"layers":[{"layer":0,"createdAt":"\(created)"}]}]}
                """)
            return try read((imageManifest(config, [digest(blob)]), config))
        }
        let union = CacheGraph.union(of: [
            try export("gzip", "2026-11-28T10:00:00Z"), try export("zstd", "2026-11-28T10:00:01.25Z"),
        ]).graph
        #expect(union.recordCount == 2)
        #expect(union.layers.count == 2)
        #expect(union.config.range(of: "1926-11-28T10:00:01.25Z") != nil)
        #expect(union.config.range(of: "1926-11-28T10:00:00Z") != nil)
    }

    @Test("Of two descriptions of a blob a union keeps the same one, in any order")
    func descriptions() throws {
        let config = ByteString(
            """
            {"layers":[{"blob":"\(digest("a"))","parent":-1}],
            "records":[{"digest":"\(digest("base"))","layers":[{"createdAt":"2026-11-28T10:00:00Z"}]}]}
            """)
        let one = try read((imageManifest(config, [digest("a")], annotation: "1"), config))
        let other = try read((imageManifest(config, [digest("a")], annotation: "2"), config))
        let union = CacheGraph.union(of: [one, other]).graph
        #expect(union == CacheGraph.union(of: [other, one]).graph)
        #expect(union.layers.count == 1)
    }

    /// An exporter that has seen fewer links to an input than another means the same record: otherwise every step after
    /// it would exist twice.
    @Test("Records that share a link to each input are one, and so are those that follow from them")
    func sharedWays() throws {
        func export(_ ways: [String]) throws -> CacheGraph {
            let sources = ways.map { "{\"digest\":\"\(digest($0))\"}" }.joined(separator: ",")
            let inputs = ways.indices.map { "{\"link\":\($0)}" }.joined(separator: ",")
            let last = ways.count
            let config = ByteString(
                """
                {"layers":[{"blob":"\(digest("a"))","parent":-1},{"blob":"\(digest("b"))"}],"records":[\(sources),
                {"digest":"\(digest("copy"))","inputs":[[\(inputs)]],"layers":[{"createdAt":"2026-11-28T10:00:00Z"}]},
                {"digest":"\(digest("run"))","inputs":[[{"link":\(last)}]],
                "layers":[{"layer":1,"createdAt":"2026-11-28T10:00:00+01:00"}]}]}
                """)
            return try read((imageManifest(config, [digest("a"), digest("b")]), config))
        }
        let (first, second, both) = (try export(["x"]), try export(["y"]), try export(["y", "x"]))
        #expect(CacheGraph.union(of: [first, second]).graph.recordCount == 6)
        #expect(CacheGraph.union(of: [first, second, both]).graph.recordCount == 4)
        #expect(CacheGraph.union(of: [both, second, first]).graph.config == both.config)
    }

    /// BuildKit's importer loses links between records if nothing depends on several of a config's records.
    @Test("All records of a union lead to one record", arguments: UInt64(1)...20)
    func crown(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let config = CacheGraph.union(of: maker.graphs(3)).graph.config
        let records = try #require(JSON(config)?[key: "records"]?.array)
        var leaves = Set(records.indices)
        for record in records {
            for group in record[key: "inputs"]?.array ?? [] {
                for way in group.array ?? [] { leaves.remove(way[key: "link"]?.integer ?? 0) }
            }
        }
        #expect(leaves == [records.count - 1], "seed \(seed)")
        #expect(records.last?[key: "digest"]?.string == Graph.crown.name)
        #expect(records.last?[key: "layers"] == nil)
    }

    /// BuildKit refuses a whole config in which records form a cycle.
    @Test("Links that form a cycle in the union are not written")
    func circles() throws {
        // In one export a step depends on itself through another, which the records of both merge into one.
        func export(_ extra: String, _ link: String) throws -> CacheGraph {
            let config = ByteString(
                """
                {"layers":[{"blob":"\(digest("a"))","parent":-1}],"records":[{"digest":"\(digest("base"))"},
                {"digest":"\(digest("one"))","inputs":[[{"link":0}]],"layers":[{"createdAt":"2026-11-28T10:00:00Z"}]}
                \(extra),{"digest":"\(digest(link))","inputs":[[{"link":0},{"link":2}]],
                "layers":[{"createdAt":"2026-11-28T10:00:00Z"}]}]}
                """)
            return try read((imageManifest(config, [digest("a")]), config))
        }
        let graph = try export(
            ",{\"digest\":\"\(digest("two"))\",\"inputs\":[[{\"link\":1}]],\"layers\":[{\"createdAt\":\"2026-11-28T10:00:00Z\"}]}",
            "one")
        #expect(graph.hasCircle)
        let config = graph.config
        let again = try #require(CacheGraph(manifest: graph.manifest(of: config), config: config))
        #expect(!again.hasCircle)
        #expect(again.recordCount == 3)
        #expect(again.config == config)
    }
}
