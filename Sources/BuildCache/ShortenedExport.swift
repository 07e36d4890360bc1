internal import CacheUnion
internal import Formats

/// An export that loses some layers: a manifest and a config of the rest, as valid as BuildKit's own, under the
/// export's name.
struct ShortenedExport: Equatable {
    let manifest: ByteString
    let config: ByteString
    let layers: [Digest]
    let manifestDigest: Digest
    let configDigest: Digest

    init(_ graph: CacheGraph) {
        config = graph.config
        let manifest = graph.manifest(of: config)
        self.manifest = manifest.text
        layers = graph.layers.map(\.digest)
        configDigest = manifest.config.digest
        manifestDigest = Digest(of: self.manifest)
    }

    /// All blobs that it reaches.
    var blobs: [Digest] { [manifestDigest] + layers + [configDigest] }

    /// Bytes of the files made for it.
    var bytes: Int { manifest.count + config.count }

    /// The files to put into the pool, by name.
    var files: [(name: ByteString, text: ByteString)] {
        [(configDigest.hex, config), (manifestDigest.hex, manifest)]
    }

    /// The text of its index.
    var index: ByteString { LayoutIndex.text(of: manifestDigest.name, bytes: manifest.count) }
}

/// Tracks what a budget has been spent on.
struct Ledger {
    let budget: UInt64
    private let pool: Pool
    private(set) var bytes: UInt64 = 0
    private(set) var blobs: Set<Digest> = []
    private var records: Set<UInt64> = []

    /// A manifest and a config count three times: their content occurs again in the union of the key, and in the
    /// wider one.
    private static let copies: UInt64 = 3

    init(budget: UInt64, pool: Pool) {
        self.budget = budget
        self.pool = pool
    }

    /// What an export with these blobs costs beyond what is already paid for.
    func cost(of export: ExportRecord, _ blobs: [Digest]) -> UInt64 {
        let added = Set(blobs.filter { !self.blobs.contains($0) })
        let metadata = Set([blobs.first, blobs.last].compactMap(\.self)).intersection(added)
        return pool.bytes(of: added) &+ (Self.copies - 1) &* pool.bytes(of: metadata) &+ recordCost(export)
    }

    /// Builds with equal contexts share one record file.
    private func recordCost(_ export: ExportRecord) -> UInt64 {
        export.records.reduce(0) { records.contains($1.inode) ? $0 : $0 &+ $1.bytes }
    }

    mutating func take(_ export: ExportRecord, _ blobs: [Digest], _ cost: UInt64) {
        bytes &+= cost
        self.blobs.formUnion(blobs)
        records.formUnion(export.records.map(\.inode))
    }

    mutating func take(_ export: ExportRecord, _ shortened: ShortenedExport) {
        take(export, shortened.blobs, cost(of: export, shortened))
    }

    private func cost(of export: ExportRecord, _ shortened: ShortenedExport) -> UInt64 {
        let layers = Set(shortened.layers.filter { !blobs.contains($0) })
        return pool.bytes(of: layers) &+ Self.copies &* UInt64(shortened.bytes) &+ recordCost(export)
    }

    /// The part of an export that fits, if the whole exceeds what is left of the budget.
    func fitting(
        _ export: ExportRecord, _ graph: CacheGraph?
    ) -> (shortened: ShortenedExport?, isFull: Bool, neededBudget: UInt64) {
        let metadata = Set([export.blobs.first, export.blobs.last].compactMap(\.self))
        let fixed = Self.copies &* pool.bytes(of: metadata) &+ export.records.reduce(0) { $0 &+ $1.bytes }
        guard let graph else {
            // Only its bytes are known.
            let whole = pool.bytes(of: Set(export.blobs)) &+ fixed
            return (nil, whole <= budget, whole > budget ? whole : 0)
        }
        let chains = graph.chains
        let sizes = chains.map { pool.bytes(of: CollectionOfOne($0.digest)) }
        var below: [UInt64] = []
        var neededBudget: UInt64 = fixed > budget ? fixed : 0
        for (chain, size) in zip(chains, sizes) {
            let bytes = size &+ (chain.parent.map { below[$0] } ?? fixed)
            below.append(bytes)
            if bytes > budget { neededBudget = max(neededBudget, bytes) }
        }
        var left = bytes < budget ? budget - bytes : 0
        left = left > fixed ? left - fixed : 0
        var isFull = false
        var taken: Set<Digest> = []
        var isTaken: [Bool] = []
        for (place, chain) in chains.enumerated() {
            let isKnown = blobs.contains(chain.digest) || taken.contains(chain.digest)
            let stands = below[place] <= budget && (chain.parent.map { isTaken[$0] } ?? true)
            let fits = isKnown || sizes[place] <= left
            // A chain that even the whole budget could not hold is no reason to drop others.
            if stands && !fits { isFull = true }
            isTaken.append(stands && fits)
            guard stands && fits else { continue }
            if !isKnown { left -= sizes[place] }
            taken.insert(chain.digest)
        }
        let shortened = ShortenedExport(graph.keepingLayers { taken.contains($0.digest) })
        let isWorthIt = shortened.layers.contains { !blobs.contains($0) }
        guard isWorthIt, bytes &+ cost(of: export, shortened) <= budget else {
            return (nil, isFull || neededBudget == 0, neededBudget)
        }
        return (shortened, isFull, neededBudget)
    }
}
