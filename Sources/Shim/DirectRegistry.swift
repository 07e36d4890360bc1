internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// A registry from which the engine itself imports, without the store: for machines that live only as long as one
/// build. Builds export nothing to it.
struct DirectRegistry: CacheBackend {
    static let scheme: ByteString = "registry"

    private let prefix: ByteString
    private let settings: Settings
    private let globals: GlobalOptions
    private let store: Store?

    /// nil if the settings name none. `store` is where builds would export to: a build whose export is already there
    /// does not export again.
    init?(_ settings: Settings, _ globals: GlobalOptions, beside store: Store?) {
        guard let prefix = settings.remote.directPrefix else { return nil }
        self.prefix = prefix
        self.settings = settings
        self.globals = globals
        self.store = store
    }

    func owns(_ value: ByteString) -> Bool { RemoteSettings.isReference(value, below: prefix) }

    mutating func offers(
        for known: inout KnownBuilds, _ request: CacheRequest, by builder: BuilderFacts, _ timing: ExportTiming
    ) -> CacheOffers {
        known.compare(with: builder, request, exportingTo: store)
        let request = CacheRequest(imports: request.imports, exports: false, notes: request.notes)
        let offers = zip(known.builds, known.isImported).map { build, isImported in
            let identity = BuildIdentity(of: build.description, platform: builder.platform)
            return (offer(for: identity, isImported: isImported, request), CachedBuild(identity: identity))
        }
        return NoReservation(request: request, offers: offers.map(\.0), builds: offers.map(\.1)).commit()
    }

    private func offer(for build: BuildIdentity, isImported: Bool, _ request: CacheRequest) -> CacheOffer {
        guard request.imports else { return CacheOffer() }
        guard !isImported else { return CacheOffer(importing: .leaving(Note(.importNotNeeded))) }
        var answer: Result<ByteString, RemoteUpkeep.Refusal>?
        Budget.excusing { answer = RemoteUpkeep.resolve(build, settings, globals) }
        switch answer {
        case .success(let reference):
            return CacheOffer(
                importing: .adding(
                    Self.option(importing: reference, isInsecure: settings.remote.isInsecure),
                    Note(.remoteImported, reference)))
        case .failure(let refusal): return CacheOffer(notes: [refusal.note])
        case nil: return CacheOffer()
        }
    }

    /// The value of `--cache-from`.
    static func option(importing reference: ByteString, isInsecure: Bool) -> ByteString {
        CSV.record(
            of: ["type=" + scheme, "ref=" + reference] + (isInsecure ? ["registry.insecure=true"] : []))
    }
}

extension BuilderFacts {
    /// The platform that it builds for by default.
    var platform: ByteString { "linux/" + (architecture ?? Kernel.architecture) }
}
