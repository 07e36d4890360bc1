internal import BuildCache
internal import Formats
internal import Host
public import Planning

/// What the store holds for the builds of one command. It does not need the engine's answer, if that has the architecture
/// that is expected: read while waiting for it, it costs nothing (measured: 0.8 ms of the shim's own 2.3).
struct StoreView {
    let architecture: ByteString
    /// Of the builds that there was time for, the first of them; and what the store holds for each.
    let identities: [BuildIdentity]
    var opened: OpenedStore
    let lookup: CacheLookup
    /// Whether there was time for all of it.
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
            // The first is known at whatever time: what it is made of is a few small files.
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
    /// Whose sub-stores are read: one's own first.
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
