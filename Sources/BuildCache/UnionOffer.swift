internal import Formats
internal import Host
internal import Notes

/// What one generation offers to the builds of one command.
struct UnionOffer {
    let generation: Generation
    private let builds: [BuildIdentity]
    /// For each build, its number among those that run at once and share steps.
    private let numbers: [Int]
    private let scope: UnionScope
    private let deadline: Deadline
    private var keys: [ByteString: KeyListing] = [:]
    /// What may be imported without merging: a union, or for each build the newest export of its key.
    private var importable: [CacheLookup.Import?]
    private(set) var draft: UnionDraft?
    private var places: [ByteString] = []
    /// The published union that is imported, and the paths of its record.
    private var union: (record: UnionRecord, places: [ByteString])?
    private var canWrite = false
    private(set) var newest: [ByteString?]
    /// What was left out, and why.
    private(set) var notes: [Note] = []

    /// The most exports to merge before a build starts, newest first.
    private static let mostMerged = 32
    /// The most exports in which to look for a manifest: failed builds leave none.
    private static let mostLookedFor = 512
    /// The most missing layers to name.
    private static let mostNotes = 8
    /// The most links to make for it.
    private static let mostLinks = 512
    /// The most bytes of manifests and configs to read for it.
    private static let mostBytes = 512 << 10
    /// The most bytes of manifests and configs of exports to read in total, including damaged ones.
    private static let mostExported = 2 << 20
    /// The same for unions.
    private static let mostRead = 4 << 20
    /// A larger union is imported as it is: merging it would take longer than a build should wait.
    private static let largestMerged = 256 << 10

    init(
        of builds: [BuildIdentity], apart numbers: [Int] = [], _ scope: UnionScope, in generation: Generation,
        until deadline: Deadline = .never
    ) {
        self.generation = generation
        self.deadline = deadline
        self.builds = builds
        self.numbers = builds.indices.map { numbers.indices.contains($0) ? numbers[$0] : 0 }
        self.scope = scope
        importable = builds.map { _ in nil }
        newest = importable.map { _ in nil }
        for key in builds.map(\.key.directoryName).withoutRepeats {
            keys[key] = KeyListing(of: key, in: generation.sources, until: deadline)
        }
    }

    /// How close a generation's exports are to the builds: first those with the same branch and arguments, then the
    /// newest.
    var nearness: (Int, Int64) {
        let same = builds.count { keys[$0.key.directoryName]?.holds($0.variant) == true }
        return (same, keys.values.map(\.newest).max() ?? 0)
    }

    /// What the builds import after `write`.
    var imports: [CacheLookup.Import?] {
        guard let draft else { return importable }
        return builds.indices.map { self.import(draft.record, for: $0) }
    }

    /// Whether at least one build gets something.
    var isUseful: Bool { imports.contains { $0 != nil } }

    private func `import`(_ record: UnionRecord, for build: Int) -> CacheLookup.Import {
        CacheLookup.Import(
            source: generation, digest: manifest(of: record, for: build), exports: record.exportCount,
            keys: record.exports.count)
    }

    /// The union's own manifest, unless there is one with the build's number.
    private func manifest(of record: UnionRecord, for build: Int) -> Digest {
        let number = numbers[build]
        guard number > 0, number <= record.apart.count else { return record.manifest.digest }
        let apart = record.apart[number - 1]
        do throws(StoreError) {
            for blob in [apart.manifest, apart.config] { try Preflight.checkLayer(blob, in: generation) }
            return apart.manifest.digest
        } catch {
            return record.manifest.digest
        }
    }

    /// Finds the published union, checks it, and merges it with newer exports.
    mutating func prepare(canWrite: Bool, remember: Bool) {
        self.canWrite = canWrite
        var preflight = Preflight(indexes: Self.mostMerged, bytes: Self.mostRead, until: deadline)
        let published = published(&preflight, in: generation, remember: remember)
        // For several generations, the union starts from what each of them has published.
        let others =
            published == nil && !generation.lenders.isEmpty
            ? generation.lenders.compactMap { self.published(&preflight, in: $0, remember: false) } : []
        for blob in ((published?.missing ?? []) + others.flatMap(\.missing)).prefix(Self.mostNotes) {
            notes.append(Note(.layerRejected, generation.blobPath(blob)))
        }
        var exports: [CompleteExport] = []
        for (key, listing) in keys {
            let known = ((published.map { [$0] } ?? []) + others).reduce(into: Set<UInt64>()) {
                $0.formUnion($1.record.exports[key] ?? [])
            }
            exports += listing.complete(besides: known, key, limit: Self.mostLookedFor, until: deadline)
            for (index, build) in builds.enumerated() where build.key.directoryName == key {
                newest[index] = listing.newest(among: known, exports.filter { $0.key == key }, key)
            }
        }
        exports.sort { ($0.completed, $0.name) > ($1.completed, $1.name) }
        guard !exports.isEmpty || !others.isEmpty || published?.missing.isEmpty == false else {
            if let published { use(published) }
            return
        }
        merge(published, others, exports, &preflight)
    }

