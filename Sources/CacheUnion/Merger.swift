internal import Formats

/// Merges several graphs into one. Two layers are the same if their blobs and parents are; two records are the same if
/// their digests are and they share a link at every input, as in BuildKit's importer (cache/remotecache/v1/chains.go,
/// Add): one exporter may have seen fewer links to an input than another. Sharing is not an equivalence relation, so
/// the merger takes its closure; then the order of graphs and records does not matter. Time and memory are proportional
/// to the sum of the inputs.
struct Merger {
    private var graph = Graph()
    /// The records by number; a record that was merged into another points to it.
    private var leaders: [Int32] = []
    /// The records that have a given record as a link to an input.
    private var users: [[Int32]] = []

    private var blobNumbers = NumberTable()
    private var layerNumbers = NumberTable()
    private var selectorNumbers = NumberTable()
    private var digestNumbers = NumberTable()
    private var digests: [Digest] = []
    private var digestOfRecord: [Int32] = []
    private var sources = NumberTable()
    private var sourceRecords: [Int32] = []

    /// Records by one of their links: an index in `ways`.
    private var wayNumbers = NumberTable()
    private var ways: [Way] = []
    private var records: [(record: Int32, next: Int32)] = []
    private var suspects: [Int32] = []
    private var seen: [Int32] = []
    private var question: Int32 = 0

    /// Records together with their links, so that a record with many need not be searched.
    private var owned = NumberTable()
    private var ownedKeys: [UInt64] = []

    /// An upper bound for the bytes of the config and the manifest.
    private(set) var size = Graph.Size()

    /// The comparisons that are left. Real graphs need a few for each link; the union of one that is made to need more
    /// contains duplicates, which importers understand.
    private var patience = Self.comparisons
    private static let comparisons = 1 << 20
    private static let comparisonsPerLink = 64

    /// One link to an input of steps with one digest, and the records that have it.
    private struct Way: Equatable {
        var digest: Int32
        var arity: Int32
        var input: Graph.Input
        var first: Int32 = -1
        var count: Int32 = 0

        func isSame(_ other: Way) -> Bool {
            digest == other.digest && arity == other.arity && input == other.input
        }

        var hash: UInt64 {
            NumberTable.mix(
                UInt64(UInt32(bitPattern: digest)) << 32 | UInt64(UInt32(bitPattern: arity)) << 16
                    | UInt64(UInt32(bitPattern: input.position)),
                UInt64(UInt32(bitPattern: input.selector)) << 32 | UInt64(UInt32(bitPattern: input.link)))
        }
    }

    /// Adds a graph.
    mutating func add(_ other: Graph) {
        let blobs = other.blobs.map { number(of: $0) }
        let selectors = other.selectors.map { selectorNumbers.number(of: $0, in: &graph.selectors) }
        var layers: [Int32] = []
        layers.reserveCapacity(other.layers.count)
        for layer in other.layers {
            let parent = layer.parent >= 0 ? layers[Int(layer.parent)] : -1
            layers.append(
                number(
                    of: Graph.Layer(blob: blobs[Int(layer.blob)], parent: parent, annotations: layer.annotations)))
        }
        var places = [Int32](repeating: -1, count: other.records.count)
        var later: [(record: Int, input: Graph.Input)] = []
        for (index, record) in other.records.enumerated() {
            patience += Self.comparisonsPerLink * (1 + record.inputs.count)
            var taken = Graph.Record(digest: record.digest, arity: record.arity, inputs: [], results: [], chains: [])
            for input in record.inputs {
                var input = input
                input.selector = selectors[Int(input.selector)]
                let place = places[Int(input.link)]
                guard place >= 0 else {
                    later.append((index, input))
                    continue
                }
                input.link = leader(of: place)
                taken.inputs.append(input)
            }
            taken.results = record.results.map { Graph.Result(layer: layers[Int($0.layer)], created: $0.created) }
            taken.chains = record.chains.map {
                Graph.Chain(layers: $0.layers.map { layers[Int($0)] }, created: $0.created)
            }
            places[index] = take(taken)
        }
        // Links back to later records.
        for (index, input) in later {
            var input = input
            input.link = leader(of: places[Int(input.link)])
            let record = leader(of: places[index])
            if add(input, to: record) { suspects.append(record) }
        }
        settle()
    }

    /// The union of all graphs added.
    var union: Graph {
        Canonical.graph(of: graph, where: leaders.indices.map { leaders[$0] == Int32(truncatingIfNeeded: $0) })
    }

    // MARK: - Blobs and layers

