internal import Formats

/// Reads a config strictly: it rejects what BuildKit's importer would refuse or would not understand
/// (cache/remotecache/v1/parse.go).
struct ConfigReader {
    private var graph = Graph()
    private var selectorNumbers = NumberTable()

    /// The graph of a config; nil if it cannot be used.
    static func read(_ text: ByteString, blobs: [LayerDescriptor]) -> Graph? {
        guard text.count <= CacheManifest.largestBlob else { return nil }
        var reader = ConfigReader()
        reader.graph.blobs = blobs
        var cursor = Cursor(text)
        guard reader.config(&cursor), cursor.isAtEnd() else { return nil }
        return reader.sound()
    }

    /// Digests of layers as read, and their indices among the manifest's blobs, or -1: a layer is treated as absent if
    /// the manifest does not list its blob or its parent's.
    private var names: [Digest] = []
    private var blobs: [Int32] = []

    private mutating func config(_ cursor: inout Cursor) -> Bool {
        var seen = 0
        return cursor.object { cursor, name in
            if name.elementsEqual("layers".utf8), Self.isNew(1, &seen) {
                return cursor.list { layer(&$0) }
            }
            if name.elementsEqual("records".utf8), Self.isNew(2, &seen) {
                return cursor.list { record(&$0) }
            }
            return false
        }
    }

    private static func isNew(_ bit: Int, _ seen: inout Int) -> Bool {
        guard seen & bit == 0 else { return false }
        seen |= bit
        return true
    }

    private mutating func layer(_ cursor: inout Cursor) -> Bool {
        var seen = 0
        var blob: Digest?
        // Go omits zeros.
        var layer = Graph.Layer(blob: -1, parent: 0, annotations: "")
        let isRead = cursor.object { cursor, name in
            if name.elementsEqual("blob".utf8), Self.isNew(1, &seen) {
                blob = cursor.digest()
                return blob != nil
            }
            if name.elementsEqual("parent".utf8), Self.isNew(2, &seen) {
                guard let number = cursor.number(), number >= -1 else { return false }
                layer.parent = number
                return true
            }
            if name.elementsEqual("annotations".utf8), Self.isNew(4, &seen) {
                if cursor.takeNull() { return true }
                guard let text = cursor.skippedValue(), let json = JSON(text), Self.isKnown(json) else { return false }
                layer.annotations = json.text
                return true
            }
            return false
        }
        guard isRead, let blob else { return false }
        names.append(blob)
        graph.layers.append(layer)
        return true
    }

    /// BuildKit's LayerAnnotations (cache/remotecache/v1/spec.go).
    private static func isKnown(_ annotations: JSON) -> Bool {
        guard let members = annotations.members, members.map(\.name).withoutRepeats.count == members.count else {
            return false
        }
        return members.allSatisfy { member in
            switch member.name {
            case "mediaType", "diffID": member.value.string != nil
            case "size": member.value.integer != nil
            case "createdAt": member.value.string.flatMap { Instant($0.bytes[...]) } != nil
            default: false
            }
        }
    }

    private mutating func record(_ cursor: inout Cursor) -> Bool {
        var seen = 0
        var digest: Digest?
        var record = Graph.Record(digest: Self.nothing, arity: 0, inputs: [], results: [], chains: [])
        let isRead = cursor.object { cursor, name in
            if name.elementsEqual("digest".utf8), Self.isNew(1, &seen) {
                digest = cursor.digest()
                return digest != nil
            }
            if name.elementsEqual("inputs".utf8), Self.isNew(2, &seen) {
                return cursor.list { group in
                    defer { record.arity += 1 }
                    return group.list { input(&$0, of: &record) }
                }
            }
            if name.elementsEqual("layers".utf8), Self.isNew(4, &seen) {
                return cursor.list { result(&$0, of: &record) }
            }
            if name.elementsEqual("chains".utf8), Self.isNew(8, &seen) {
                return cursor.list { chain(&$0, of: &record) }
            }
            return false
        }
        guard isRead, let digest else { return false }
        record.digest = digest
        graph.records.append(record)
        return true
    }

    private static let nothing = Digest(of: "")

    private mutating func input(_ cursor: inout Cursor, of record: inout Graph.Record) -> Bool {
        var seen = 0
        var input = Graph.Input(position: record.arity, link: 0, selector: 0)
        let isRead = cursor.object { cursor, name in
            if name.elementsEqual("link".utf8), Self.isNew(1, &seen) {
                guard let number = cursor.number(), number >= 0 else { return false }
                input.link = number
                return true
            }
            if name.elementsEqual("selector".utf8), Self.isNew(2, &seen) {
                guard let text = cursor.string(), text.isUTF8 else { return false }
                input.selector = selectorNumbers.number(of: text, in: &graph.selectors)
                return true
            }
            return false
        }
        guard isRead else { return false }
        record.inputs.append(input)
        return true
    }

