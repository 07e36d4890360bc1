public import Formats

/// The labels of containers that the profile `sandbox` has made. All of them were true when the container was made; the engine
/// never changes them.
public enum SandboxLabels {
    /// The workspace: the repository's directory, or what the settings name.
    public static let workspace: ByteString = "slipway.workspace"
    /// The first 12 digits of `hash`.
    public static let shortHash: ByteString = "slipway.config-hash"
    /// SHA-256 of `configuration`: 64 digits.
    public static let hash: ByteString = "slipway.config-hash-full"
    /// What the hash is made of: `SandboxConfiguration.text`.
    public static let configuration: ByteString = "slipway.config"
    /// The members of it that the command's own options decided, with "," between them; not there where they decided none.
    public static let own: ByteString = "slipway.config-own"
    /// Who made it, of which machine or container: a digest. Others' paths and settings are not ours to judge.
    public static let origin: ByteString = "slipway.origin"
}

/// What an engine can do for limits.
public struct SandboxEngine: Equatable, Sendable {
    /// How many processors it has.
    public let processors: UInt64
    /// Whether it limits memory.
    public let limitsMemory: Bool
    /// Whether it limits memory together with swap; else it warns of each limit, unless told that swap has none.
    public let limitsSwap: Bool
    /// Whether it limits processes.
    public let limitsPids: Bool
    /// Whether it limits processors.
    public let limitsProcessors: Bool

    /// Everything by name.
    public init(
        processors: UInt64, limitsMemory: Bool = true, limitsSwap: Bool = true, limitsPids: Bool = true,
        limitsProcessors: Bool = true
    ) {
        self.processors = processors
        self.limitsMemory = limitsMemory
        self.limitsSwap = limitsSwap
        self.limitsPids = limitsPids
        self.limitsProcessors = limitsProcessors
    }
}

/// All that decides what a sandboxed container may do, in one canonical form: the same for every order and spelling of options.
public struct SandboxConfiguration: Equatable, Sendable {
    /// By name; a list is in order and has nothing twice.
    private(set) var values: [ByteString: JSON]
    /// The members that the command's own options decided, or that were given without the engine's word.
    public private(set) var own: Set<ByteString> = []

    /// The members that the settings decide.
    static let settled: [ByteString] = [
        "cap-drop", "cap-keep", "cpus", "memory", "no-new-privileges", "pids-limit", "trust",
    ]

    /// What the settings give on an engine to a container of which nothing else is said. Nil: an engine that was not asked.
    public init(_ settings: SandboxSettings, on engine: SandboxEngine?) {
        func limit(_ number: UInt64?, _ isPossible: Bool?) -> JSON {
            guard let number, isPossible ?? true else { return .null }
            return .integer(number)
        }
        values = [
            "cap-drop": Self.list(["ALL"]), "cap-keep": Self.list(settings.capabilities),
            "memory": limit(settings.memory, engine?.limitsMemory),
            "no-new-privileges": .bool(true),
            "pids-limit": limit(settings.pids, engine?.limitsPids), "trust": .string("sandbox"), "cpus": .null,
        ]
        // The engine refuses more than it has.
        if let engine, engine.limitsProcessors, let processors = settings.processors {
            let (all, overflow) = engine.processors.multipliedReportingOverflow(by: 1_000_000_000)
            let least = overflow ? processors : min(processors, all)
            if least > 0 { values["cpus"] = .string(DockerNumber.text(processors: least)) }
        }
    }

    /// The same as a label tells it; nil when it is not one.
    public init?(text: ByteString, own: ByteString) {
        guard let members = JSON(text)?.members, !members.isEmpty else { return nil }
        values = [:]
        for member in members { values[member.name] = member.value }
        self.own = Set(own.split(",").filter { !$0.isEmpty })
    }

    /// Lets the command decide a member; `others` are members that are decided along with it.
    mutating func decide(_ name: ByteString, _ value: JSON, with others: [ByteString] = []) {
        values[name] = value
        own.insert(name)
        for other in others where other != name {
            values[other] = other.hasPrefix("cap-") ? .array([]) : .null
            own.insert(other)
        }
    }

    /// Lets members stand as they are, whatever the settings come to give.
    mutating func retain(_ names: [ByteString]) { own.formUnion(names) }

    /// What the same command would get where the settings give `other`: its own decisions stay.
    public func renewed(by other: SandboxConfiguration) -> SandboxConfiguration {
        var renewed = self
        for name in Self.settled where !own.contains(name) { renewed.values[name] = other.values[name] }
        return renewed
    }

    /// A member's value; nil for none and for a null.
    subscript(_ name: ByteString) -> JSON? {
        guard let value = values[name], value != .null else { return nil }
        return value
    }

    /// The members in which two differ, as "memory 4294967296, now 2147483648".
    public func differences(from other: SandboxConfiguration) -> [ByteString] {
        Set(values.keys).union(other.values.keys).sorted().compactMap { name in
            let (mine, theirs) = (values[name] ?? .null, other.values[name] ?? .null)
            return mine == theirs ? nil : name + " " + mine.text + ", now " + theirs.text
        }
    }

    /// A JSON object, its members in the order of their names.
    public var text: ByteString {
        JSON.object(values.sorted { $0.key < $1.key }.map { JSON.Member(name: $0.key, value: $0.value) }).text
    }

    /// SHA-256 of `text`, 64 digits.
    public var hash: ByteString { SHA256.hexDigest(of: text) }

    /// The first 12 of them.
    public var shortHash: ByteString { hash.prefix(12) }

    static func list(_ items: some Sequence<ByteString>) -> JSON { .array(Set(items).sorted().map(JSON.string)) }
}
