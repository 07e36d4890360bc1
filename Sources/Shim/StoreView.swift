internal import BuildCache
internal import Formats
internal import Host
public import Planning

/// What the store holds for the builds of one command. It depends on the engine only in the architecture, which can be
/// guessed, so reading it while the engine is being asked costs nothing (measured: 0.8 of the shim's own 2.3 ms).
struct StoreView {
    let architecture: ByteString
    /// The builds that there was time for, in the command's order.
    let identities: [BuildIdentity]
    var opened: OpenedStore
    let lookup: CacheLookup
    /// Whether there was time for everything.
    let isWhole: Bool

    init(
        of store: Store, for builds: [Build], _ architecture: ByteString, _ settings: Settings,
        _ purpose: Decision.Purpose, within budget: Budget
    ) {
        self.architecture = architecture
        let trusted = settings.readUsers(besides: store.user)
        let opened = OpenedStore(store, trusted: trusted, leasing: purpose == .acting)
        let deadline = budget.deadline
        var identities: [BuildIdentity] = []
        for build in builds {
            // The first identity is always determined: it is made from a few small files.
            guard identities.isEmpty || !deadline.hasPassed else { break }
            identities.append(BuildIdentity(of: build.description, platform: "linux/" + architecture))
        }
        self.opened = opened
        self.identities = identities
        lookup = CacheLookup(
            of: opened, for: identities, apart: Build.numbers(of: builds), scope: UnionScope(settings),
            acting: purpose == .acting, until: deadline)
        isWhole = identities.count == builds.count && !lookup.isCut
    }
}

extension Settings {
    /// Whose sub-stores builds read: the user's own first.
    public func readUsers(besides user: UInt32) -> [UInt32] { ([user, 0] + trustedUsers).withoutRepeats }
}

extension UnionScope {
    init(_ settings: Settings) {
        self =
            switch settings.unionScope {
            case .store: .store
            case .repository: .repository
            case .key: .key
            }
    }
}
