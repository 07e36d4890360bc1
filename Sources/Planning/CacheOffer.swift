public import Formats
public import Notes

/// What a cache back end offers to one build: a value that renderers put into the user's words.
public struct CacheOffer: Equatable, Sendable {
    /// One direction: the option's value, and what is said of it.
    public struct Direction: Equatable, Sendable {
        /// What `--cache-from` or `--cache-to` is given; nil for nothing.
        public let option: ByteString?
        /// What is added, or why nothing is; nil where there is nothing to say.
        public let note: Note?

        /// Nothing, and nothing to say.
        public static let nothing = Direction(option: nil, note: nil)

        /// An option.
        public static func adding(_ option: ByteString, _ note: Note) -> Direction {
            Direction(option: option, note: note)
        }

        /// No option, and why.
        public static func leaving(_ note: Note) -> Direction { Direction(option: nil, note: note) }
    }

    /// From the cache.
    public let importing: Direction
    /// Into the cache.
    public let exporting: Direction
    /// The lease files that must stay locked while docker runs.
    public let leases: [ByteString]
    /// What was left out, and why.
    public let notes: [Note]

    /// Everything by name.
    public init(
        importing: Direction = .nothing, exporting: Direction = .nothing, leases: [ByteString] = [], notes: [Note] = []
    ) {
        self.importing = importing
        self.exporting = exporting
        self.leases = leases
        self.notes = notes
    }

    /// As much of it as is asked for.
    func limited(to requests: CacheRequest...) -> CacheOffer {
        CacheOffer(
            importing: requests.allSatisfy(\.imports) ? importing : .nothing,
            exporting: requests.allSatisfy(\.exports) ? exporting : .nothing, leases: leases, notes: notes)
    }

    var isEmpty: Bool { importing.option == nil && exporting.option == nil }

    /// What there is to say of it.
    var allNotes: [Note] { notes + [importing.note, exporting.note].compactMap { $0 } }
}
