internal import Formats

/// Puts a graph into its one canonical order, whatever it was made from.
struct Canonical {
    private let graph: Graph
    /// The number of steps on the shortest path to each record.
    private var ranks: [Int32]
    private var places: [Int32]

    /// The canonical graph of the chosen records. Links lead to chosen records only.
    static func graph(of graph: Graph, where isChosen: [Bool]) -> Graph {
        var canonical = Canonical(graph)
        return canonical.made(isChosen)
    }

    private init(_ graph: Graph) {
        self.graph = graph
        ranks = [Int32](repeating: -1, count: graph.records.count)
        places = ranks
    }

    private mutating func made(_ used: [Bool]) -> Graph {
        rank(used)
        var result = Graph()
        let (selectors, selectorPlaces) = usedSelectors(used)
        result.selectors = selectors
        let order = recordOrder(used, selectorPlaces)
        let (layers, blobs, layerPlaces) = usedLayers(order)
        result.layers = layers
        result.blobs = blobs
        result.records = order.map { index in
            var record = graph.records[index]
            record.inputs = record.inputs.compactMap { input in
                guard places[Int(input.link)] >= 0 else { return nil }
                return Graph.Input(
                    position: input.position, link: places[Int(input.link)],
                    selector: selectorPlaces[Int(input.selector)])
            }
            record.inputs.sort { ($0.position, $0.link, $0.selector) < ($1.position, $1.link, $1.selector) }
            record.inputs = Self.withoutNeighbours(record.inputs, ==)
            record.results = record.results.map {
                Graph.Result(layer: layerPlaces[Int($0.layer)], created: $0.created)
            }
            record.results.sort { ($0.layer, $1.created) < ($1.layer, $0.created) }
            record.results = Self.withoutNeighbours(record.results) { $0.layer == $1.layer }
            record.chains = record.chains.map {
                Graph.Chain(layers: $0.layers.map { layerPlaces[Int($0)] }, created: $0.created)
            }
            record.chains.sort {
                $0.layers == $1.layers
                    ? $0.created > $1.created : $0.layers.lexicographicallyPrecedes($1.layers)
            }
            record.chains = Self.withoutNeighbours(record.chains) { $0.layers == $1.layers }
            return record
        }
        return result
    }

    /// The elements without those that equal their predecessor.
    private static func withoutNeighbours<Element>(
        _ elements: [Element], _ isSame: (Element, Element) -> Bool
    ) -> [Element] {
        guard elements.count > 1 else { return elements }
        var kept: [Element] = []
        kept.reserveCapacity(elements.count)
        for element in elements {
            if let last = kept.last, isSame(last, element) { continue }
            kept.append(element)
        }
        return kept
    }

    /// Ranks records breadth first: a record is reached when each of its inputs has been reached by its first link.
    private mutating func rank(_ isUsed: [Bool]) {
        var users = [Int32](repeating: 0, count: graph.records.count + 1)
        for record in graph.records { for input in record.inputs { users[Int(input.link) + 1] += 1 } }
        for index in graph.records.indices { users[index + 1] += users[index] }
        var filled = users
        var uses = [(record: Int32, position: Int32)](repeating: (0, 0), count: Int(users[graph.records.count]))
        var firsts: [Int] = []
        var isReached: [Bool] = []
        for (index, record) in graph.records.enumerated() {
            firsts.append(isReached.count)
            isReached += [Bool](repeating: false, count: Int(record.arity))
            for input in record.inputs {
                uses[Int(filled[Int(input.link)])] = (Int32(truncatingIfNeeded: index), input.position)
                filled[Int(input.link)] += 1
            }
        }
        var missing = graph.records.map(\.arity)
        var wave = graph.records.indices.filter { isUsed[$0] && missing[$0] == 0 }
        var level: Int32 = 0
        while !wave.isEmpty {
            for index in wave { ranks[index] = level }
            var next: [Int] = []
            for index in wave {
                for place in Int(users[index])..<Int(users[index + 1]) {
                    let (user, position) = (Int(uses[place].record), Int(uses[place].position))
                    guard isUsed[user], !isReached[firsts[user] + position] else { continue }
                    isReached[firsts[user] + position] = true
                    missing[user] -= 1
                    if missing[user] == 0 { next.append(user) }
                }
            }
            wave = next
            level += 1
        }
    }

