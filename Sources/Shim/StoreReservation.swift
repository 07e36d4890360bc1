internal import BuildCache
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// What the builds of one command need from the store: the leases under which it was read, a union that may still have
/// to be written, and directories for exports.
struct StoreReservation: Reservation {
    /// What remains of the request.
    var request = CacheRequest(imports: false, exports: false, notes: [])
    var identities: [BuildIdentity] { view.identities }
    private var view: StoreView
    private let known: KnownBuilds
    private let settings: Settings
    private let purpose: Decision.Purpose
    private let timing: ExportTiming
    private var lookup: CacheLookup
    /// In the order of the builds that there was time for.
    private var takes: [Take] = []
    private var leases: [Lease] = []
    private var isStoreFull = false

    /// What one build needs.
    private struct Take {
        /// Whether it may import.
        let imports: Bool
        var found: CacheLookup.Import?
        var export: Export?
        var leases: [ByteString] = []
        var notes: [Note] = []
    }

    /// The interval between trims of a store that has reached its maximum size, in nanoseconds.
    private static let fullInterval: Int64 = 300_000_000_000

    init(
        _ view: StoreView, _ known: KnownBuilds, _ settings: Settings, _ purpose: Decision.Purpose,
        _ timing: ExportTiming
    ) {
        self.view = view
        self.known = known
        self.settings = settings
        self.purpose = purpose
        self.timing = timing
        lookup = view.lookup
    }

    /// Determines what each build imports and exports.
    mutating func look(_ asked: CacheRequest, until deadline: Deadline) {
        request = asked
        let wantsExports = known.builds.indices.contains { known.builds[$0].exports && !known.isExported($0) }
        if request.exports && purpose == .acting && wantsExports {
            do throws(StoreError) {
                try view.opened.makeOwn()
            } catch {
                request = request.withoutExport(error.note)
            }
        }
        request = request.adding((known.modes.map { [$0] } ?? []) + view.opened.notes)
        request = request.adding(
            identities.compactMap(\.foreign).withoutRepeats.map { Note(.repositoryNotTrusted, $0) })
        if identities.count < known.builds.count {
            let (some, all) = (ByteString(decimal: identities.count), ByteString(decimal: known.builds.count))
            let note = Note(.timeSpent, some + " of " + all + " builds")
            request = identities.isEmpty ? request.refused(note) : request.adding([note])
        }
        takes = identities.indices.map { Take(imports: known.builds[$0].imports && !known.isImported[$0]) }
        if request.imports && takes.contains(where: \.imports) {
            request = request.adding(lookup.notes)
            takeImports()
        }
        for index in takes.indices {
            if request.exports && known.builds[index].exports && !known.isExported(index) {
                takeExport(index, until: deadline)
            }
            takes[index].leases = takes[index].leases.withoutRepeats
        }
        timeExport()
    }

    /// Determines what each build imports now.
    private mutating func takeImports() {
        for lease in lookup.leases { hold(lease) }
        for index in takes.indices where takes[index].imports {
            let found = lookup.found.indices.contains(index) ? lookup.found[index] : nil
            takes[index].found = found
            if let found { takes[index].leases += found.source.leasePaths }
            takes[index].leases = takes[index].leases.withoutRepeats
        }
    }

    private mutating func takeExport(_ index: Int, until deadline: Deadline) {
        if settings.exports == .auto,
            let loss = BuildRecorder.loss(of: known.builds[index].description, identities[index])
        {
            takes[index].notes.append(Note(.exportDoesNotPay, loss))
            return
        }
        let opened = view.opened
        // The notes already say why there is no lease; without one, nothing is written to the sub-store either.
        guard opened.own != nil || purpose == .showing else { return }
        let limits = StoreLimits(maximumSize: settings.maximumSize, minimumFree: settings.minimumFree)
        do throws(StoreError) {
            let export = try Export.offer(
                in: opened.store, own: opened.own?.generation, for: identities[index], limits: limits,
                remember: purpose == .acting, until: deadline)
            takes[index].export = export
            takes[index].leases.append(export.leasePath)
            if let lease = opened.own?.lease { hold(lease) }
        } catch {
            isStoreFull = error.note.reason == .storeOverBudget
            request = request.withoutExport(error.note)
        }
    }

    private mutating func hold(_ lease: Lease) {
        if !leases.contains(where: { $0 === lease }) { leases.append(lease) }
    }

