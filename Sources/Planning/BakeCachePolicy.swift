public import DockerCommandLine
public import Formats
public import Notes

/// What may be requested from caches for the targets of one bake, and how offers are rendered.
public enum BakeCachePolicy {
    /// The request that the command line permits for every target. `isOurs` is the same as for a build.
    public static func request(
        of bake: BakeInvocation, _ settings: Settings, isOurs: (ByteString) -> Bool
    ) -> CacheRequest {
        var words = CacheRequest.Words()
        words.isPassThrough = bake.isPassThrough
        let lists = bake.overrides.filter(setsCacheList).compactMap { $0.cut(at: "=")?.after }
        if lists.contains(where: { BuildCachePolicy.names($0, isOurs) }) {
            words.refusal = .alreadyApplied
        } else if bake.isRemote {
            words.refusal = .definitionRemote
        }
        words.noCache = bake.noCache
        return CacheRequest(words, settings)
    }

    /// Whether a `--set` changes one of the lists that Slipway adds to: "TARGET.cache-from=..." or "...+=".
    private static func setsCacheList(_ override: ByteString) -> Bool {
        guard let key = override.cut(at: "=")?.before.cut(at: ".")?.after else { return false }
        return ["cache-from", "cache-from+", "cache-to", "cache-to+"].contains(key)
    }

    /// One target of the command, and the request that its own fields permit.
    public struct Part: Equatable, Sendable {
        /// The target.
        public let target: BakeTarget
        /// What may be requested for it.
        public let request: CacheRequest

        /// Derives the request from a target's fields.
        public init(_ target: BakeTarget, isOurs: (ByteString) -> Bool) {
            self.target = target
            var words = CacheRequest.Words()
            words.isPassThrough = target.isPassThrough
            if let from = target.cacheFrom, let to = target.cacheTo {
                if (from + to).contains(where: { BuildCachePolicy.names($0, isOurs) }) {
                    words.refusal = .alreadyApplied
                }
                words.exportsItself = !to.isEmpty
            } else {
                words.refusal = .definitionUnclear
            }
            words.noCache = target.noCache
            request = CacheRequest(words, Settings(), about: target.name)
        }
    }

    /// How an entry is added to a target.
    public enum Form: Equatable, Sendable {
        /// Only the entry, which buildx appends to the target's list (since 0.22).
        case appended
        /// The whole list, including the target's own entries.
        case whole
        /// Both lists of every target: in a file, a target may inherit from another, and would also inherit what that
        /// one gets.
        case everywhere

        /// The form for a version of buildx and a definition that may use inheritance.
        ///
        /// Source: docker/buildx bake/bake.go, Config.ResolveTarget: overrides already apply while a target is being
        /// inherited.
        public init(appends: Bool, mayInherit: Bool) {
            self = mayInherit ? .everywhere : appends ? .appended : .whole
        }
    }

    /// Whether options can be added in this form. A whole list would duplicate the user's own entries, and credentials
    /// from a file must not appear on a command line, which all users can read.
    public static func canAdd(to bake: BakeInvocation, _ parts: [Part], _ form: Form) -> Bool {
        guard form != .appended else { return true }
        return !bake.overrides.contains(where: setsCacheList)
            && parts.allSatisfy { part in
                guard let from = part.target.cacheFrom, let to = part.target.cacheTo else { return form == .whole }
                return !(form == .everywhere ? from + to : from).contains(where: holdsCredentials)
            }
    }

    private static func holdsCredentials(_ option: ByteString) -> Bool {
        (CSV.fields(of: option) ?? [option]).contains { field in
            let name = (field.cut(at: "=")?.before ?? field).lowercasedASCII
            return ["secret", "token", "key", "password", "session"].contains { name.range(of: $0) != nil }
        }
    }

    /// What is added to one target's lists.
    public struct Addition: Equatable, Sendable {
        /// The target's name.
        public let name: ByteString
        /// An entry for `cache-from`.
        public let importing: ByteString?
        /// An entry for `cache-to`.
        public let exporting: ByteString?
    }

    /// What is added to the targets, the reasons, and the leases that it needs. `offers` may cover only the first
    /// targets, if time ran out.
    public static func additions(
        to parts: [Part], request: CacheRequest, offers: [CacheOffer]
    ) -> (additions: [Addition], notes: [Note], leases: [ByteString]) {
        var additions: [Addition] = []
        var notes = request.notes
        var leases: [ByteString] = []
        for (part, offer) in zip(parts, offers) {
            let name = part.target.name
            let offer = offer.limited(to: request, part.request)
            notes += part.request.notes
            notes += offer.allNotes.map { Note($0.reason, $0.detail.isEmpty ? name : name + ", " + $0.detail) }
            guard !offer.isEmpty else { continue }
            additions.append(
                Addition(name: name, importing: offer.importing.option, exporting: offer.exporting.option))
            leases += offer.leases.filter { !leases.contains($0) }
        }
        return (additions, notes, leases)
    }

    /// A compose file that extends the cache lists of services' builds; compose appends to lists when it merges files.
    /// `services` maps the names of targets to the names of services.
    public static func composeFile(adding additions: [Addition], to services: [ByteString: ByteString]) -> ByteString {
        let members = additions.map { addition -> JSON.Member in
            var lists: [JSON.Member] = []
            func add(_ entry: ByteString?, to list: ByteString) {
                if let text = entry.map(ComposePathPolicy.doubled) {
                    lists.append(.init(name: list, value: .array([.string(text)])))
                }
            }
            add(addition.importing, to: "cache_from")
            add(addition.exporting, to: "cache_to")
            let name = services[addition.name] ?? addition.name
            return .init(name: name, value: .object([.init(name: "build", value: .object(lists))]))
        }
        return JSON.object([JSON.Member(name: "services", value: .object(members))]).text + "\n"
    }

    /// The command with a `--set` for each list of each target, directly after the command word.
    ///
    /// Source: docker/buildx bake/bake.go, newOverrides. A directory named by `--set` needs no `--allow` (since
    /// 0.19.2).
    public static func plan(
        _ bake: BakeInvocation, _ words: [ByteString], request: CacheRequest, parts: [Part], offers: [CacheOffer],
        _ form: Form
    ) -> Plan {
        let (additions, notes, leases) = additions(to: parts, request: request, offers: offers)
        guard !additions.isEmpty else { return .unchanged(words, notes) }
        var options: [ByteString] = []
        let byName = Dictionary(additions.map { ($0.name, $0) }) { first, _ in first }
        for part in parts {
            let addition = byName[part.target.name]
            guard addition != nil || form == .everywhere else { continue }
            for (list, entry, given) in [
                ("cache-from", addition?.importing, part.target.cacheFrom),
                ("cache-to", addition?.exporting, part.target.cacheTo),
            ] as [(ByteString, ByteString?, [ByteString]?)] {
                let key = "--set=" + part.target.name + "." + list
                if form == .appended {
                    if let entry { options.append(key + "+=" + entry) }
                } else if entry != nil || form == .everywhere {
                    let entries = (given ?? []) + (entry.map { [$0] } ?? [])
                    // An empty entry empties the list.
                    options += (entries.isEmpty ? [""] : entries).map { key + "=" + $0 }
                }
            }
        }
        return Plan(
            words, edits: [.insert(options, after: bake.commandWordIndex)], leases: leases, notes: notes)
    }
}