    private mutating func number(of blob: LayerDescriptor) -> Int32 {
        let found = blobNumbers.number(hash: NumberTable.hash(of: blob.digest)) {
            graph.blobs[Int($0)].digest == blob.digest
        }
        if found.isNew {
            graph.blobs.append(blob)
            size.manifest += blob.textCount
        } else if blob.isPreferred(to: graph.blobs[Int(found.number)]) {
            size.manifest += max(0, blob.textCount - graph.blobs[Int(found.number)].textCount)
            graph.blobs[Int(found.number)] = blob
        }
        return found.number
    }

    private mutating func number(of layer: Graph.Layer) -> Int32 {
        let hash = NumberTable.mix(UInt64(UInt32(bitPattern: layer.blob)), UInt64(UInt32(bitPattern: layer.parent)))
        let found = layerNumbers.number(hash: hash) {
            graph.layers[Int($0)].blob == layer.blob && graph.layers[Int($0)].parent == layer.parent
        }
        if found.isNew {
            graph.layers.append(layer)
            size.config += layer.textCount
        } else if graph.layers[Int(found.number)].annotations < layer.annotations {
            size.config += max(0, layer.textCount - graph.layers[Int(found.number)].textCount)
            graph.layers[Int(found.number)].annotations = layer.annotations
        }
        return found.number
    }

    private mutating func number(of digest: Digest) -> Int32 {
        let found = digestNumbers.number(hash: NumberTable.hash(of: digest)) { digests[Int($0)] == digest }
        if found.isNew { digests.append(digest) }
        return found.number
    }

    // MARK: - Records

    /// The record into which this one was merged.
    private mutating func leader(of record: Int32) -> Int32 {
        var leader = record
        while leaders[Int(leader)] != leader { leader = leaders[Int(leader)] }
        var step = record
        while leaders[Int(step)] != leader { (step, leaders[Int(step)]) = (leaders[Int(step)], leader) }
        return leader
    }

    private mutating func take(_ record: Graph.Record) -> Int32 {
        let digest = number(of: record.digest)
        if record.arity == 0 {
            let found = sources.number(hash: UInt64(UInt32(bitPattern: digest))) { _ in true }
            if found.isNew {
                sourceRecords.append(append(record, digest))
            } else {
                unite(record, into: leader(of: sourceRecords[Int(found.number)]))
            }
            return sourceRecords[Int(found.number)]
        }
        if let same = alike(record.inputs, record.arity, digest, but: -1) {
            unite(record, into: same)
            var isNew = false
            for input in record.inputs where add(input, to: same) { isNew = true }
            if isNew {
                suspects.append(same)
                settle()
            }
            return same
        }
        var bare = record
        bare.inputs = []
        let place = append(bare, digest)
        for input in record.inputs { _ = add(input, to: place) }
        return place
    }

    private mutating func append(_ record: Graph.Record, _ digest: Int32) -> Int32 {
        let place = Int32(truncatingIfNeeded: graph.records.count)
        graph.records.append(record)
        size.records += 1
        size.config += record.textCount
        leaders.append(place)
        users.append([])
        seen.append(-1)
        digestOfRecord.append(digest)
        return place
    }

    private mutating func unite(_ record: Graph.Record, into place: Int32) {
        for result in record.results { size.config += graph.records[Int(place)].add(result) }
        for chain in record.chains { size.config += graph.records[Int(place)].add(chain) }
    }

    /// Adds a link to an input of a record, unless the record has it already.
    private mutating func add(_ input: Graph.Input, to record: Int32) -> Bool {
        let way = number(of: input, of: record)
        let key = UInt64(UInt32(bitPattern: record)) << 32 | UInt64(UInt32(bitPattern: way))
        let found = owned.number(hash: NumberTable.mix(key, 0)) { ownedKeys[Int($0)] == key }
        guard found.isNew else { return false }
        ownedKeys.append(key)
        graph.records[Int(record)].inputs.append(input)
        size.config += input.textCount(graph.selectors)
        users[Int(input.link)].append(record)
        register(way, of: record)
        return true
    }

    private mutating func number(of input: Graph.Input, of record: Int32) -> Int32 {
        let way = Way(digest: digestOfRecord[Int(record)], arity: graph.records[Int(record)].arity, input: input)
        let found = wayNumbers.number(hash: way.hash) { ways[Int($0)].isSame(way) }
        if found.isNew { ways.append(way) }
        return found.number
    }

    private mutating func register(_ way: Int32, of record: Int32) {
        records.append((record, ways[Int(way)].first))
        ways[Int(way)].first = Int32(truncatingIfNeeded: records.count - 1)
        ways[Int(way)].count += 1
    }

