internal import CacheUnion
internal import Formats
internal import Host
internal import Notes

extension Store {
    /// Publishes the union of what the user's own sub-store holds for some keys, after their builds have ended. It
    /// reports no errors: the next build does what this could not. It includes the sub-stores of `trusted` users: their
    /// content and the user's own form one more union. A command with several builds that share steps will need `apart`
    /// as many separate manifests the next time.
    public func publishUnion(
        for keys: [Key], _ scope: UnionScope, othersUpTo age: Int64, trusting trusted: [UInt32] = [],
        apart: Int = 0
    ) {
        guard !keys.isEmpty else { return }
        let deadline = Clock.monotonic &+ PublisherLock.patience
        let lock = PublisherLock(
            in: layout.subStore(of: user), until: Deadline { Clock.monotonic > deadline })
        withExtendedLifetime(lock) {
            // Exports are listed under the lock, so that a union published meanwhile is not published again.
            guard let (generation, lease) = (try? leasedGeneration(of: user)) ?? nil else { return }
            publish(keys, in: generation, lease, scope, othersUpTo: age, trusting: trusted, apart: apart)
        }
    }

    private func publish(
        _ keys: [Key], in generation: Generation, _ lease: Lease, _ scope: UnionScope, othersUpTo age: Int64,
        trusting trusted: [UInt32], apart: Int
    ) {
        withExtendedLifetime(lease) {
            UnionPublisher(generation: generation, scope: scope, age: age, apart: apart).publish(for: keys)
            let opened = OpenedStore(self, trusted: trusted, leasing: true)
            withExtendedLifetime(opened) {
                guard opened.own?.generation == generation, let links = opened.links else { return }
                UnionPublisher(generation: links, scope: scope, age: age, apart: apart).publish(for: keys)
                removeOldLinks(in: generation, besides: links)
            }
        }
    }

    /// Removes folders of links over replaced generations, a day after the last build can have started to use them.
    private func removeOldLinks(in generation: Generation, besides links: Generation) {
        for name in (try? Files.names(in: generation.path, limit: .max)) ?? []
        where name.hasPrefix(Generation.linksPrefix) && name != links.path.lastPathComponent {
            let path = generation.path.appending(path: name)
            guard let pool = try? Files.status(path.appending(path: Generation.pool), followLinks: false),
                Clock.now &- pool.modified > 86_400_000_000_000
            else { continue }
            try? Files.removeTree(path)
        }
    }
}

/// Makes the unions of one generation.
struct UnionPublisher {
    let generation: Generation
    let scope: UnionScope
    /// The age in nanoseconds from which an export is of no use to another repository.
    let age: Int64
    /// How many concurrent builds need a separate manifest of it.
    var apart = 0

    /// Builds that end at the same time publish at the same time; one that was overtaken starts again.
    private static let tries = 4
    /// After this time no build still looks for a manifest that it was told to import: if the manifest is gone, such
    /// a build imports nothing.
    private static let readingTime: Int64 = 600_000_000_000
    /// Modification times of files are no finer than a kernel tick.
    private static let tick: Int64 = 30_000_000
    /// The most exports to look at, for a store that nobody trims.
    private static let mostExports = 16_384

    /// Publishes for the keys of a command that has ended.
    func publish(for keys: [Key]) {
        var reader = ExportShelf()
        for (_, keys) in Dictionary(grouping: keys.withoutRepeats, by: \.repository) {
            guard let first = keys.first else { continue }
            let own = Set(keys.map(\.directoryName))
            let places = keys.map { generation.unionPath(.key, $0) }
            let (near, far) = others(besides: own, of: first.repository)
            let exports = own.sorted().flatMap { complete($0) }
            let relatives = near.flatMap { complete($0) }
            let strangers = far.flatMap { complete($0) }.filter(isRecent)
            if scope != .key {
                // Unions that builds of other repositories import contain no old exports.
                let all = scope == .store ? (exports + relatives).filter(isRecent) + strangers : exports + relatives
                let isWhole = publish(newestFirst(all), at: [generation.unionPath(scope, first)], &reader)
                if isWhole && (scope != .store || exports.allSatisfy(isRecent)) {
                    // What did not fit, or was too old, has been trimmed.
                    for place in places { UnionRecord.remove(place) }
                    continue
                }
            }
            // Exports with the same sources as these builds have steps that these builds may look for.
            let sources = exports.reduce(into: Set<Digest>()) { $0.formUnion(reader.sources(of: $1)) }
            var (alike, others): ([CompleteExport], [CompleteExport]) = ([], [])
            for export in preferred(strangers) {
                if reader.sources(of: export).isDisjoint(with: sources) {
                    others.append(export)
                } else {
                    alike.append(export)
                }
            }
            _ = publish(preferred(exports) + preferred(relatives) + alike + others, at: places, &reader)
        }
    }

