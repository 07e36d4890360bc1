public import DockerCommandLine
public import Formats
public import Notes

/// What the targets of one bake get from the store and give to it.
public enum BakeCachePolicy {
    /// Reads off the command line what may be asked for any target. `isInStore` as for a build.
    public static func request(
        of bake: BakeInvocation, _ settings: Settings, isInStore: (ByteString) -> Bool
    ) -> BuildCachePolicy.Request {
        func nothing(_ reason: Reason) -> BuildCachePolicy.Request {
            .init(imports: false, exports: false, notes: [Note(reason)])
        }
        if bake.isPassThrough { return nothing(.helpOrCheck) }
        if settings.buildCache == .off { return nothing(.buildCacheOff) }
        let lists = bake.overrides.filter(setsCacheList).compactMap { $0.cut(at: "=")?.after }
        if lists.contains(where: { BuildCachePolicy.names($0, isInStore) }) { return nothing(.alreadyApplied) }
        if bake.isRemote { return nothing(.definitionRemote) }
        var request = BuildCachePolicy.Request(imports: true, exports: true, notes: [])
        if bake.noCache {
            request.imports = false
            request.notes.append(Note(.noCacheGiven))
        }
        if settings.buildCache == .importOnly {
            request.exports = false
            request.notes.append(Note(.exportOff))
        }
        return request
    }

    /// Whether a `--set` is about one of the lists that are added to: "TARGET.cache-from=..." or "...+=".
    private static func setsCacheList(_ override: ByteString) -> Bool {
        guard let key = override.cut(at: "=")?.before.cut(at: ".")?.after else { return false }
        return ["cache-from", "cache-from+", "cache-to", "cache-to+"].contains(key)
    }

    /// One target of the command, what may be asked for it, and what was found.
    public struct Part: Equatable, Sendable {
        /// The target.
        public let target: BakeTarget
        /// What its own fields leave to be asked for.
        public private(set) var request: BuildCachePolicy.Request
        /// What the store offers; nothing yet.
        public var facts = BuildCachePolicy.Facts()

        /// Reads the request off a target's fields.
        public init(_ target: BakeTarget, isInStore: (ByteString) -> Bool) {
            self.target = target
            guard let from = target.cacheFrom, let to = target.cacheTo, !target.isPassThrough,
                !(from + to).contains(where: { BuildCachePolicy.names($0, isInStore) })
            else {
                let isClear = target.cacheFrom != nil && target.cacheTo != nil
                let reason: Reason =
                    target.isPassThrough ? .helpOrCheck : isClear ? .alreadyApplied : .definitionUnclear
                request = .init(imports: false, exports: false, notes: [Note(reason, target.name)])
                return
            }
            var notes: [Note] = []
            if target.noCache { notes.append(Note(.noCacheGiven, target.name)) }
            if !to.isEmpty { notes.append(Note(.userExport, target.name)) }
            request = .init(imports: !target.noCache, exports: to.isEmpty, notes: notes)
        }

        /// Takes away what might be asked for: there was no time to look.
        public mutating func leaveOut() { request = .init(imports: false, exports: false, notes: []) }
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
        public var importing: ByteString?
        /// An entry for `cache-to`.
        public var exporting: ByteString?
    }

    /// What is added to the targets, why and why not, and the leases that this takes.
    public static func additions(
        to parts: [Part], request: BuildCachePolicy.Request
    ) -> (additions: [Addition], notes: [Note], leases: [ByteString]) {
        var additions: [Addition] = []
        var notes = request.notes
        var leases: [ByteString] = []
        for part in parts {
            let name = part.target.name
            notes += part.request.notes
            notes += part.facts.notes.map { Note($0.reason, $0.detail.isEmpty ? name : name + ", " + $0.detail) }
            var addition = Addition(name: name)
            if request.imports && part.request.imports {
                if part.facts.isImported {
                    notes.append(Note(.importNotNeeded, name))
                } else if let found = part.facts.found {
                    addition.importing = BuildCachePolicy.option(importing: found)
                    notes.append(Note(.importAdded, name + ", " + found.description))
                } else {
                    notes.append(Note(.nothingToImport, name))
                }
            }
            if request.exports && part.request.exports {
                if let path = part.facts.export {
                    addition.exporting = BuildCachePolicy.option(exportingTo: path)
                    notes.append(Note(.exportAdded, name + ", " + path))
                } else if part.facts.isExported {
                    notes.append(Note(.exportNotNeeded, name))
                }
            }
            guard addition.importing != nil || addition.exporting != nil else { continue }
            additions.append(addition)
            leases += part.facts.leases.filter { !leases.contains($0) }
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
        _ bake: BakeInvocation, _ arguments: [ByteString], request: BuildCachePolicy.Request, parts: [Part],
        _ form: Form
    ) -> Plan {
        let (additions, notes, leases) = additions(to: parts, request: request)
        guard !additions.isEmpty else { return .unchanged(arguments, notes) }
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
        var plan = Plan(arguments: arguments.inserting(options, after: bake.commandWordIndex), notes: notes)
        plan.leases = leases
        plan.isChanged = true
        return plan
    }
}
