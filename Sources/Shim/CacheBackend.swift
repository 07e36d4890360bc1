internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// A cache that builds import from and export to. Only the back end itself knows what its options look like.
protocol CacheBackend {
    /// The type in its options: `type=SCHEME`.
    static var scheme: ByteString { get }
    /// Whether a value in an option came from this back end.
    func owns(_ value: ByteString) -> Bool
    /// Why a builder cannot export to it.
    func limits(with builder: BuilderFacts) -> [Note]
    /// Reads ahead while the engine is being asked.
    mutating func read(_ builds: [Build])
    /// Whether it has read an export of the first build's key.
    var hasExport: Bool { get }
    /// Discards what it has read, because it would be outdated after the wait that follows.
    mutating func forget()
    /// Offers for the builds of a command. It never fails as a whole: whatever is impossible is left out, with a note.
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
    /// Before docker ends, although the settings ask for it afterwards: that is not safe, for this reason.
    case notBehind(ByteString)
    /// After docker has ended, by a child of this process.
    case behind
    /// After docker has ended, by a child of the shim that ran before this plugin.
    case behindElsewhere
}

/// What a back end offers to the builds of a command.
struct CacheOffers {
    /// What remains of the request, and why.
    let request: CacheRequest
    /// One offer for each build that there was time for, in the command's order.
    let offers: [CacheOffer]
    /// The same builds, as exports and records need them.
    let builds: [CachedBuild]
    /// What makes these offers valid.
    let reservation: any Reservation

    /// Whether an export is deferred until docker has ended.
    var isExportedBehind: Bool { builds.contains(where: \.isExportedBehind) }
    /// The keys that get a new export.
    var exportedKeys: [Key] { builds.filter { $0.export != nil }.map(\.identity.key) }

    /// For a command that the back end has nothing for.
    static func none(_ request: CacheRequest) -> CacheOffers {
        CacheOffers(request: request, offers: [], builds: [], reservation: NoReservation(request: request))
    }
}

/// One build with what is offered to it.
struct CachedBuild {
    let identity: BuildIdentity
    /// The value of `--cache-from`; nil if nothing is imported from a store.
    var imported: ByteString?
    /// The newest export of its key among those that it imports.
    var relative: ByteString?
    /// The directory that it exports to.
    var export: Export?
    /// The value of `--cache-to`, even if the export is deferred.
    var exportOption: ByteString?
    var isExportedBehind = false
}

/// The directories and leases that offers need. Making them is the only step that can fail after the decision; a failed
/// step disables the corresponding import or export.
protocol Reservation {
    /// Makes them, and returns what can be offered with them.
    func commit() -> CacheOffers
    /// What a deferred export needs after docker's own leases have ended.
    var inheritance: [Detached.Inheritance] { get }
    /// Cancels the deferred exports of earlier builds of the same kind.
    func supersede()
    /// Makes new exports visible to other builds, after docker has ended.
    func publish()
    /// Records what is used, and starts a background trim if one is due.
    func didUse()
}

/// For offers that need nothing.
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
