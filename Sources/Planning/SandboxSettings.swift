public import Formats

/// What the profile `sandbox` adds to containers: the settings `sandbox.*`.
public struct SandboxSettings: Equatable, Sendable {
    /// `sandbox.pids`: how many processes and threads a container may have; nil for no limit from the profile.
    public var pids: UInt64? = 300
    /// `sandbox.memory`: how much memory a container may use (in bytes); nil for no limit from the profile.
    public var memory: UInt64? = 4 << 30
    /// `sandbox.cpus`: how many processors a container may use, at most as many as the engine has (in billionths); nil
    /// for no limit from the profile.
    public var processors: UInt64? = 2_000_000_000
    /// `sandbox.capabilities`: the capabilities that a container keeps, of those that docker grants by default (in
    /// order, each once).
    public var capabilities: [ByteString] = []
    /// `sandbox.workspace`: the workspace's name or path; nil for the repository's.
    public var workspace: ByteString?

    /// The defaults.
    public init() {}

    /// The capabilities that docker gives to a container by default. No others can be kept: a profile never gives more
    /// than docker would.
    ///
    /// Source: moby daemon/pkg/oci/caps/defaults.go, DefaultCapabilities.
    static let usualCapabilities: [ByteString] = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]

    /// The engine refuses a lower limit (moby daemon/daemon_unix.go, linuxMinMemory).
    fileprivate static let leastMemory: UInt64 = 6 << 20
    /// The engine refuses a lower limit (moby daemon/daemon_unix.go, verifyPlatformContainerResources).
    fileprivate static let leastProcessors: UInt64 = 10_000_000

    fileprivate mutating func set(capabilities text: ByteString) -> Bool {
        let names = text.split(",").map { Self.capability($0.trimmed) }.filter { !$0.isEmpty && $0 != "NONE" }
        guard names.allSatisfy(Self.usualCapabilities.contains) else { return false }
        capabilities = Self.usualCapabilities.filter(names.contains)
        return true
    }

    /// The canonical name of a capability: in capitals, without CAP_ (docker/cli opts/capabilities.go,
    /// NormalizeCapability).
    static func capability(_ text: ByteString) -> ByteString {
        let name = text.trimmed.uppercasedASCII
        return name.hasPrefix("CAP_") ? name.dropFirst(4) : name
    }
}

extension Settings {
    /// `profile`: limits that are added to every new container.
    public enum Profile: ByteString, CaseIterable, Sendable {
        /// No limits.
        case off = "off"
        /// Limits, and no new privileges: for code that is not trusted.
        case sandbox = "sandbox"
    }

    static let sandboxRows: [Definition] = [
        .choice("profile", expects: "sandbox or off", { $0.profile = $1 }, { $0.profile }),
        Definition(key: "sandbox.pids", expects: "a number above 0, or none") { value, settings in
            if value == "none" {
                settings.sandbox.pids = nil
                return true
            }
            guard let number = value.decimal, let pids = UInt64(exactly: number), pids > 0 else { return false }
            settings.sandbox.pids = pids
            return true
        } show: {
            $0.sandbox.pids.map { ByteString(decimal: $0) } ?? "none"
        },
        Definition(key: "sandbox.memory", expects: "a size of at least 6m in docker's format, such as 4g, or none") {
            value, settings in
            settings.sandbox.set(\.memory, to: value, DockerNumber.bytes, atLeast: SandboxSettings.leastMemory)
        } show: {
            $0.sandbox.memory.map { DockerNumber.text(bytes: $0) } ?? "none"
        },
        Definition(key: "sandbox.cpus", expects: "a number of at least 0.01, such as 1.5, or none") { value, settings in
            settings.sandbox.set(
                \.processors, to: value, DockerNumber.processors, atLeast: SandboxSettings.leastProcessors)
        } show: {
            $0.sandbox.processors.map { DockerNumber.text(processors: $0) } ?? "none"
        },
        Definition(
            key: "sandbox.capabilities",
            expects: "names of docker's default capabilities separated by commas, such as CHOWN,SETUID, or none"
        ) { value, settings in
            settings.sandbox.set(capabilities: value)
        } show: {
            $0.sandbox.capabilities.isEmpty ? "none" : $0.sandbox.capabilities.joined(separator: ",")
        },
        Definition(key: "sandbox.workspace", expects: "a name or a path without control characters") {
            value, settings in
            guard value.isLabelText else { return false }
            settings.sandbox.workspace = value
            return true
        } show: {
            $0.sandbox.workspace ?? ""
        },
    ]
}

extension SandboxSettings {
    fileprivate mutating func set(
        _ setting: WritableKeyPath<SandboxSettings, UInt64?>, to value: ByteString,
        _ parse: (ByteString) -> UInt64?, atLeast least: UInt64
    ) -> Bool {
        if value == "none" {
            self[keyPath: setting] = nil
            return true
        }
        guard let number = parse(value), number >= least else { return false }
        self[keyPath: setting] = number
        return true
    }
}

extension ByteString {
    /// Whether docker keeps a label with this text as it is: UTF-8, without control characters for a terminal.
    public var isLabelText: Bool {
        !isEmpty && isTerminalSafe
    }
}