    /// Applies the decision on when the only build exports.
    private mutating func timeExport() {
        guard takes.count == 1, takes[0].export != nil else { return }
        switch timing {
        case .withBuild, .behind: return
        case .notBehind(let obstacle): takes[0].notes.append(Note(.exportNotBehind, obstacle))
        case .behindElsewhere: takes[0].export = nil
        }
    }

    // MARK: - What is offered

    var offers: CacheOffers {
        var (offers, builds): ([CacheOffer], [CachedBuild]) = ([], [])
        for index in takes.indices {
            let build = cached(index)
            offers.append(offer(index, build))
            builds.append(build)
        }
        return CacheOffers(request: request, offers: offers, builds: builds, reservation: self)
    }

    private func offer(_ index: Int, _ build: CachedBuild) -> CacheOffer {
        let take = takes[index]
        let importing: CacheOffer.Direction =
            if known.isImported[index] {
                .leaving(Note(.importNotNeeded))
            } else if let found = take.found, let option = build.imported {
                .adding(option, Note(.importAdded, found.digest.name + " (" + found.extent + ")"))
            } else {
                .leaving(Note(.nothingToImport))
            }
        let exporting: CacheOffer.Direction =
            if build.isExportedBehind, let export = take.export {
                .leaving(Note(.exportBehind, export.path))
            } else if let export = take.export, let option = build.exportOption {
                .adding(option, Note(.exportAdded, export.path))
            } else if known.isExported(index) {
                .leaving(Note(.exportNotNeeded))
            } else {
                .nothing
            }
        return CacheOffer(importing: importing, exporting: exporting, leases: take.leases, notes: take.notes)
    }

    private func cached(_ index: Int) -> CachedBuild {
        let take = takes[index]
        var build = CachedBuild(identity: identities[index])
        if request.imports, let found = take.found {
            build.imported = LocalStore.option(importing: found)
            build.relative = lookup.newest.indices.contains(index) ? lookup.newest[index] : nil
        }
        if request.exports, let export = take.export {
            build.export = export
            build.exportOption = LocalStore.option(exportingTo: export.path)
        }
        build.isExportedBehind = timing == .behind && takes.count == 1 && take.export != nil
        return build
    }

    // MARK: - What is done

    /// A failed step disables the corresponding import or export.
    func commit() -> CacheOffers {
        var kept = self
        kept.make()
        return kept.offers
    }

    private mutating func make() {
        if request.imports && takes.contains(where: { $0.found != nil }) {
            let said = lookup.notes.count
            lookup.write()
            request = request.adding(Array(lookup.notes.dropFirst(said)))
            takeImports()
        }
        do throws(Errno) {
            for lease in leases { try lease.outliveExec() }
        } catch {
            request = request.refused(Note(.leaseNotKept, ByteString(error.description)))
            return
        }
        do throws(StoreError) {
            for take in takes { try take.export?.prepare() }
        } catch {
            request = request.withoutExport(error.note)
        }
    }

    var inheritance: [Detached.Inheritance] { leases.map(\.inheritance) }

    func supersede() {
        guard let own = view.opened.own?.generation else { return }
        for build in identities { PendingExport.supersede(build, in: own) }
    }

    func publish() {
        let keys = offers.exportedKeys
        guard !keys.isEmpty else { return }
        view.opened.store.publishUnion(
            for: keys, UnionScope(settings), othersUpTo: settings.unionOthersAge,
            trusting: settings.readUsers(besides: Kernel.userID), apart: Build.numbers(of: known.builds).max() ?? 0)
    }

    /// Marks what the builds use, so that trimming keeps it longest, and starts a background trim if one is due.
    func didUse() {
        guard let own = view.opened.own?.generation else { return }
        for standing in known.standing.compactMap({ $0 }) { Generation.noteUse(of: standing) }
        for (build, take) in zip(identities, takes) where take.export == nil && take.found != nil {
            own.noteUse(by: build)
        }
        // Nobody exports until the store is trimmed.
        let interval = isStoreFull ? min(settings.trimInterval, Self.fullInterval) : settings.trimInterval
        let store = view.opened.store
        guard settings.trimsAutomatically, store.isTrimDue(interval: interval) else { return }
        var retention = Retention()
        retention.maximumSize = settings.trimBudget
        store.trimBehind(keeping: retention, interval: interval)
    }
}

extension CacheLookup.Import {
    /// A description of what it is made of, for people.
    var extent: ByteString {
        func count(_ number: Int, _ noun: ByteString) -> ByteString {
            ByteString(decimal: number) + " " + noun + (number == 1 ? "" : "s")
        }
        return count(exports, "export") + " of " + count(keys, "key")
    }
}
