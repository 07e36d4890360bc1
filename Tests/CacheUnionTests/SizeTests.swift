import Formats
import Testing

@testable import CacheUnion

/// A union is refused or left out because of its size, and the size is estimated: each part counts as much as it takes
/// at most.
@Suite("The size of a graph's text")
struct SizeTests {
    private let name = String(repeating: "a", count: 64)
    private let time = "2026-11-20T10:00:00.123456789Z"
    private let blob: Digest
    private let created: Instant

    init() throws {
        blob = try #require(Digest(hex: ByteString(name).bytes))
        created = try #require(Instant(ByteString(time).bytes[...]))
    }

    private func manifest(_ layers: [LayerDescriptor]) -> ByteString {
        let config = LayerDescriptor(
            digest: blob, size: CacheManifest.largestBlob, mediaType: CacheManifest.configType, annotations: [])
        return CacheManifest(config: config, layers: layers).text
    }

    @Test("A layer")
    func layer() {
        #expect(
            Graph.Layer(blob: 0, parent: 12_345, annotations: "").textCount
                == ",{\"blob\":\"sha256:\(name)\",\"parent\":12345}".count)
        #expect(
            Graph.Layer(blob: 0, parent: 12_345, annotations: "{\"a\":1}").textCount
                == ",{\"blob\":\"sha256:\(name)\",\"parent\":12345,\"annotations\":{\"a\":1}}".count)
    }

    @Test("A record, its results and its links")
    func record() {
        var record = Graph.Record(digest: blob, arity: 3, inputs: [], results: [], chains: [])
        #expect(
            record.textCount
                == ",{\"layers\":[],\"chains\":[],\"digest\":\"sha256:\(name)\",\"inputs\":[[],[],[]]}".count
                // One comma less for each input's first link, one more for the crown's link to the record.
                - 3 + ",{\"link\":12345}".count)
        let bare = record.textCount
        record.results = [Graph.Result(layer: 12_345, created: created), Graph.Result(layer: 54_321, created: created)]
        #expect(record.textCount - bare == 2 * ",{\"layer\":12345,\"createdAt\":\"\(time)\"}".count)
        record.results = []
        record.chains = [Graph.Chain(layers: [12_345, 12_346, 12_347], created: created)]
        #expect(record.textCount - bare == ",{\"layers\":[12345,12346,12347],\"createdAt\":\"\(time)\"}".count)
        record.chains.append(Graph.Chain(layers: [1], created: created))
        #expect(
            record.textCount - bare
                == ",{\"layers\":[12345,12346,12347],\"createdAt\":\"\(time)\"}".count
                + ",{\"layers\":[12345],\"createdAt\":\"\(time)\"}".count)
    }

    @Test("A link, with and without a selector")
    func link() {
        let selectors: [ByteString] = ["", "/a\"b\\c\n\u{7F}"]
        #expect(Graph.Input(position: 0, link: 12_345, selector: 0).textCount(selectors) == ",{\"link\":12345}".count)
        // A control character takes six bytes, a quotation mark and a backslash two.
        #expect(
            Graph.Input(position: 0, link: 12_345, selector: 1).textCount(selectors)
                == ",{\"selector\":\"/a\\\"b\\\\c\\u000a\\u007f\",\"link\":12345}".count)
        // So does the last one of them, but not a space.
        #expect(Graph.Input(position: 0, link: 1, selector: 1).textCount(["", "\u{1F}"]) == 10 + 5 + 14 + 6)
        #expect(Graph.Input(position: 0, link: 1, selector: 1).textCount(["", " ~"]) == 10 + 5 + 14 + 2)
    }

    @Test("A blob's descriptor")
    func descriptor() {
        let digest = "sha256:" + name
        #expect(
            LayerDescriptor(
                digest: blob, size: .max, mediaType: "a/b",
                annotations: [
                    JSON.Member(name: "key", value: .string("value")), JSON.Member(name: "k", value: .string("\"")),
                ]
            ).textCount
                == """
                ,{"mediaType":"a/b","digest":"\(digest)","size":9223372036854775807,\
                "annotations":{"key":"value","k":"\\""}}
                """.count)
    }

    @Test("What surrounds them")
    func surroundings() {
        #expect(
            Graph().size.config
                == """
                {"layers":[],"records":[,{"digest":"sha256:\(name)","inputs":[[]]}]}
                """.count)
        #expect(Graph().size.manifest == manifest([]).count)
        #expect(Graph().size.records == 0)
    }

    @Test("Of any union, merged or counted, it is an upper bound", arguments: UInt64(1)...40)
    func bound(seed: UInt64) throws {
        var maker = GraphMaker(seed: seed)
        let graphs = maker.graphs(4)
        var merger = Merger()
        for (place, graph) in graphs.enumerated() {
            merger.add(graph.graph)
            let union = CacheGraph(merger.union)
            #expect(union.graph.size.config <= merger.size.config)
            #expect(union.graph.size.manifest <= merger.size.manifest)
            #expect(union.recordCount <= merger.size.records)
            #expect(union.config.count <= union.graph.size.config)
            #expect(manifest(union.layers).count <= union.graph.size.manifest)
            // No duplicates, so nothing counts twice.
            guard place == 0 else { continue }
            #expect(merger.size == graph.graph.size)
            merger.add(graph.graph)
            #expect(merger.size == graph.graph.size, "what is there already")
        }
    }

    @Test("Layers and blobs with other annotations count as much as the longest")
    func annotations() {
        func graph(_ text: ByteString) -> Graph {
            var graph = Graph()
            graph.blobs = [
                LayerDescriptor(
                    digest: blob, size: 1, mediaType: "a",
                    annotations: [JSON.Member(name: "a", value: .string(text))])
            ]
            graph.layers = [Graph.Layer(blob: 0, parent: -1, annotations: text)]
            graph.records = [
                Graph.Record(
                    digest: blob, arity: 0, inputs: [], results: [Graph.Result(layer: 0, created: created)],
                    chains: [])
            ]
            return graph
        }
        for order in [
            ["", "\"aa\"", "\"b\""], ["\"b\"", "", "\"aa\""], ["\"aa\"", "\"b\"", ""], ["\"b\"", "\"aa\""],
        ]
            as [[ByteString]]
        {
            var merger = Merger()
            for text in order { merger.add(graph(text)) }
            let size = CacheGraph(merger.union).graph.size
            #expect(merger.size.config >= size.config)
            #expect(merger.size.manifest >= size.manifest)
            #expect(merger.size.config <= graph("\"aa\"").size.config + 1)
        }
    }
}