    /// The unions with which a trimmed generation starts, made from everything that stayed: those that the former one
    /// had, and one for each key that no wide union covers completely.
    static func remake(
        _ records: [(path: ByteString, record: UnionRecord)], of former: Generation, in generation: Generation,
        for keys: some Sequence<ByteString>
    ) {
        // The age was already checked.
        let publisher = UnionPublisher(generation: generation, scope: .store, age: .max)
        let own = Dictionary(
            records.map { ($0.path.relative(to: former.path) ?? "", $0.record) },
            uniquingKeysWith: { first, _ in first })
        var wide: [UnionRecord] = []
        for (place, record) in own where !place.isEmpty && !place.contains("/") {
            publisher.remake(record.exports, besides: [], at: place)
            if let record = UnionRecord.read(generation.path.appending(path: place), in: generation) {
                wide.append(record)
            }
        }
        for key in keys.sorted() {
            let exports = publisher.preferred(publisher.complete(key))
            let place = ByteString("exports").appending(path: key).appending(path: UnionRecord.name)
            let record = own[place]
            let isHeld = wide.contains { record in exports.allSatisfy { record.holds($0.number, of: key) } }
            guard record != nil || (!isHeld && exports.count > 1) else { continue }
            publisher.remake(record?.exports ?? [:], besides: exports, at: place)
        }
    }

    /// If not all fit, earlier ones take precedence.
    private func remake(_ exports: [ByteString: Set<UInt64>], besides first: [CompleteExport], at place: ByteString) {
        var reader = ExportShelf()
        let known = Set(first.map(\.path))
        let others = exports.sorted { $0.key < $1.key }.flatMap { key, numbers in
            complete(key).filter { numbers.contains($0.number) && !known.contains($0.path) }
        }
        _ = publish(
            first + preferred(others), at: [generation.path.appending(path: place)], remembering: false, &reader)
    }

    private func isRecent(_ export: CompleteExport) -> Bool { Clock.now &- export.completed <= age }

    private func newestFirst(_ exports: [CompleteExport]) -> [CompleteExport] {
        exports.sorted { ($0.completed, $0.name) > ($1.completed, $1.name) }
    }

    /// The newest first, and one of each variant before all others: retention drops what does not fit in the same
    /// order.
    private func preferred(_ exports: [CompleteExport]) -> [CompleteExport] { newestFirst(exports).firstOfEachVariant }

    private func complete(_ key: ByteString) -> [CompleteExport] {
        KeyListing(of: key, in: generation.sources).complete(besides: [], key, limit: Self.mostExports)
    }

    /// The other keys in the scope: those of the same repository, and those of others.
    private func others(
        besides own: Set<ByteString>, of repository: ByteString
    ) -> (near: [ByteString], far: [ByteString]) {
        guard scope != .key else { return ([], []) }
        let names = generation.sources.flatMap {
            (try? Files.names(in: $0.exportsPath, limit: Self.mostExports)) ?? []
        }.filter { KeyRecord.isName($0) && !own.contains($0) }.withoutRepeats.sorted()
        func isNear(_ name: ByteString) -> Bool {
            generation.sources.contains { source in
                let path = source.exportsPath.appending(path: name).appending(path: Generation.keyRecord)
                let words = (try? Files.read(path, limit: 65_536, followLinks: false)).flatMap { JSON($0) }
                return words?[key: "repository"]?.string == repository
            }
        }
        let near = names.filter(isNear)
        return (near, scope == .store ? names.filter { !near.contains($0) } : [])
    }

    /// Makes one union of as many of these exports as an importer should be given, earlier ones first, and of no
    /// others. Returns whether it contains everything that a union can hold.
    private func publish(
        _ exports: [CompleteExport], at places: [ByteString], remembering: Bool = true, _ reader: inout ExportShelf
    ) -> Bool {
        var exports = exports
        var isWhole = true
        while !exports.isEmpty {
            switch make(exports, at: places, remembering: remembering, &reader) {
            case .whole: return isWhole
            case .part: return false
            case .tooLarge:
                isWhole = false
                exports = Array(exports.prefix(exports.count / 2))
            }
        }
        return isWhole
    }

    /// How much of it is published now, if known.
    private enum Outcome {
        case whole, part, tooLarge
    }

