internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The store on this machine: builds import the union of its exports, and each build exports to its own directory.
struct LocalStore: CacheBackend {
    static let scheme: ByteString = "local"

    /// nil if the path in the settings cannot be a store's.
    let store: Store?
    private let path: ByteString
    private let settings: Settings
    private let purpose: Decision.Purpose
    private let budget: Budget
    /// What was read while the engine was being asked.
    private var view: StoreView?

    init(_ settings: Settings, _ purpose: Decision.Purpose, within budget: Budget) {
        self.settings = settings
        self.purpose = purpose
        self.budget = budget
        path = settings.store ?? Locations.store ?? ""
        store = StoreLayout(root: path).map { Store($0) }
    }

    /// Whether a path is in any store of Slipway's.
    static func owns(_ value: ByteString) -> Bool { StoreLayout.isInGeneration(value) }

    func owns(_ value: ByteString) -> Bool { Self.owns(value) }

    /// The value of `--cache-from`.
    static func option(importing found: CacheLookup.Import) -> ByteString {
        CSV.record(of: ["type=" + scheme, "src=" + found.source.path, "digest=" + found.digest.name])
    }

    /// The value of `--cache-to`. mode=max exports the layers of every stage. gzip, the default, reuses the image's own
    /// blobs and changes nothing that a user pushes. With ignore-error, a disk that fills up during the export does not
    /// fail the build.
    static func option(exportingTo path: ByteString) -> ByteString {
        CSV.record(of: ["type=" + scheme, "dest=" + path, "mode=max", "ignore-error=true"])
    }

    mutating func read(_ builds: [Build]) {
        guard let store, !builds.isEmpty else { return }
        view = StoreView(of: store, for: builds, Kernel.architecture, settings, purpose, within: budget)
    }

    mutating func forget() { view = nil }

    var hasExport: Bool { view.flatMap { $0.lookup.newest.first ?? nil } != nil }

    mutating func offers(
        for known: inout KnownBuilds, _ request: CacheRequest, by builder: BuilderFacts, _ timing: ExportTiming
    ) -> CacheOffers {
        let unlooked = known.total - known.builds.count
        guard !known.builds.isEmpty else { return .none(request.adding(Self.left(0, of: known.total, unlooked))) }
        guard let store else {
            return .none(
                request.refused(Note(.storePathUnusable, path)).adding(Self.left(0, of: known.total, unlooked)))
        }
        known.lookAtModes()
        known.compare(with: builder, request, exportingTo: store)
        let architecture = builder.architecture ?? Kernel.architecture
        // A view that ran out of time is read again if there is time now: waiting for the engine does not use up the
        // budget.
        let view =
            view.flatMap { $0.architecture == architecture && ($0.isWhole || budget.isSpent) ? $0 : nil }
            ?? StoreView(of: store, for: known.builds, architecture, settings, purpose, within: budget)
        self.view = nil
        var reservation = StoreReservation(view, known, settings, purpose, timing)
        reservation.look(request, until: budget.deadline)
        reservation.request = reservation.request.adding(
            Self.left(reservation.identities.count, of: known.total, unlooked))
        return reservation.offers
    }

    /// The note for targets that there was no time for.
    private static func left(_ looked: Int, of total: Int, _ unlooked: Int) -> [Note] {
        guard unlooked > 0 else { return [] }
        return [Note(.timeSpent, ByteString(decimal: looked) + " of " + ByteString(decimal: total) + " targets")]
    }
}
