import Formats
import TestSupport
import Testing

@testable import CacheUnion

/// Texts of a megabyte that are designed to be slow to read. Times are not compared, since machines differ: each of
/// these would take minutes if anything were quadratic.
@Suite("Bounds of reading and merging", .timeLimit(.minutes(1)))
struct BoundTests {
    private func read(_ config: String, _ blobs: [String]) throws -> CacheGraph {
        let config = ByteString(config)
        let manifest = CacheManifest(
            config: LayerDescriptor(
                digest: Digest(of: config), size: config.count, mediaType: CacheManifest.configType, annotations: []),
            layers: blobs.compactMap { Digest(ByteString($0)) }.map {
                LayerDescriptor(digest: $0, size: 1, mediaType: "", annotations: [])
            })
        return try #require(CacheGraph(manifest: manifest, config: config))
    }

    @Test("More than a megabyte is not read")
    func tooLarge() {
        let config = ByteString(Array(repeating: 0x20, count: CacheManifest.largestBlob) + Array("{}".utf8))
        let manifest = CacheManifest(
            config: LayerDescriptor(digest: Digest(of: config), size: 0, mediaType: "", annotations: []), layers: [])
        #expect(CacheGraph(manifest: manifest, config: config) == nil)
        #expect(CacheManifest(config) == nil)
        // Exactly a megabyte is.
        #expect(CacheGraph(manifest: manifest, config: config.dropFirst(2)) != nil)
    }

    @Test("One record with tens of thousands of links")
    func manyWays() throws {
        let ways = (0..<30_000).map { "{\"selector\":\"\($0)\",\"link\":0}" }.joined(separator: ",")
        let config =
            "{\"records\":[{\"digest\":\"\(digest("a"))\"},{\"digest\":\"\(digest("b"))\",\"inputs\":[[\(ways)]]}]}"
        let graph = try read(config, [])
        #expect(CacheGraph.union(of: [graph, graph, graph]).graph == graph)
    }

    @Test("One record with thousands of results")
    func manyResults() throws {
        let blobs = (0..<5_000).map { digest("\($0)") }
        let layers = blobs.map { "{\"blob\":\"\($0)\",\"parent\":-1}" }.joined(separator: ",")
        let results = blobs.indices.map { "{\"layer\":\($0)}" }.joined(separator: ",")
        let graph = try read(
            "{\"layers\":[\(layers)],\"records\":[{\"digest\":\"\(digest("a"))\",\"layers\":[\(results)]}]}", blobs)
        #expect(graph.layers.count == 5_000)
        #expect(CacheGraph.union(of: [graph, graph, graph]).graph == graph)
    }

    @Test("A chain of thousands of layers and records")
    func deep() throws {
        let blobs = (0..<4_000).map { digest("\($0)") }
        let layers = blobs.indices.map { "{\"blob\":\"\(blobs[$0])\",\"parent\":\($0 - 1)}" }.joined(separator: ",")
        let records = blobs.indices.map {
            "{\"digest\":\"\(digest("r"))\",\"layers\":[{\"layer\":\($0)}]"
                + ($0 > 0 ? ",\"inputs\":[[{\"link\":\($0 - 1)}]]}" : "}")
        }.joined(separator: ",")
        let graph = try read("{\"layers\":[\(layers)],\"records\":[\(records)]}", blobs)
        #expect(graph.recordCount == 4_000)
        let less = graph.keepingLayers { $0.digest.name != ByteString(blobs[1_000]) }
        #expect(less.recordCount == 1_000)
        #expect(CacheGraph.union(of: [less, graph]).graph == graph)
    }

    @Test("Many graphs of many records: what is alike is found in the last one, too")
    func manyGraphs() throws {
        let sources = (0..<8).map { "{\"digest\":\"\(digest("s\($0)"))\"}" }
        let inputs = (0..<8).map { "[{\"link\":\($0)}]" }.joined(separator: ",")
        let steps = (0..<4_000).map { "{\"digest\":\"\(digest("step\($0)"))\",\"inputs\":[\(inputs)]}" }
        let graph = try read("{\"records\":[\((sources + steps).joined(separator: ","))]}", [])
        #expect(CacheGraph.union(of: Array(repeating: graph, count: 6)).graph == graph)
    }

    @Test("Thousands of records that share a link to all inputs but one")
    func almostAlike() throws {
        let count = 2_048
        let sources = (0..<24).map { "{\"digest\":\"\(digest("s\($0)"))\"}" }
        let steps = (0..<count).map { number in
            let groups = (0..<11).map { "[{\"link\":\(2 * $0 + (number >> $0 & 1))}]" }.joined(separator: ",")
            return "{\"digest\":\"\(digest("step"))\",\"inputs\":[\(groups)]}"
        }
        let graph = try read("{\"records\":[\((sources + steps).joined(separator: ","))]}", [])
        // The search for duplicates ends at some point: what it has not found by then stays a separate record.
        #expect(graph.recordCount == 24 + count)
        #expect(CacheGraph.union(of: [graph, graph]).graph.recordCount >= 24 + count)
    }

    /// Steps that become one, one after another: `apart` has a link each, `chained` two of them each.
    private func collapsing(_ count: Int) throws -> (apart: CacheGraph, chained: CacheGraph) {
        func graph(_ ways: (Int) -> String) throws -> CacheGraph {
            let sources = (0...count).map { "{\"digest\":\"\(digest("s\($0)"))\"}" }
            let steps = (0..<count).map { "{\"digest\":\"\(digest("step"))\",\"inputs\":[[\(ways($0))]]}" }
            return try read("{\"records\":[\((sources + steps).joined(separator: ","))]}", [])
        }
        return (try graph { "{\"link\":\($0)}" }, try graph { "{\"link\":\($0)},{\"link\":\($0 + 1)}" })
    }

    @Test("A thousand records that become one, one after another")
    func collapse() throws {
        let (apart, chained) = try collapsing(1_000)
        #expect(apart.recordCount == 2_001)
        #expect(CacheGraph.union(of: [apart, chained]).graph.recordCount == 1_002)
        #expect(CacheGraph.union(of: [chained, apart]).graph.recordCount == 1_002)
    }

    @Test("The search for duplicates ends at some point, also among those that have become one")
    func longCollapse() throws {
        let (apart, chained) = try collapsing(3_000)
        // What it has not found by then stays a separate record: all steps would be one, beside their sources.
        #expect(CacheGraph.union(of: [apart, chained]).graph.recordCount > 3_002)
    }
}