    private func make(
        _ exports: [CompleteExport], at places: [ByteString], remembering: Bool, _ reader: inout ExportShelf
    ) -> Outcome {
        guard let place = places.first else { return .whole }
        for _ in 0..<Self.tries {
            let former = UnionRecord.read(place, in: generation)
            let (base, missing) = former.map { foundation($0, at: place, for: exports) } ?? (nil, [])
            var read: [UnionDraft.Added] = []
            for export in exports where base?.record.holds(export.number, of: export.key) != true {
                if let graph = reader.graph(of: export) { read.append(.init(export: export, graph: graph)) }
            }
            guard !read.isEmpty || !missing.isEmpty else {
                if let former { _ = UnionApart.made(apart, of: former, at: places, in: generation) }
                return .whole
            }
            var draft: UnionDraft
            do throws(UnionDraft.DraftError) {
                if let base, let added = try Self.added(read, to: base, without: missing) {
                    draft = added
                } else {
                    // Start again, with the first ones first, whatever was published before.
                    draft = try UnionDraft(
                        nil,
                        exports.compactMap { export in
                            reader.graph(of: export).map { UnionDraft.Added(export: export, graph: $0) }
                        }, replacing: former)
                }
            } catch {
                return error == .nothingNew ? .whole : .tooLarge
            }
            let outcome: Outcome = draft.isWhole ? .whole : .part
            // A full union stays the same.
            if let former, base != nil, former.manifest == draft.record.manifest, former.exports == draft.record.exports
            {
                _ = UnionApart.made(apart, of: former, at: places, in: generation)
                return outcome
            }
            let expired = draft.forget(before: Clock.now &- Self.readingTime)
            guard UnionRecord.read(place, in: generation) == former else { continue }
            guard (try? draft.write(in: generation, to: places)) != nil else { return .part }
            remove(expired)
            let record = UnionApart.made(apart, of: draft.record, at: places, in: generation)
            if remembering { remember(record, at: places) }
            return outcome
        }
        return .part
    }

    /// nil if not all of it fits.
    private static func added(
        _ exports: [UnionDraft.Added], to base: UnionDraft.Base, without missing: [Digest]
    ) throws(UnionDraft.DraftError) -> UnionDraft? {
        do throws(UnionDraft.DraftError) {
            let draft = try UnionDraft(base, exports, without: missing)
            return draft.isWhole ? draft : nil
        } catch {
            guard error == .nothingNew else { return nil }
            throw error
        }
    }

    /// A published union that can be extended: the new one is to contain all of its content.
    private func foundation(
        _ record: UnionRecord, at place: ByteString, for exports: [CompleteExport]
    ) -> (UnionDraft.Base?, missing: [Digest]) {
        var wanted: [ByteString: Set<UInt64>] = [:]
        for export in exports { wanted[export.key, default: []].insert(export.number) }
        guard record.exports.allSatisfy({ wanted[$0.key]?.isSuperset(of: $0.value) ?? false }) else {
            return (nil, [])
        }
        var preflight = Preflight()
        guard let checked = try? CheckedUnion(record, at: place, in: generation, &preflight, remember: false),
            let base = try? checked.base(&preflight)
        else { return (nil, []) }
        return (base, checked.missing)
    }

    /// Removes the blobs of former unions from the pool, unless another union's record names them: two keys' unions of
    /// the same exports have the same manifest.
    private func remove(_ blobs: [Digest]) {
        guard !blobs.isEmpty else { return }
        let used = Set(UnionRecord.all(in: generation).flatMap(\.record.named))
        for blob in blobs where !used.contains(blob) {
            try? Files.remove(generation.blobPath(blob))
        }
    }

    /// Spares the next build from checking each layer.
    private func remember(_ record: UnionRecord, at places: [ByteString]) {
        Clock.sleep(nanoseconds: Self.tick)
        for place in places {
            var preflight = Preflight()
            _ = try? CheckedUnion(record, at: place, in: generation, &preflight, remember: true)
        }
    }
}

/// Exports that are read once for several unions, with all their layers checked.
private struct ExportShelf {
    private var read: [ByteString: CacheGraph?] = [:]
    private var preflight = Preflight()

    /// nil for a damaged export, and for one that no union can hold.
    mutating func graph(of export: CompleteExport) -> CacheGraph? {
        if let known = read[export.path] { return known }
        let graph = try? load(export)
        read[export.path] = .some(graph)
        return graph
    }

    /// The sources with which its steps start.
    mutating func sources(of export: CompleteExport) -> Set<Digest> { graph(of: export)?.sources ?? [] }

    private mutating func load(_ export: CompleteExport) throws(StoreError) -> CacheGraph? {
        let manifest = try preflight.manifest(ofExport: export.path, in: export.generation)
        let contents = try preflight.contents(of: manifest, in: export.generation)
        for layer in contents.layers { try Preflight.checkLayer(layer, in: export.generation) }
        return contents.graph
    }
}
