public import Formats
public import Notes

/// What a cache back end offers to one build. Renderers turn it into edits.
public struct CacheOffer: Equatable, Sendable {
    /// The offer in one direction: an option's value, and a note about it.
    public struct Direction: Equatable, Sendable {
        /// The value of `--cache-from` or `--cache-to`; nil for no option.
        public let option: ByteString?
        /// What is added, or why nothing is; nil if there is nothing to report.
        public let note: Note?

        /// No option, and nothing to report.
        public static let nothing = Direction(option: nil, note: nil)

        /// An option.
        public static func adding(_ option: ByteString, _ note: Note) -> Direction {
            Direction(option: option, note: note)
        }

        /// No option, and the reason.
        public static func leaving(_ note: Note) -> Direction { Direction(option: nil, note: note) }
    }

    /// What to import.
    public let importing: Direction
    /// Where to export.
    public let exporting: Direction
    /// The lease files that must stay locked while docker runs.
    public let leases: [ByteString]
    /// What was left out, and why.
    public let notes: [Note]

    /// From named values.
    public init(
        importing: Direction = .nothing, exporting: Direction = .nothing, leases: [ByteString] = [], notes: [Note] = []
    ) {
        self.importing = importing
        self.exporting = exporting
        self.leases = leases
        self.notes = notes
    }

    /// The part of the offer that is requested.
    func limited(to requests: CacheRequest...) -> CacheOffer {
        CacheOffer(
            importing: requests.allSatisfy(\.imports) ? importing : .nothing,
            exporting: requests.allSatisfy(\.exports) ? exporting : .nothing, leases: leases, notes: notes)
    }

    var isEmpty: Bool { importing.option == nil && exporting.option == nil }

    /// Everything that there is to report.
    var allNotes: [Note] { notes + [importing.note, exporting.note].compactMap { $0 } }
}