    /// A record other than `itself` with this digest that shares a link at every input.
    private mutating func alike(_ inputs: [Graph.Input], _ arity: Int32, _ digest: Int32, but itself: Int32) -> Int32? {
        // Start with the links of the input that the fewest records share.
        var counts = [Int32](repeating: 0, count: Int(arity))
        var lists: [(position: Int32, way: Int32)] = []
        lists.reserveCapacity(inputs.count)
        for input in inputs {
            let way = Way(digest: digest, arity: arity, input: input)
            guard let number = wayNumbers.known(hash: way.hash, isEqual: { ways[Int($0)].isSame(way) }) else {
                continue
            }
            lists.append((input.position, number))
            counts[Int(input.position)] += ways[Int(number)].count
        }
        guard let fewest = counts.min(), fewest > 0, let position = counts.firstIndex(of: fewest) else { return nil }
        question += 1
        for list in lists where list.position == Int32(truncatingIfNeeded: position) {
            var entry = ways[Int(list.way)].first
            while entry >= 0 {
                let candidate = leader(of: records[Int(entry)].record)
                entry = records[Int(entry)].next
                patience -= 1
                guard patience > 0 else { return nil }
                guard candidate != itself, seen[Int(candidate)] != question else { continue }
                seen[Int(candidate)] = question
                if arity == 1 || shares(inputs, arity, with: candidate) { return candidate }
            }
        }
        return nil
    }

    private mutating func shares(_ inputs: [Graph.Input], _ arity: Int32, with other: Int32) -> Bool {
        var shared = [Bool](repeating: false, count: Int(arity))
        let theirs = graph.records[Int(other)].inputs
        patience -= inputs.count * theirs.count
        guard patience > 0 else { return false }
        for index in theirs.indices {
            var their = theirs[index]
            their.link = leader(of: their.link)
            if !shared[Int(their.position)], inputs.contains(their) { shared[Int(their.position)] = true }
        }
        return shared.allSatisfy { $0 }
    }

    /// Merges records that have become equal, and then the records above them.
    private mutating func settle() {
        while let suspect = suspects.popLast() {
            var record = leader(of: suspect)
            while let other = alike(
                graph.records[Int(record)].inputs, graph.records[Int(record)].arity, digestOfRecord[Int(record)],
                but: record)
            {
                record = merge(record, other)
            }
        }
    }

    private mutating func merge(_ first: Int32, _ second: Int32) -> Int32 {
        let isFirst = weight(first) >= weight(second)
        let (kept, gone) = isFirst ? (first, second) : (second, first)
        leaders[Int(gone)] = kept
        let record = graph.records[Int(gone)]
        graph.records[Int(gone)] = Graph.Record(
            digest: record.digest, arity: record.arity, inputs: [], results: [], chains: [])
        unite(record, into: kept)
        for var input in record.inputs {
            input.link = leader(of: input.link)
            graph.records[Int(kept)].inputs.append(input)
        }
        for user in users[Int(gone)] {
            let user = leader(of: user)
            for index in graph.records[Int(user)].inputs.indices
            where graph.records[Int(user)].inputs[index].link == gone {
                graph.records[Int(user)].inputs[index].link = kept
                register(number(of: graph.records[Int(user)].inputs[index], of: user), of: user)
            }
            users[Int(kept)].append(user)
            suspects.append(user)
        }
        users[Int(gone)] = []
        return kept
    }

    private func weight(_ record: Int32) -> Int {
        users[Int(record)].count + graph.records[Int(record)].inputs.count
    }
}

extension Graph.Record {
    /// The most results, and as many chains, that are looked through for an equal one. Duplicates further back are found
    /// when the graph is sorted.
    private static let searched = 16

    /// The bytes that an additional result needs in the config. If the same layers have two times, the later one
    /// counts.
    fileprivate mutating func add(_ result: Graph.Result) -> Int {
        if let same = results.prefix(Self.searched).firstIndex(where: { $0.layer == result.layer }) {
            if results[same].created < result.created { results[same].created = result.created }
            return 0
        }
        results.append(result)
        return result.textCount
    }

    /// The same for results in the other form.
    fileprivate mutating func add(_ chain: Graph.Chain) -> Int {
        if let same = chains.prefix(Self.searched).firstIndex(where: { $0.layers == chain.layers }) {
            if chains[same].created < chain.created { chains[same].created = chain.created }
            return 0
        }
        chains.append(chain)
        return chain.textCount
    }
}
