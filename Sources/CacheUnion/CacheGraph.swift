public import Formats

/// What a cache says: which step, after which others, made which layers. Equal graphs are equal in bytes, whatever they were made of.
public struct CacheGraph: Equatable, Sendable {
    /// In canonical order.
    let graph: Graph

    /// Reads a manifest's config. nil for what BuildKit's importer would refuse, and for members that are not known: a union could
    /// neither keep nor understand them. The digests are the caller's to check.
    public init?(manifest: CacheManifest, config: ByteString) {
        guard let read = ConfigReader.read(config, blobs: manifest.layers) else { return nil }
        var merger = Merger()
        merger.add(read)
        graph = merger.union
    }

    private init(_ graph: Graph) { self.graph = graph }

    /// The graph of nothing.
    public init() { graph = Graph() }

    /// The blobs that it names, by digest.
    public var layers: [LayerDescriptor] { graph.blobs }

    /// A blob with what it stands on.
    public struct Link: Equatable, Sendable {
        /// The blob.
        public let digest: Digest
        /// The place of what is below it, which is an earlier one; nil for nothing.
        public let parent: Int?
    }

    /// The chains of its layers, each blob behind those that it stands on. One that stands on several is there for each.
    public var chains: [Link] {
        graph.layers.map { layer in
            Link(digest: graph.blobs[Int(layer.blob)].digest, parent: layer.parent < 0 ? nil : Int(layer.parent))
        }
    }

    /// How many keys it has.
    public var recordCount: Int { graph.records.count }

    /// What its steps begin with: base images, above all. They have no inputs.
    public var sources: Set<Digest> { Set(graph.records.lazy.filter { $0.arity == 0 }.map(\.digest)) }

    /// When the newest of its results was made, in seconds since 1970; nil where there is none.
    public var newest: Int64? {
        graph.records.lazy.flatMap { $0.results.map(\.created) + $0.chains.map(\.created) }.max()?.seconds
    }

    /// Whether there is nothing in it.
    public var isEmpty: Bool { graph.records.isEmpty }

    /// For tests: such graphs say more than their configs.
    var hasCircle: Bool { graph.hasCircle }

    /// The config in bytes.
    public var config: ByteString { graph.config }

    /// The same for the importer of that number among several at work at once: each step's key in it is told from the same step's
    /// key in the others. What is found, and what it is read as, is the same.
    public func config(apart number: Int) -> ByteString { graph.apart(number).config }

    /// The manifest for a config that was written.
    public func manifest(of config: ByteString) -> CacheManifest {
        CacheManifest(
            config: LayerDescriptor(
                digest: Digest(of: config), size: config.count, mediaType: CacheManifest.configType, annotations: []),
            layers: graph.blobs)
    }

    /// Without the blobs for which `isThere` does not hold, and without what needs them.
    public func keepingLayers(where isThere: (LayerDescriptor) -> Bool) -> CacheGraph {
        let isKept = graph.blobs.map(isThere)
        guard isKept.contains(false) else { return self }
        var less = graph
        var isWhole = [Bool](repeating: false, count: graph.layers.count)
        for (index, layer) in graph.layers.enumerated() {
            isWhole[index] = isKept[Int(layer.blob)] && (layer.parent < 0 || isWhole[Int(layer.parent)])
        }
        for index in less.records.indices {
            less.records[index].results.removeAll { !isWhole[Int($0.layer)] }
            less.records[index].chains.removeAll { !$0.layers.allSatisfy { isWhole[Int($0)] } }
        }
        return CacheGraph(Canonical.graph(of: less, where: less.useful))
    }

    /// How many steps have a result since a time, in seconds since 1970, although another graph has results of the very same steps: who
    /// imported that one has made them once more.
    public func remade(since time: Int64, although other: CacheGraph) -> Int {
        var places: [Digest: [Int32]] = [:]
        for (index, record) in other.graph.records.enumerated() {
            places[record.digest, default: []].append(Int32(truncatingIfNeeded: index))
        }
        // Records of theirs that are the same as ours: at each input they share a way.
        var same: [Set<Int32>] = []
        var count = 0
        for record in graph.records {
            let found = (places[record.digest] ?? []).filter { place in
                let theirs = other.graph.records[Int(place)]
                return theirs.arity == record.arity
                    && (0..<record.arity).allSatisfy { position in
                        record.inputs.contains { own in
                            own.position == position && same.indices.contains(Int(own.link))
                                && theirs.inputs.contains {
                                    $0.position == position && same[Int(own.link)].contains($0.link)
                                        && other.graph.selectors[Int($0.selector)]
                                            == graph.selectors[Int(own.selector)]
                                }
                        }
                    }
            }
            same.append(Set(found))
            let isNew = (record.results.map(\.created) + record.chains.map(\.created)).contains { $0.seconds >= time }
            let isHeld = found.contains {
                let theirs = other.graph.records[Int($0)]
                return !theirs.results.isEmpty || !theirs.chains.isEmpty
            }
            // What a step begins with is not executed.
            if isNew && isHeld && record.arity > 0 { count += 1 }
        }
        return count
    }

    /// What some graphs say together, to tell whether a further one says anything more.
    public struct Coverage {
        private var merger = Merger()

        /// Of none.
        public init() {}

        /// Takes a graph in. False where nothing of it is new: then it is in the union of those before.
        public mutating func add(_ graph: CacheGraph) -> Bool {
            let size = merger.size
            merger.add(graph.graph)
            return merger.size != size
        }

        /// Whether all of them have room in one union.
        public func fits(in limit: Limit = Limit()) -> Bool { limit.holds(merger.size) }
    }

    /// What a union may be.
    public struct Limit: Sendable {
        /// Bytes of the config.
        public var configBytes: Int
        /// Bytes of the manifest.
        public var manifestBytes: Int
        /// Keys.
        public var records: Int

        /// BuildKit takes 1 MiB of each. Importing costs a build 25 ms at a thousand records and up to half a second at four
        /// thousand, whether they help it or not (docs/design.md).
        public init(configBytes: Int = 256 << 10, manifestBytes: Int = 384 << 10, records: Int = 1_000) {
            self.configBytes = configBytes
            self.manifestBytes = manifestBytes
            self.records = records
        }
    }

    /// One graph of many, and the places of those that did not fit. Inputs are taken in the order given; one that does not fit is
    /// left out whole, and a smaller one behind it may be taken. Without a limit the order does not matter.
    public static func union(
        of inputs: [CacheGraph], limit: Limit? = nil
    ) -> (graph: CacheGraph, leftOut: [Int]) {
        var merger = Merger()
        var leftOut: [Int] = []
        for (index, input) in inputs.enumerated() {
            if let limit, !limit.holds(merger.size + input.graph.size) {
                guard leftOut.count < mostAttempts else {
                    leftOut.append(index)
                    continue
                }
                var attempt = merger
                attempt.add(input.graph)
                guard limit.holds(attempt.size) else {
                    leftOut.append(index)
                    continue
                }
                merger = attempt
            } else {
                merger.add(input.graph)
            }
        }
        return (CacheGraph(merger.union), leftOut)
    }

    /// A union that is as good as full is not tried with everything that is left.
    private static let mostAttempts = 16
}

extension CacheGraph.Limit {
    fileprivate func holds(_ size: Graph.Size) -> Bool {
        size.config <= configBytes && size.manifest <= manifestBytes && size.records <= records
    }
}
