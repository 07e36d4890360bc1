public import Formats

/// The labels of containers that the profile `sandbox` has made. All of them were true when the container was made; the
/// engine never changes them.
public enum SandboxLabels {
    /// The workspace: the repository's directory, or the value from the settings.
    public static let workspace: ByteString = "slipway.workspace"
    /// The first 12 digits of `hash`.
    public static let shortHash: ByteString = "slipway.config-hash"
    /// SHA-256 of `configuration`: 64 digits.
    public static let hash: ByteString = "slipway.config-hash-full"
    /// The text that is hashed: `SandboxConfiguration.text`.
    public static let configuration: ByteString = "slipway.config"
    /// The members that the command's own options decided, separated by ","; missing if they decided none.
    public static let own: ByteString = "slipway.config-own"
    /// A digest of the machine or container and the user that made it. Nobody else's paths and settings can be judged
    /// here.
    public static let origin: ByteString = "slipway.origin"
}

/// The limits that an engine supports.
public struct SandboxEngine: Equatable, Sendable {
    /// How many processors it has.
    public let processors: UInt64
    /// Whether it can limit memory.
    public let limitsMemory: Bool
    /// Whether it can limit memory together with swap. If not, it warns about each limit unless swap is unlimited.
    public let limitsSwap: Bool
    /// Whether it can limit processes.
    public let limitsPids: Bool
    /// Whether it can limit processors.
    public let limitsProcessors: Bool

    /// From named values.
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

/// Everything that decides what a sandboxed container may do, in one canonical form, independent of the order and
/// spelling of options.
public struct SandboxConfiguration: Equatable, Sendable {
    /// By name; lists are sorted and have no repeats.
    private(set) var values: [ByteString: JSON]
    /// The members that the command's own options decided, or that were given although the engine did not answer.
    public private(set) var own: Set<ByteString> = []

    /// The members that the settings decide.
    static let settled: [ByteString] = [
        "cap-drop", "cap-keep", "cpus", "memory", "no-new-privileges", "pids-limit", "trust",
    ]

    /// The configuration of a container without any options of its own. `engine` is nil if it did not answer.
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
        // The engine refuses more processors than it has.
        if let engine, engine.limitsProcessors, let processors = settings.processors {
            let (all, overflow) = engine.processors.multipliedReportingOverflow(by: 1_000_000_000)
            let least = overflow ? processors : min(processors, all)
            if least > 0 { values["cpus"] = .string(DockerNumber.text(processors: least)) }
        }
    }

    /// From the text of a label; nil if it is not valid.
    public init?(text: ByteString, own: ByteString) {
        guard let members = JSON(text)?.members, !members.isEmpty else { return nil }
        values = [:]
        for member in members { values[member.name] = member.value }
        self.own = Set(own.split(",").filter { !$0.isEmpty })
    }

    /// Lets the command decide a member, and with it the members `others`.
    mutating func decide(_ name: ByteString, _ value: JSON, with others: [ByteString] = []) {
        values[name] = value
        own.insert(name)
        for other in others where other != name {
            values[other] = other.hasPrefix("cap-") ? .array([]) : .null
            own.insert(other)
        }
    }

    /// Keeps members as they are when the settings change.
    mutating func retain(_ names: [ByteString]) { own.formUnion(names) }

    /// What the same command would get if the settings gave `other`: its own decisions stay.
    public func renewed(by other: SandboxConfiguration) -> SandboxConfiguration {
        var renewed = self
        for name in Self.settled where !own.contains(name) { renewed.values[name] = other.values[name] }
        return renewed
    }

    /// A member's value; nil if it is missing or null.
    subscript(_ name: ByteString) -> JSON? {
        guard let value = values[name], value != .null else { return nil }
        return value
    }

    /// The members that differ, such as "memory 4294967296, now 2147483648".
    public func differences(from other: SandboxConfiguration) -> [ByteString] {
        Set(values.keys).union(other.values.keys).sorted().compactMap { name in
            let (mine, theirs) = (values[name] ?? .null, other.values[name] ?? .null)
            return mine == theirs ? nil : name + " " + mine.text + ", now " + theirs.text
        }
    }

    /// A JSON object with its members sorted by name.
    public var text: ByteString {
        JSON.object(values.sorted { $0.key < $1.key }.map { JSON.Member(name: $0.key, value: $0.value) }).text
    }

    /// SHA-256 of `text`: 64 digits.
    public var hash: ByteString { SHA256.hexDigest(of: text) }

    /// The first 12 of them.
    public var shortHash: ByteString { hash.prefix(12) }

    static func list(_ items: some Sequence<ByteString>) -> JSON { .array(Set(items).sorted().map(JSON.string)) }
}
