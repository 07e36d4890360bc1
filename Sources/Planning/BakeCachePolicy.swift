public import DockerCommandLine
public import Formats
public import Notes

/// What the targets of one bake may ask of a cache, and how offers are put into its words.
public enum BakeCachePolicy {
    /// Reads off the command line what may be asked for any target. `isOurs` as for a build.
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

    /// Whether a `--set` is about one of the lists that are added to: "TARGET.cache-from=..." or "...+=".
    private static func setsCacheList(_ override: ByteString) -> Bool {
        guard let key = override.cut(at: "=")?.before.cut(at: ".")?.after else { return false }
        return ["cache-from", "cache-from+", "cache-to", "cache-to+"].contains(key)
    }

    /// One target of the command, and what its own fields leave to be asked for it.
    public struct Part: Equatable, Sendable {
        /// The target.
        public let target: BakeTarget
        /// What may be asked for it.
        public let request: CacheRequest

        /// Reads the request off a target's fields.
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

    /// How a target is given an entry.
    public enum Form: Equatable, Sendable {
        /// The entry alone, which buildx adds to the target's list (since 0.22).
        case appended
        /// The whole list, with what the target has itself.
        case whole
        /// Both lists of every target: in a file one may inherit another, and would have what that is given, too.
        case everywhere

        /// What a buildx takes, for a definition that may hold inheritance.
        ///
        /// Source: docker/buildx bake/bake.go, Config.ResolveTarget: overrides count for a target while it is inherited.
        public init(appends: Bool, mayInherit: Bool) {
            self = mayInherit ? .everywhere : appends ? .appended : .whole
        }
    }

    /// Whether options could be added in this form: a whole list would double what the user gives, and what a file
    /// holds of credentials must not stand on a command line, which all users can read.
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

    /// What is added to the targets, why and why not, and the leases that this takes. There are offers for the first of them: for the
    /// others there was no time.
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

    /// A compose file that adds to the lists of services' builds, which compose merges by appending. `services` has the names of
    /// services by those of targets.
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
    /// Source: docker/buildx bake/bake.go, newOverrides. Directories that `--set` names need no `--allow` (since 0.19.2).
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