    private mutating func result(_ cursor: inout Cursor, of record: inout Graph.Record) -> Bool {
        var seen = 0
        var result = Graph.Result(layer: 0, created: .zero)
        let isRead = cursor.object { cursor, name in
            if name.elementsEqual("layer".utf8), Self.isNew(1, &seen) {
                guard let number = cursor.number(), number >= 0 else { return false }
                result.layer = number
                return true
            }
            if name.elementsEqual("createdAt".utf8), Self.isNew(2, &seen) {
                guard let created = cursor.instant() else { return false }
                result.created = created
                return true
            }
            return false
        }
        guard isRead else { return false }
        record.results.append(result)
        return true
    }

    private mutating func chain(_ cursor: inout Cursor, of record: inout Graph.Record) -> Bool {
        var seen = 0
        var chain = Graph.Chain(layers: [], created: .zero)
        let isRead = cursor.object { cursor, name in
            if name.elementsEqual("layers".utf8), Self.isNew(1, &seen) {
                return cursor.list { cursor in
                    guard let number = cursor.number(), number >= 0 else { return false }
                    chain.layers.append(number)
                    return true
                }
            }
            if name.elementsEqual("createdAt".utf8), Self.isNew(2, &seen) {
                guard let created = cursor.instant() else { return false }
                chain.created = created
                return true
            }
            return false
        }
        guard isRead else { return false }
        record.chains.append(chain)
        return true
    }

    // MARK: - Checks of the whole config

    /// The graph with each record after those that it depends on, and without unavailable layers; nil if an index leads
    /// nowhere or in a cycle.
    private consuming func sound() -> Graph? {
        let order = graph.blobs.indices.sorted { graph.blobs[$0].digest < graph.blobs[$1].digest }
        blobs = names.map { Int32(Search.place(of: $0, in: order, graph.blobs) ?? -1) }
        for index in graph.layers.indices { graph.layers[index].blob = blobs[index] }
        guard let layers = sortedLayers(), let records = sortedRecords(places: layers) else { return nil }
        graph.records = records
        return graph
    }

    /// Sorts the layers, each after its parent. Returns the new index of each, or -1 if it is unavailable.
    private mutating func sortedLayers() -> [Int32]? {
        let count = graph.layers.count
        guard graph.layers.allSatisfy({ Int($0.parent) < count }) else { return nil }
        let parents = graph.layers.map { $0.parent >= 0 ? [$0.parent] : [] }
        guard let order = Topology.order(parents) else { return nil }
        var places = [Int32](repeating: -1, count: count)
        var sorted: [Graph.Layer] = []
        for index in order {
            var layer = graph.layers[index]
            guard layer.blob >= 0 else { continue }
            if layer.parent >= 0 {
                layer.parent = places[Int(layer.parent)]
                guard layer.parent >= 0 else { continue }
            }
            places[index] = Int32(sorted.count)
            sorted.append(layer)
        }
        graph.layers = sorted
        return places
    }

    /// Chains need a layer's blob but not what lies below it: they get layers of their own. Returns their indices, or
    /// -1.
    private mutating func singleLayers() -> [Int32] {
        var single = [Int32](repeating: -1, count: names.count)
        for record in graph.records {
            for chain in record.chains {
                for layer in chain.layers where single[Int(layer)] < 0 && blobs[Int(layer)] >= 0 {
                    single[Int(layer)] = Int32(truncatingIfNeeded: graph.layers.count)
                    graph.layers.append(Graph.Layer(blob: blobs[Int(layer)], parent: -1, annotations: ""))
                }
            }
        }
        return single
    }

    private mutating func sortedRecords(places layers: [Int32]) -> [Graph.Record]? {
        let count = graph.records.count
        for record in graph.records {
            guard record.inputs.allSatisfy({ Int($0.link) < count }),
                record.results.allSatisfy({ Int($0.layer) < layers.count }),
                record.chains.allSatisfy({ $0.layers.allSatisfy { Int($0) < layers.count } })
            else { return nil }
        }
        guard let order = Topology.order(graph.records.map { $0.inputs.map(\.link) }) else { return nil }
        let single = singleLayers()
        let isApart = graph.selectors.map(Graph.isApart)
        var places = [Int32](repeating: -1, count: count)
        var sorted: [Graph.Record] = []
        sorted.reserveCapacity(count)
        for index in order {
            var record = graph.records[index]
            for input in record.inputs.indices {
                record.inputs[input].link = places[Int(record.inputs[input].link)]
            }
            record.inputs.removeAll { $0.link < 0 || isApart[Int($0.selector)] }
            // BuildKit 0.13 writes records without inputs that lead to them; nothing can find those. The crown is not
            // read, but written anew.
            guard record.hasAllInputs, record.digest != Graph.crown else { continue }
            for result in record.results.indices {
                record.results[result].layer = layers[Int(record.results[result].layer)]
            }
            record.results.removeAll { $0.layer < 0 }
            for chain in record.chains.indices {
                record.chains[chain].layers = record.chains[chain].layers.map { single[Int($0)] }
            }
            record.chains.removeAll { $0.layers.isEmpty || $0.layers.contains { $0 < 0 } }
            places[index] = Int32(sorted.count)
            sorted.append(record)
        }
        return sorted
    }
}

extension Graph.Record {
    /// Whether each input can be reached. Inputs are sorted by position.
    var hasAllInputs: Bool {
        var position: Int32 = 0
        for input in inputs {
            if input.position == position { position += 1 } else if input.position > position { return false }
        }
        return position == arity
    }
}
