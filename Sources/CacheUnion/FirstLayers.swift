public import Formats

extension CacheGraph {
    /// The blobs to fetch if not all may be fetched: blobs of early steps before those of later steps, since no later
    /// step is found without the earlier ones; among equally early ones, the newest first. A blob is fetched only with
    /// everything below it. `cost` returns how many bytes a blob would add; 0 for one that is already here.
    public func firstLayers(within limit: UInt64, cost: (LayerDescriptor) -> UInt64) -> Set<Digest> {
        var needs = [Need](repeating: Need(), count: graph.layers.count)
        var depths = [Int](repeating: 0, count: graph.records.count)
        for (index, record) in graph.records.enumerated() {
            depths[index] = record.inputs.reduce(0) { max($0, depths[Int($1.link)] + 1) }
            for result in record.results { needs[Int(result.layer)].add(depths[index], result.created.seconds) }
            for chain in record.chains {
                for layer in chain.layers { needs[Int(layer)].add(depths[index], chain.created.seconds) }
            }
        }
        for (index, layer) in graph.layers.enumerated().reversed() where layer.parent >= 0 {
            needs[Int(layer.parent)].add(needs[index].depth, needs[index].newest)
        }
        // Parents come first: they are needed no later than the layers above them, and have lower indices.
        let order = needs.indices.filter { needs[$0].depth < .max }.sorted {
            (needs[$0].depth, -needs[$0].newest, $0) < (needs[$1].depth, -needs[$1].newest, $1)
        }
        var isTaken = [Bool](repeating: false, count: needs.count)
        var taken: Set<Digest> = []
        var left = limit
        for index in order {
            let layer = graph.layers[index]
            guard layer.parent < 0 || isTaken[Int(layer.parent)] else { continue }
            let blob = graph.blobs[Int(layer.blob)]
            if !taken.contains(blob.digest) {
                let bytes = cost(blob)
                guard bytes <= left else { continue }
                left -= bytes
                taken.insert(blob.digest)
            }
            isTaken[index] = true
        }
        return taken
    }

    /// How early a layer is needed, and how new it is.
    private struct Need {
        var depth = Int.max
        var newest: Int64 = 0

        mutating func add(_ depth: Int, _ created: Int64) {
            self.depth = min(self.depth, depth)
            newest = max(newest, created)
        }
    }
}
