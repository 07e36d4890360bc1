import Formats
import TestSupport
import Testing

@testable import CacheUnion

@Suite("One graph for each of several importers")
struct ApartTests {
    private static let unions: [CacheGraph] = (UInt64(1)...40).map { seed in
        var maker = GraphMaker(seed: seed)
        return CacheGraph.union(of: maker.graphs(4)).graph
    }

    /// How BuildKit computes a key's ID: from everything that it depends on, with the selectors
    /// (remotecache/v1/chains.go, computeID).
    private func ids(_ config: ByteString) -> [ByteString: Bool] {
        let records = JSON(config)?[key: "records"]?.array ?? []
        var known: [Int: Digest] = [:]
        func id(_ index: Int) -> Digest {
            if let id = known[index] { return id }
            var text = records[index][key: "digest"]?.string ?? ""
            for (position, group) in (records[index][key: "inputs"]?.array ?? []).enumerated() {
                let ways = (group.array ?? []).map { way in
                    id(way[key: "link"]?.integer ?? 0).hex + " " + (way[key: "selector"]?.string ?? "")
                }
                text += "\n" + ByteString(decimal: position) + " " + ways.sorted().joined(separator: ",")
            }
            let made = Digest(of: text)
            known[index] = made
            return made
        }
        var ids: [ByteString: Bool] = [:]
        for index in records.indices where records[index][key: "digest"]?.string != Graph.crown.name {
            ids[id(index).hex] = records[index][key: "inputs"]?.array?.isEmpty ?? true
        }
        return ids
    }

    @Test("No step has the same id in two of them, but their sources do", arguments: unions.indices)
    func ids(place: Int) {
        let union = Self.unions[place]
        let all = [union.config, union.config(apart: 1), union.config(apart: 2), union.config(apart: 19)].map {
            ids($0)
        }
        for (index, left) in all.enumerated() {
            #expect(left.count == union.recordCount || union.hasCircle)
            #expect(left.values.contains(false))
            for right in all[(index + 1)...] {
                let shared = Set(left.keys).intersection(right.keys)
                let hasStep = shared.contains { left[$0] == false }
                #expect(!hasStep)
                #expect(shared.count == left.values.count { $0 })
            }
        }
    }

    @Test("Each of them reads back as the graph itself", arguments: unions.indices)
    func reading(place: Int) throws {
        let union = Self.unions[place]
        for number in [1, 2, 63] {
            let config = union.config(apart: number)
            let other = try #require(CacheGraph(manifest: union.manifest(of: config), config: config))
            let isSame = other.config == union.config
            #expect(isSame)
            let isOne = CacheGraph.union(of: [other, union]).graph.config == union.config
            #expect(isOne)
        }
    }

    @Test("No two steps become one in them, and none has more results", arguments: unions.indices)
    func sameSteps(place: Int) throws {
        let union = Self.unions[place]
        guard !union.hasCircle else { return }
        let plain = try Oracle([union.config])
        // Read as BuildKit reads them, without knowing about such links: each step exists, with at most one
        // additional link.
        let apart = try Oracle([union.config(apart: 7)])
        #expect(apart.records.count == plain.records.count)
        for (left, right) in zip(plain.records, apart.records) {
            #expect(left.digest == right.digest && left.results == right.results && left.chains == right.chains)
            let more = right.ways.subtracting(left.ways)
            #expect(left.ways.isSubset(of: right.ways) && more.count <= 1)
            for way in more {
                let original = ByteString(way.selector.bytes.dropLast("slipway:7".utf8.count))
                #expect(left.ways.contains(.init(position: way.position, selector: original, link: way.link)))
            }
        }
    }
}
