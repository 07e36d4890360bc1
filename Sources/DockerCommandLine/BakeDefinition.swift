public import Formats

/// The output of `bake --print`, and what compose passes to bake: targets and groups in JSON, with everything
/// evaluated.
public struct BakeDefinition: Equatable, Sendable {
    /// Every target, in the order of the text.
    public let targets: [BakeTarget]
    /// The index of each target.
    private let places: [ByteString: Int]
    /// The members of each group; of several with the same name the first counts.
    private let groups: [ByteString: [ByteString]]

    /// Nil if it is not JSON, if bake would still change it (variables, functions, matrices, inheritance, templates),
    /// if it has an unknown field, or if the time is up.
    ///
    /// Source: docker/buildx bake/bake.go, Config, Group and Target.
    public init?(_ text: ByteString, until deadline: Deadline = .never) {
        guard let members = JSON(text, until: deadline)?.members else { return nil }
        var targets: [BakeTarget] = []
        var places: [ByteString: Int] = [:]
        var groups: [ByteString: [ByteString]] = [:]
        for member in members {
            guard let entries = member.value.members else { return nil }
            for entry in entries {
                guard !deadline.hasPassed else { return nil }
                switch member.name {
                case "target":
                    guard let target = BakeTarget(name: entry.name, entry.value),
                        places.updateValue(targets.count, forKey: entry.name) == nil
                    else { return nil }
                    targets.append(target)
                case "group":
                    guard let names = Self.names(in: entry.value) else { return nil }
                    groups[entry.name] = groups[entry.name] ?? names
                default: return nil
                }
            }
        }
        self.targets = targets
        self.places = places
        self.groups = groups
    }

    private static func names(in group: JSON) -> [ByteString]? {
        guard let members = group.members,
            members.allSatisfy({ $0.name == "targets" || $0.name == "description" }),
            let elements = group[key: "targets"]?.array
        else { return nil }
        let names = elements.compactMap(\.string)
        return names.count == elements.count ? names : nil
    }

    /// The targets that these names build, and the targets on which those are based; without names the group or target
    /// `default`. Nil for a name that is neither.
    public func selected(by names: [ByteString]) -> [BakeTarget]? {
        var waiting = names.isEmpty ? ["default"] : names
        var seen: Set<ByteString> = []
        while let name = waiting.popLast() {
            if let place = places[name] {
                guard seen.insert(name).inserted else { continue }
                waiting += targets[place].targetsUsed
            } else if let members = groups[name] {
                guard seen.insert(name).inserted else { continue }
                waiting += members
            } else {
                return nil
            }
        }
        return targets.filter { seen.contains($0.name) }
    }
}