    /// Uses a published union for all builds that have nothing else.
    private mutating func use(_ published: CheckedUnion) {
        union = (published.record, [published.path])
        for index in builds.indices where importable[index] == nil {
            importable[index] = self.import(published.record, for: index)
        }
    }

    private mutating func published(
        _ preflight: inout Preflight, in generation: Generation, remember: Bool
    ) -> CheckedUnion? {
        let paths = builds.map { generation.unionPath(.key, $0.key) }.withoutRepeats
        let wide = scope == .key ? [] : builds.map { generation.unionPath(scope, $0.key) }.withoutRepeats
        if generation == self.generation { places = wide.isEmpty ? paths : wide }
        func keepPlace(_ path: ByteString) {
            // What a key's own union contains beyond the wide one is not meant for others.
            if generation == self.generation, paths.contains(path) { places = paths }
        }
        // The narrowest first: a key has a union of its own if the wide one has no space for all its exports, or
        // lacks those that are too old for others.
        let records = (paths + wide).compactMap { path in
            UnionRecord.read(path, in: generation).map { (path: path, record: $0, lacking: lacking(in: $0)) }
        }
        for (path, record, _) in records.enumerated().sorted(by: {
            ($0.element.lacking, $0.offset) < ($1.element.lacking, $1.offset)
        }).map(\.element) {
            do throws(StoreError) {
                let union = try CheckedUnion(
                    record, at: path, in: generation, &preflight, remember: remember, until: deadline)
                keepPlace(path)
                return union
            } catch {
                notes.append(error.note)
            }
        }
        return nil
    }

    /// How many of the builds' exports are missing from a union.
    private func lacking(in record: UnionRecord) -> Int {
        keys.reduce(0) { sum, key in
            let known = record.exports[key.key] ?? []
            return sum + key.value.exports.count { !known.contains($0.number) }
        }
    }

    private mutating func merge(
        _ published: CheckedUnion?, _ others: [CheckedUnion], _ exports: [CompleteExport],
        _ preflight: inout Preflight
    ) {
        let hasLost = published?.missing.isEmpty == false
        var read: [UnionDraft.Added] = []
        // Exports that are damaged, or that no union can hold.
        var useless = 0
        var bytes = 0
        var reader = Preflight(indexes: Self.mostMerged, bytes: Self.mostExported, until: deadline)
        for export in exports.prefix(Self.mostMerged) where bytes < Self.mostBytes {
            guard !deadline.hasPassed else {
                notes.append(Note(.storeSearchCut, export.path))
                break
            }
            do throws(StoreError) {
                let manifest = try reader.manifest(ofExport: export.path, in: export.generation)
                let contents = try reader.contents(of: manifest, in: export.generation)
                for layer in contents.layers { try Preflight.checkLayer(layer, in: export.generation) }
                bytes += manifest.size + contents.configText.count
                if let graph = contents.graph {
                    read.append(UnionDraft.Added(export: export, graph: graph))
                } else {
                    useless += 1
                }
                note(manifest, of: export)
            } catch {
                useless += 1
                notes.append(error.note)
            }
        }
        if let published, !hasLost {
            // A union without a build's own exports is worth less than one of those exports.
            for (index, build) in builds.enumerated() where published.record.exports[build.key.directoryName] != nil {
                importable[index] = nil
            }
            use(published)
        }
        defer { noteUnmerged(of: exports, besides: published, useless) }
        // A single export needs no union. If there is no time, the next build or the publisher merges.
        guard !deadline.hasPassed || hasLost else {
            if published == nil {
                // The unions of two users may hold the same exports.
                let lent = others.flatMap { $0.record.exports.values.joined() }.withoutRepeats
                noteUnmerged(lent.count + max(0, read.count - 1))
            }
            return
        }
        let count = read.count + others.count
        guard canWrite, published == nil ? count > 1 : count > 0 || hasLost else { return }
        var base: UnionDraft.Base?
        if let published {
            // A union that has lost a layer cannot be imported as it is, so it is merged however large it is.
            guard hasLost || published.record.manifest.size + published.record.config.size <= Self.largestMerged
            else { return }
            do throws(StoreError) {
                base = try published.base(&preflight)
            } catch {
                notes.append(error.note)
            }
        }
        var more: [UnionDraft.Base] = []
        for other in others {
            do throws(StoreError) {
                more.append(try other.base(&preflight))
            } catch {
                notes.append(error.note)
            }
        }
        let missing = (published?.missing ?? []) + others.flatMap(\.missing)
        draft = try? UnionDraft(base, others: more, read, without: missing)
    }

