public import Formats
public import Notes

/// What a command line and the settings permit for builds. A refusal returns a smaller request.
public struct CacheRequest: Equatable, Sendable {
    /// Whether layers may be imported.
    public let imports: Bool
    /// Whether layers may be exported.
    public let exports: Bool
    /// Why not.
    public let notes: [Note]

    /// Whether nothing is permitted: then no file is read and no engine is asked.
    public var isEmpty: Bool { !imports && !exports }

    /// From named values.
    public init(imports: Bool, exports: Bool, notes: [Note]) {
        self.imports = imports
        self.exports = exports
        self.notes = notes
    }

    /// What a command line, or a target of a definition, says about caches.
    public struct Words: Sendable {
        /// Whether nothing is built: `--help`, `--check`.
        public var isPassThrough = false
        /// Why nothing can be added; nil if something can.
        public var refusal: Reason?
        /// Whether the user disabled the cache.
        public var noCache = false
        /// Whether the user exports a cache themselves.
        public var exportsItself = false

        /// A build that says nothing about caches.
        public init() {}
    }

    /// The common rule for builds, bakes, targets and compose. `name` is the target that the notes are about.
    public init(_ words: Words, _ settings: Settings, about name: ByteString = "") {
        let refusal: Reason? =
            words.isPassThrough ? .helpOrCheck : settings.buildCache == .off ? .buildCacheOff : words.refusal
        guard refusal == nil else {
            self.init(imports: false, exports: false, notes: refusal.map { [Note($0, name)] } ?? [])
            return
        }
        var notes: [Note] = []
        if words.noCache { notes.append(Note(.noCacheGiven, name)) }
        if settings.buildCache == .importOnly {
            notes.append(Note(.exportOff, name))
        } else if words.exportsItself {
            // With two local exporters, BuildKit writes the last one's manifest into both indexes (client/solve.go).
            notes.append(Note(.userExport, name))
        }
        self.init(
            imports: !words.noCache, exports: settings.buildCache != .importOnly && !words.exportsItself, notes: notes)
    }

    /// The request with nothing permitted any more.
    public func refused(_ note: Note) -> CacheRequest {
        CacheRequest(imports: false, exports: false, notes: notes + [note])
    }

    /// The request without export. There is no note if no export was permitted anyway.
    public func withoutExport(_ note: Note) -> CacheRequest {
        exports ? CacheRequest(imports: imports, exports: false, notes: notes + [note]) : self
    }

    /// The same with more notes.
    public func adding(_ more: [Note]) -> CacheRequest {
        more.isEmpty ? self : CacheRequest(imports: imports, exports: exports, notes: notes + more)
    }
}