/// One target of a definition.
public struct BakeTarget: Equatable, Sendable {
    /// The target that compose makes of a service: docker/compose pkg/compose/build_bake.go, bakeTarget names have no dots.
    public static func name(of service: ByteString) -> ByteString {
        ByteString(service.bytes.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 })
    }

    /// Its name: letters, digits, dashes and underscores.
    public let name: ByteString
    /// The build context; "." if none is given.
    public let context: ByteString
    /// The Dockerfile, relative to the context unless it is absolute; nil for the default.
    public let dockerfile: ByteString?
    /// Whether the Dockerfile is inside the definition.
    public let isInline: Bool
    /// The stage.
    public let target: ByteString?
    /// Each platform.
    public let platforms: [ByteString]
    /// The image's names.
    public let tags: [ByteString]
    /// "NAME=value" for each build argument, or "NAME" for one from the environment.
    public let arguments: [ByteString]
    /// "name=place" for each named context.
    public let buildContexts: [ByteString]
    /// The user's own imports, in the form of `--cache-from`; nil if an entry is not understood.
    public let cacheFrom: [ByteString]?
    /// The user's own exports, in the form of `--cache-to`; nil if an entry is not understood.
    public let cacheTo: [ByteString]?
    /// Whether the user disabled the cache.
    public let noCache: Bool
    /// Whether the user disabled the cache for some stages.
    public let hasNoCacheFilter: Bool
    /// Whether it requests a check or anything else but a build.
    public let isPassThrough: Bool
    /// Whether it requests more than the cache has, or is made from something that cannot be seen here.
    public let isAskedAnew: Bool
    /// Its content besides the arguments, as JSON.
    public let others: ByteString

    /// The other targets on which this one is based.
    var targetsUsed: [ByteString] {
        buildContexts.compactMap { entry in
            guard let place = entry.cut(at: "=")?.after, place.hasPrefix("target:") else { return nil }
            return place.dropFirst(7)
        }
    }

    /// Fields that do not affect any decision here.
    private static let otherFields: [ByteString] = [
        "annotations", "attest", "description", "entitlements", "extra-hosts", "labels", "network", "output", "policy",
        "secret", "shm-size", "ssh", "ulimits",
    ]

    init?(name: ByteString, _ json: JSON) {
        // docker/buildx bake/bake.go, validTargetName; in --set a "." ends the name, and "*" or "?" make it a pattern.
        guard !name.isEmpty, name.bytes.allSatisfy(Self.isOfNames), let members = json.members else { return nil }
        var strings: [ByteString: ByteString] = [:]
        var maps: [ByteString: [ByteString]] = [:]
        var lists: [ByteString: [ByteString]] = [:]
        var entries: [ByteString: [ByteString]] = ["cache-from": [], "cache-to": []]
        var noCache = false
        var hasNoCacheFilter = false
        var pulls = false
        for member in members where member.value != .null {
            switch member.name {
            case "context", "dockerfile", "dockerfile-inline", "target", "call":
                guard let text = member.value.string else { return nil }
                strings[member.name] = text
            case "args", "contexts":
                guard let entries = Self.entries(of: member.value) else { return nil }
                maps[member.name] = entries
            case "platforms", "tags":
                guard let elements = member.value.array else { return nil }
                let texts = elements.compactMap(\.string)
                guard texts.count == elements.count else { return nil }
                lists[member.name] = texts
            case "cache-from", "cache-to":
                entries[member.name] = member.value.array.flatMap(Self.options)
            case "no-cache":
                guard let value = member.value.bool else { return nil }
                noCache = value
            case "no-cache-filter": hasNoCacheFilter = member.value.array?.isEmpty != true
            case "pull": pulls = member.value.bool != false
            case let field where Self.otherFields.contains(field): continue
            default: return nil
            }
        }
        let read = ["context", "dockerfile", "target"].compactMap { strings[$0] } + (lists["platforms"] ?? [])
        guard !read.contains(where: Self.isTemplate) else { return nil }
        self.name = name
        context = strings["context"].flatMap { $0.isEmpty ? nil : $0 } ?? "."
        dockerfile = strings["dockerfile"].flatMap { $0.isEmpty ? nil : $0 }
        isInline = strings["dockerfile-inline"] != nil
        target = strings["target"]
        platforms = lists["platforms"] ?? []
        tags = lists["tags"] ?? []
        arguments = maps["args"] ?? []
        buildContexts = maps["contexts"] ?? []
        cacheFrom = entries["cache-from"]
        cacheTo = entries["cache-to"]
        self.noCache = noCache
        self.hasNoCacheFilter = hasNoCacheFilter
        isPassThrough = !["", "build"].contains(strings["call"] ?? "")
        isAskedAnew = noCache || hasNoCacheFilter || pulls || !buildContexts.isEmpty
        others = JSON.object(members.filter { $0.name != "args" }).text
    }

    private static func isOfNames(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// HCL templates, which bake evaluates in JSON, too.
    private static func isTemplate(_ text: ByteString) -> Bool {
        text.range(of: "${") != nil || text.range(of: "%{") != nil
    }

    private static func entries(of json: JSON) -> [ByteString]? {
        guard let members = json.members else { return nil }
        var entries: [ByteString] = []
        for member in members {
            switch member.value {
            case .string(let value): entries.append(member.name + "=" + value)
            case .null: entries.append(member.name)
            default: return nil
            }
        }
        return entries
    }

    /// Cache entries as options: buildx before 0.20 prints them so, later versions print objects.
    private static func options(of entries: [JSON]) -> [ByteString]? {
        var options: [ByteString] = []
        for entry in entries {
            switch entry {
            case .string(let text): options.append(text)
            case .object(let members):
                var fields: [ByteString] = []
                for member in members {
                    guard let value = member.value.string else { return nil }
                    fields.append(member.name + "=" + value)
                }
                options.append(CSV.record(of: fields))
            default: return nil
            }
        }
        return options
    }
}
