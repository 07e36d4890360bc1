public import Formats

/// The content of a cache: which step, after which other steps, made which layers. Equal graphs are equal in bytes,
/// whatever they were made from.
public struct CacheGraph: Equatable, Sendable {
    /// In canonical order.
    let graph: Graph

    /// Reads a manifest's config. nil if BuildKit's importer would refuse it, or if it has unknown members: a union
    /// could neither keep nor understand them. The caller has to check the digests.
    public init?(manifest: CacheManifest, config: ByteString) {
        guard manifest.isMergeable, let read = ConfigReader.read(config, blobs: manifest.layers) else { return nil }
        var merger = Merger()
        merger.add(read)
        graph = merger.union
    }

    init(_ graph: Graph) { self.graph = graph }

    /// The empty graph.
    public init() { graph = Graph() }

    /// The blobs that it refers to, by digest.
    public var layers: [LayerDescriptor] { graph.blobs }

    /// A blob and the blob below it.
    public struct Link: Equatable, Sendable {
        /// The blob.
        public let digest: Digest
        /// The index of the blob below it, which comes earlier; nil if there is none.
        public let parent: Int?
    }

    /// The chains of its layers, each blob after those below it. A blob that lies on several others occurs once for
    /// each.
    public var chains: [Link] {
        graph.layers.map { layer in
            Link(digest: graph.blobs[Int(layer.blob)].digest, parent: layer.parent < 0 ? nil : Int(layer.parent))
        }
    }

    /// The number of keys.
    public var recordCount: Int { graph.records.count }

    /// The digests of the first steps, mostly base images. They have no inputs.
    public var sources: Set<Digest> { Set(graph.records.lazy.filter { $0.arity == 0 }.map(\.digest)) }

    /// When its newest result was made, in seconds since 1970; nil if it has none.
    public var newest: Int64? {
        graph.records.lazy.flatMap { $0.results.map(\.created) + $0.chains.map(\.created) }.max()?.seconds
    }

    /// Whether it is empty.
    public var isEmpty: Bool { graph.records.isEmpty }

    /// For tests: a graph with a cycle contains more than its config.
    var hasCircle: Bool { graph.hasCircle }

    /// The config as bytes.
    public var config: ByteString { graph.config }

    /// The config for one of several importers that work at the same time, by number: the key of each step differs from
    /// the key of the same step for the other importers. What builds find, and what a reader gets from it, is the same.
    public func config(apart number: Int) -> ByteString { graph.apart(number).config }

    /// The manifest for a config that has been written.
    public func manifest(of config: ByteString) -> CacheManifest {
        CacheManifest(
            config: LayerDescriptor(
                digest: Digest(of: config), size: config.count, mediaType: CacheManifest.configType, annotations: []),
            layers: graph.blobs)
    }

    /// Without the blobs for which `isThere` is false, and without what depends on them.
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

    /// How many steps have a result since a time, in seconds since 1970, although another graph has results of the very
    /// same steps: a build that imported the other graph made them again.
    public func remade(since time: Int64, although other: CacheGraph) -> Int {
        var places: [Digest: [Int32]] = [:]
        for (index, record) in other.graph.records.enumerated() {
            places[record.digest, default: []].append(Int32(truncatingIfNeeded: index))
        }
        // Records of the other graph that equal ours: they share a link at each input.
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
            // Sources are not executed.
            if isNew && isHeld && record.arity > 0 { count += 1 }
        }
        return count
    }

    /// The combined content of some graphs, to tell whether another graph adds anything.
    public struct Coverage {
        private var merger = Merger()

        /// The coverage of no graphs.
        public init() {}

        /// Adds a graph. False if it has nothing new: then the union of the earlier ones contains it.
        public mutating func add(_ graph: CacheGraph) -> Bool {
            let size = merger.size
            merger.add(graph.graph)
            return merger.size != size
        }

        /// Whether all of them fit into one union.
        public func fits(in limit: Limit = Limit()) -> Bool { limit.holds(merger.size) }
    }

    /// The largest union allowed.
    public struct Limit: Sendable {
        /// Bytes of the config.
        public var configBytes: Int
        /// Bytes of the manifest.
        public var manifestBytes: Int
        /// The number of keys.
        public var records: Int

        /// Importing costs a build 25 ms for a thousand records and up to half a second for four thousand, whether or not
        /// they help it (docs/design.md).
        private static let mostRecords = 1_000
        /// BuildKit accepts 1 MiB of each.
        private static let largestConfig = 256 << 10
        private static let largestManifest = 384 << 10

        /// The limits of a store's unions, unless others are given.
        public init(configBytes: Int? = nil, manifestBytes: Int? = nil, records: Int? = nil) {
            self.configBytes = configBytes ?? Self.largestConfig
            self.manifestBytes = manifestBytes ?? Self.largestManifest
            self.records = records ?? Self.mostRecords
        }
    }

    /// Merges many graphs into one, and returns the indices of those that did not fit. Takes the inputs in the given
    /// order; one that does not fit is left out whole, and a smaller one after it may still be taken. Without a limit
    /// the order does not matter.
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

    /// If a union is nearly full, not every remaining input is tried.
    private static let mostAttempts = 16
}

extension CacheGraph.Limit {
    fileprivate func holds(_ size: Graph.Size) -> Bool {
        size.config <= configBytes && size.manifest <= manifestBytes && size.records <= records
    }
}