    /// Reports complete exports that are not imported: the build may miss what another has just built.
    private mutating func noteUnmerged(of exports: [CompleteExport], besides published: CheckedUnion?, _ useless: Int) {
        guard let merged = draft?.record ?? published?.record else { return }
        noteUnmerged(exports.count { !merged.holds($0.number, of: $0.key) } - useless)
    }

    private mutating func noteUnmerged(_ count: Int) {
        guard count > 0 else { return }
        notes.append(Note(.unionNotMerged, ByteString(decimal: count) + (count == 1 ? " export" : " exports")))
    }

    /// If there can be no union, a build imports a single export.
    private mutating func note(_ manifest: Preflight.Blob, of export: CompleteExport) {
        for (index, build) in builds.enumerated()
        where build.key.directoryName == export.key && importable[index] == nil {
            importable[index] = CacheLookup.Import(
                source: export.generation, digest: manifest.digest, exports: 1, keys: 1)
        }
    }

    /// Writes the merged union to where other builds find it, too, and the separate manifests that concurrent builds
    /// need; returns why that failed, if it did.
    mutating func write() -> Note? {
        if let draft {
            self.draft = nil
            do throws(Errno) {
                try draft.write(in: generation, to: places, mostLinks: Self.mostLinks)
            } catch {
                return StoreError(.unionNotWritten, generation.path, error).note
            }
            union = (draft.record, places)
            importable = builds.indices.map { self.import(draft.record, for: $0) }
        }
        guard canWrite, let most = numbers.max(), most > 0, let union else { return nil }
        let record = UnionApart.made(most, of: union.record, at: union.places, in: generation, until: deadline)
        for index in builds.indices where importable[index]?.digest == record.manifest.digest {
            importable[index] = self.import(record, for: index)
        }
        return nil
    }
}

/// The names of a key's exports, to the extent that the ends of the names tell.
struct KeyListing {
    struct Item {
        let number: UInt64
        let started: Int64
        let name: ByteString
        let generation: Generation
    }

    private(set) var exports: [Item] = []

    /// The most exports of failed builds to skip.
    private static let mostFailed = 16
    /// The most names to read from a key's directory.
    private static let mostNames = 65_536

    init(of key: ByteString, in generations: [Generation], until deadline: Deadline = .never) {
        for generation in generations {
            let folder = generation.exportsPath.appending(path: key)
            for name in (try? Files.names(in: folder, limit: Self.mostNames, until: deadline)) ?? [] {
                guard let number = ExportName.number(of: name) else { continue }
                exports.append(
                    Item(number: number, started: ExportName.started(name), name: name, generation: generation))
            }
        }
    }

    var newest: Int64 { exports.map(\.started).max() ?? 0 }

    func holds(_ variant: Variant) -> Bool { exports.contains { Self.is($0, variant) } }

    private static func `is`(_ export: Item, _ variant: Variant) -> Bool {
        export.name.hasPrefix(variant.branch + "." + variant.arguments + ".")
    }

    /// The complete export that started last with this branch and these arguments; if there is none, with any.
    func nearest(to variant: Variant, _ key: ByteString) -> CompleteExport? {
        let same = exports.filter { Self.is($0, variant) }
        return (same.isEmpty ? exports : same).sorted { $0.started > $1.started }.prefix(Self.mostFailed).lazy
            .compactMap {
                CompleteExport($0.name, number: $0.number, of: key, in: $0.generation)
            }.first
    }

    /// The directory of the newest export that is known or complete.
    func newest(among known: Set<UInt64>, _ complete: [CompleteExport], _ key: ByteString) -> ByteString? {
        if let newest = complete.max(by: { $0.completed < $1.completed }) { return newest.path }
        return exports.lazy.filter { known.contains($0.number) }.max { $0.started < $1.started }.map {
            $0.generation.exportsPath.appending(path: key).appending(path: $0.name)
        }
    }

    /// The complete ones among those that started last and are not known.
    func complete(
        besides known: Set<UInt64>, _ key: ByteString, limit: Int, until deadline: Deadline = .never
    ) -> [CompleteExport] {
        exports.filter { !known.contains($0.number) }.sorted { $0.started > $1.started }.prefix(limit).compactMap {
            deadline.hasPassed ? nil : CompleteExport($0.name, number: $0.number, of: key, in: $0.generation)
        }
    }
}
