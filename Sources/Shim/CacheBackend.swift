internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// A place that layers come from and go to. Nobody else knows what its options look like.
protocol CacheBackend {
    /// What its options begin with: `type=SCHEME`.
    static var scheme: ByteString { get }
    /// Whether a value in an option is one that this back end has given.
    func owns(_ value: ByteString) -> Bool
    /// Why a builder cannot export to it.
    func limits(with builder: BuilderFacts) -> [Note]
    /// Reads ahead while the engine is asked.
    mutating func read(_ builds: [Build])
    /// Whether what it has read has an export of the first build's key.
    var hasExport: Bool { get }
    /// Lets go of what it has read: a wait begins, after which it is old.
    mutating func forget()
    /// What there is for the builds of a command. Fails for none of them as a whole: what cannot be is left out, and said.
    mutating func offers(
        for known: inout KnownBuilds, _ request: CacheRequest, by builder: BuilderFacts, _ timing: ExportTiming
    ) -> CacheOffers
}

extension CacheBackend {
    func limits(with builder: BuilderFacts) -> [Note] {
        [builder.obstacleToExport, Kernel.largestFile == .max ? nil : Note(.filesLimited)].compactMap { $0 }
    }

    mutating func read(_ builds: [Build]) {}

    var hasExport: Bool { false }

    mutating func forget() {}
}

/// When the export of a build is made.
enum ExportTiming: Equatable {
    /// Before docker ends.
    case withBuild
    /// The settings want it behind the build, but that is not safe.
    case notBehind(ByteString)
    /// Once docker has ended, by a child of this process.
    case behind
    /// Once docker has ended, by a child of the shim before docker.
    case behindElsewhere
}

/// What a back end offers to the builds of a command.
struct CacheOffers {
    /// What it leaves of the request, and why.
    let request: CacheRequest
    /// An offer for each build that there was time for: the first ones of the command.
    let offers: [CacheOffer]
    /// The same builds, as records and exports know them.
    let builds: [CachedBuild]
    /// What these offers take.
    let reservation: any Reservation

    /// Whether an export is left until docker has ended.
    var isExportedBehind: Bool { builds.contains(where: \.isExportedBehind) }
    /// The keys that get a new export.
    var exportedKeys: [Key] { builds.filter { $0.export != nil }.map(\.identity.key) }

    /// Of a command that a back end has nothing for.
    static func none(_ request: CacheRequest) -> CacheOffers {
        CacheOffers(request: request, offers: [], builds: [], reservation: NoReservation(request: request))
    }
}

/// One build beside its offer.
struct CachedBuild {
    let identity: BuildIdentity
    /// What `--cache-from` is given; nil where nothing is imported from a store.
    var imported: ByteString?
    /// The newest export of its key among what it imports.
    var relative: ByteString?
    /// Where it exports to.
    var export: Export?
    /// What `--cache-to` would be given.
    var exportOption: ByteString?
    var isExportedBehind = false
}

/// What offers take: directories and leases. Making them is all that may fail once a command is decided about, and what fails is
/// taken from the offers.
protocol Reservation {
    /// Makes it, and returns what can be offered with it.
    func commit() -> CacheOffers
    /// What an export behind its build needs after docker's own leases have ended.
    var inheritance: [Detached.Inheritance] { get }
    /// Ends what earlier builds of the same kind have left to be exported.
    func supersede()
    /// Shows new exports to other builds, once docker has ended.
    func publish()
    /// Notes down what is used, and cleans up behind the command where that is due.
    func didUse()
}

/// Nothing is taken.
struct NoReservation: Reservation {
    let request: CacheRequest
    var offers: [CacheOffer] = []
    var builds: [CachedBuild] = []

    func commit() -> CacheOffers {
        CacheOffers(request: request, offers: offers, builds: builds, reservation: self)
    }

    var inheritance: [Detached.Inheritance] { [] }
    func supersede() {}
    func publish() {}
    func didUse() {}
}