    /// By rank, then by digest, then by the first link to each input. No two records of a union agree in all of
    /// these, or they would have been merged.
    private mutating func recordOrder(_ isUsed: [Bool], _ selectors: [Int32]) -> [Int] {
        var byRank: [[Int]] = []
        for index in graph.records.indices where isUsed[index] && ranks[index] >= 0 {
            while byRank.count <= Int(ranks[index]) { byRank.append([]) }
            byRank[Int(ranks[index])].append(index)
        }
        var order: [Int] = []
        order.reserveCapacity(graph.records.count)
        for level in byRank {
            var keyed = level.map { (index: $0, key: key(of: $0, selectors)) }
            keyed.sort { left, right in
                let (first, second) = (graph.records[left.index], graph.records[right.index])
                if first.digest != second.digest { return first.digest < second.digest }
                if first.arity != second.arity { return first.arity < second.arity }
                return left.key.lexicographicallyPrecedes(right.key)
            }
            for (index, _) in keyed {
                places[index] = Int32(truncatingIfNeeded: order.count)
                order.append(index)
            }
        }
        return order
    }

    private func key(of index: Int, _ selectors: [Int32]) -> [UInt64] {
        let record = graph.records[index]
        var key = [UInt64](repeating: .max, count: Int(record.arity))
        for input in record.inputs where ranks[Int(input.link)] >= 0 && ranks[Int(input.link)] < ranks[index] {
            let way =
                UInt64(UInt32(bitPattern: places[Int(input.link)])) << 32
                | UInt64(UInt32(bitPattern: selectors[Int(input.selector)]))
            key[Int(input.position)] = min(key[Int(input.position)], way)
        }
        return key
    }

    private func usedSelectors(_ isUsed: [Bool]) -> ([ByteString], [Int32]) {
        var isNamed = [Bool](repeating: false, count: graph.selectors.count)
        for (index, record) in graph.records.enumerated() where isUsed[index] && ranks[index] >= 0 {
            for input in record.inputs { isNamed[Int(input.selector)] = true }
        }
        isNamed[0] = true
        let order = graph.selectors.indices.filter { isNamed[$0] }.sorted { graph.selectors[$0] < graph.selectors[$1] }
        var places = [Int32](repeating: 0, count: graph.selectors.count)
        for (place, index) in order.enumerated() { places[index] = Int32(truncatingIfNeeded: place) }
        return (order.map { graph.selectors[$0] }, places)
    }

    /// Layers by height and then by blob and parent; blobs by digest.
    private func usedLayers(_ order: [Int]) -> ([Graph.Layer], [LayerDescriptor], [Int32]) {
        var isUsed = [Bool](repeating: false, count: graph.layers.count)
        for index in order {
            for result in graph.records[index].results { isUsed[Int(result.layer)] = true }
            for chain in graph.records[index].chains { for layer in chain.layers { isUsed[Int(layer)] = true } }
        }
        var heights = [Int](repeating: 0, count: graph.layers.count)
        var byHeight: [[Int]] = []
        for (index, layer) in graph.layers.enumerated().reversed() where isUsed[index] && layer.parent >= 0 {
            isUsed[Int(layer.parent)] = true
        }
        var isNamed = [Bool](repeating: false, count: graph.blobs.count)
        for (index, layer) in graph.layers.enumerated() where isUsed[index] {
            isNamed[Int(layer.blob)] = true
            heights[index] = layer.parent >= 0 ? heights[Int(layer.parent)] + 1 : 0
            while byHeight.count <= heights[index] { byHeight.append([]) }
            byHeight[heights[index]].append(index)
        }
        let blobOrder = graph.blobs.indices.filter { isNamed[$0] }
            .sorted { graph.blobs[$0].digest < graph.blobs[$1].digest }
        var blobPlaces = [Int32](repeating: -1, count: graph.blobs.count)
        for (place, index) in blobOrder.enumerated() { blobPlaces[index] = Int32(truncatingIfNeeded: place) }
        var layers: [Graph.Layer] = []
        var places = [Int32](repeating: -1, count: graph.layers.count)
        for level in byHeight {
            let sorted = level.map { index -> (index: Int, layer: Graph.Layer) in
                var layer = graph.layers[index]
                layer.blob = blobPlaces[Int(layer.blob)]
                if layer.parent >= 0 { layer.parent = places[Int(layer.parent)] }
                return (index, layer)
            }.sorted { ($0.layer.blob, $0.layer.parent) < ($1.layer.blob, $1.layer.parent) }
            for (index, layer) in sorted {
                places[index] = Int32(truncatingIfNeeded: layers.count)
                layers.append(layer)
            }
        }
        return (layers, blobOrder.map { graph.blobs[$0] }, places)
    }
}

extension Graph {
    /// Records that have results, and all records that lead to them.
    var useful: [Bool] {
        var isUseful = records.map { !$0.results.isEmpty || !$0.chains.isEmpty }
        var open = isUseful.indices.filter { isUseful[$0] }
        while let index = open.popLast() {
            for input in records[index].inputs where !isUseful[Int(input.link)] {
                isUseful[Int(input.link)] = true
                open.append(Int(input.link))
            }
        }
        return isUseful
    }
}
