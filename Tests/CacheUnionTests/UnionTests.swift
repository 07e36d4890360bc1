import CacheUnion
import Formats
import TestSupport
import Testing

@Suite("One graph of many")
struct UnionTests {
    @Test("The same bytes whatever the order and the grouping", arguments: UInt64(1)...200)
    func order(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let graphs = maker.graphs(5)
        try #require(graphs.count == 5)
        let all = CacheGraph.union(of: graphs).graph
        #expect(CacheGraph.union(of: graphs.reversed()).graph == all, "seed \(seed)")
        #expect(CacheGraph.union(of: graphs.reversed()).graph.config == all.config, "seed \(seed)")
        #expect(CacheGraph.union(of: graphs + graphs).graph == all, "seed \(seed)")
        #expect(CacheGraph.union(of: [all]).graph == all, "seed \(seed)")
        let left = CacheGraph.union(of: [graphs[0], graphs[1]]).graph
        let right = CacheGraph.union(of: [graphs[4], graphs[2], graphs[3]]).graph
        #expect(CacheGraph.union(of: [right, left]).graph == all, "seed \(seed)")
    }

    @Test("What is written is read back", arguments: UInt64(1)...200)
    func roundTrip(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let all = CacheGraph.union(of: maker.graphs(4)).graph
        let config = all.config
        let manifest = all.manifest(of: config)
        #expect(CacheManifest(manifest.text) == manifest)
        #expect(CacheGraph(manifest: manifest, config: config)?.config == config, "seed \(seed)")
    }
}
