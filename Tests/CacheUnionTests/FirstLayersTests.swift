import CacheUnion
import Formats
import Testing

@Suite("Which layers come first if not all can")
struct FirstLayersTests {
    /// Each record has the index of the record that it depends on, or nil, and the day when it was made; it makes one
    /// layer on top of that of its input.
    private func graph(_ steps: [(after: Int?, day: Int)]) throws -> CacheGraph {
        let blobs = steps.indices.map { digest("\($0)") }
        let layers = steps.indices.map { "{\"blob\":\"\(blobs[$0])\",\"parent\":\(steps[$0].after ?? -1)}" }
        let records = steps.indices.map { place in
            let input = steps[place].after.map { ",\"inputs\":[[{\"link\":\($0)}]]" } ?? ""
            let created = "2026-11-0\(steps[place].day)T10:00:00Z"
            return "{\"digest\":\"\(digest("step \(place)"))\"\(input),"
                + "\"layers\":[{\"layer\":\(place),\"createdAt\":\"\(created)\"}]}"
        }
        let config = ByteString(
            "{\"layers\":[\(layers.joined(separator: ","))],\"records\":[\(records.joined(separator: ","))]}")
        let manifest = try #require(CacheManifest(imageManifest(config, blobs)))
        return try #require(CacheGraph(manifest: manifest, config: config))
    }

    private func taken(_ graph: CacheGraph, within limit: UInt64, cost: (Int) -> UInt64 = { _ in 10 }) -> [Int] {
        let names = Dictionary(uniqueKeysWithValues: (0..<20).map { (ByteString(digest("\($0)")), $0) })
        let taken = graph.firstLayers(within: limit) { cost(names[$0.digest.name] ?? 0) }
        return taken.compactMap { names[$0.name] }.sorted()
    }

    @Test("First steps come before later ones, and newer ones before older ones")
    func order() throws {
        // 0 leads to 1 and 2, and 2 to 3; 4 is the base of something else, and older.
        let graph = try graph([(nil, 5), (0, 2), (0, 3), (2, 9), (nil, 1)])
        #expect(taken(graph, within: 9) == [])
        #expect(taken(graph, within: 10) == [0])
        #expect(taken(graph, within: 20) == [0, 4])
        // A step that leads to the newest one counts as equally new.
        #expect(taken(graph, within: 30) == [0, 2, 4])
        #expect(taken(graph, within: 40) == [0, 1, 2, 4])
        #expect(taken(graph, within: 1000) == [0, 1, 2, 3, 4])
    }

    @Test("A layer that does not fit is left out with everything built on it, and smaller ones after it are taken")
    func tooLarge() throws {
        let graph = try graph([(nil, 1), (0, 9), (1, 9), (0, 2)])
        #expect(taken(graph, within: 50) { $0 == 1 ? 100 : 10 } == [0, 3])
        // One of them is the graph's first layer.
        let twice = try self.graph([(nil, 1), (nil, 1), (0, 1), (1, 1)])
        for (large, rest) in [(0, [1, 3]), (1, [0, 2])] {
            #expect(taken(twice, within: 50) { $0 == large ? 100 : 10 } == rest)
        }
    }

    @Test("Layers that are already here cost nothing")
    func here() throws {
        let graph = try graph([(nil, 1), (0, 1), (1, 1), (2, 1)])
        #expect(taken(graph, within: 10) { $0 < 3 ? 0 : 10 } == [0, 1, 2, 3])
        #expect(taken(graph, within: 0) { $0 < 2 ? 0 : .max } == [0, 1])
    }

    @Test("A chain tells which layer lies below each, also if that is the first")
    func chains() throws {
        let graph = try graph([(nil, 1), (0, 1), (1, 1), (0, 1)])
        var depths: [Int] = []
        for chain in graph.chains { depths.append(chain.parent.map { depths[$0] + 1 } ?? 0) }
        #expect(depths.sorted() == [0, 1, 1, 2])
    }

    @Test("Within any limit, each layer comes with the layers below it", arguments: UInt64(1)...40)
    func property(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let graph = CacheGraph.union(of: maker.graphs(3)).graph
        for limit in 0..<UInt64(graph.layers.count + 1) {
            let taken = graph.firstLayers(within: limit) { _ in 1 }
            #expect(taken.count <= Int(limit))
            // A blob may lie on several others; one path down is available.
            let links = graph.chains
            var isWhole: [Bool] = []
            for link in links {
                isWhole.append(taken.contains(link.digest) && (link.parent.map { isWhole[$0] } ?? true))
            }
            #expect(Set(links.indices.filter { isWhole[$0] }.map { links[$0].digest }) == taken, "seed \(seed)")
        }
        let all = Set(graph.layers.map(\.digest))
        #expect(graph.firstLayers(within: .max) { _ in 1 } == all, "seed \(seed)")
    }
}
