public import DockerCommandLine
public import Formats
public import Notes

/// What the profile `sandbox` adds to a new container: limits and labels, unless the command sets them.
public enum SandboxPolicy {
    /// What the command line and the settings request, determined before an engine is asked.
    public struct Request: Equatable, Sendable {
        /// Whether anything is added.
        public var isApplied: Bool
        /// Why not.
        public var notes: [Note]
    }

    /// What the engine and this machine are.
    public struct Facts: Equatable, Sendable {
        /// The engine; nil if it did not answer.
        public var engine: SandboxEngine?
        /// What makes the profile useless on the engine: podman, or containers that are not Linux.
        public var obstacle: Note?
        /// The workspace; nil if there is none.
        public var workspace: ByteString?
        /// This machine or container and this user; nil if unknown.
        public var origin: ByteString?
        /// The labels that the command's `--label-file`s set; nil if one of them could not be read.
        public var fileLabels: [ByteString]?
        /// What could not be determined, and why.
        public var notes: [Note]

        /// From named values.
        public init(
            engine: SandboxEngine? = nil, obstacle: Note? = nil, workspace: ByteString? = nil,
            origin: ByteString? = nil, fileLabels: [ByteString]? = [], notes: [Note] = []
        ) {
            self.engine = engine
            self.obstacle = obstacle
            self.workspace = workspace
            self.origin = origin
            self.fileLabels = fileLabels
            self.notes = notes
        }
    }

    /// Whether a command is sandboxed; nil if no profile is requested, or if docker makes no container.
    public static func request(of container: ContainerInvocation, _ settings: Settings) -> Request? {
        guard settings.profile == .sandbox, !container.isPassThrough, container.image != nil else { return nil }
        if container.scan.lastFlag(of: .privileged) == true {
            return Request(isApplied: false, notes: [Note(.sandboxPrivileged)])
        }
        return Request(isApplied: true, notes: [])
    }

    /// The command with what the profile adds, directly after the command word.
    public static func plan(
        _ container: ContainerInvocation, _ arguments: [ByteString], _ settings: SandboxSettings, request: Request,
        facts: Facts
    ) -> Plan {
        let notes = request.notes + facts.notes
        guard request.isApplied else { return .unchanged(arguments, notes) }
        if let obstacle = facts.obstacle { return .unchanged(arguments, notes + [obstacle]) }
        var addition = Addition(container.scan, settings, facts)
        if container.isDetached, container.scan.lastFlag(of: .remove) != true,
            container.scan.lastValue(of: .restart) == nil
        {
            addition.options.append("--restart=unless-stopped")
        }
        let limits = addition.options
        addition.label(container, facts)
        guard !addition.options.isEmpty else {
            return .unchanged(arguments, notes + addition.notes + [Note(.alreadyApplied)])
        }
        let applied = limits.isEmpty ? [] : [Note(.sandboxApplied, limits.joined(separator: " "))]
        return Plan(
            arguments, edits: [.insert(addition.options, after: container.commandWordIndex)],
            notes: notes + addition.notes + applied)
    }
}

/// What is added to one command, and the resulting configuration.
private struct Addition {
    var options: [ByteString] = []
    var notes: [Note] = []
    private var configuration: SandboxConfiguration

    init(_ scan: Scan, _ settings: SandboxSettings, _ facts: SandboxPolicy.Facts) {
        configuration = SandboxConfiguration(settings, on: facts.engine)
        decideCapabilities(scan, settings)
        decideSecurity(scan)
        decideLimit("pids-limit", scan.lastValue(of: .pidsLimit).map { $0.decimal.map(JSON.integer) ?? .string($0) })
        let memory = scan.lastValue(of: .memory).map {
            DockerNumber.bytes($0).map(JSON.integer) ?? .string($0)
        }
        decideLimit("memory", memory, others: .otherMemory, scan)
        if facts.engine?.limitsSwap == false, configuration["memory"] != nil, !configuration.own.contains("memory") {
            options.append("--memory-swap=-1")
        }
        let processors = scan.lastValue(of: .cpus).map {
            JSON.string(DockerNumber.processors($0).map { DockerNumber.text(processors: $0) } ?? $0)
        }
        decideLimit("cpus", processors, others: .otherCPUs, scan)
        noteWhatIsMissing(settings, facts.engine)
        // These depend on what the engine supports, so its answer could have changed them.
        if facts.engine == nil { configuration.retain(["cpus", "memory", "pids-limit"]) }
    }

    /// A user who drops capabilities, or adds all of them, has decided for themselves. A single capability that they
    /// add overrides our drop.
    private mutating func decideCapabilities(_ scan: Scan, _ settings: SandboxSettings) {
        let added = scan.values(of: .capabilityAdd).map(SandboxSettings.capability)
        let dropped = scan.values(of: .capabilityDrop).map(SandboxSettings.capability)
        if !added.isEmpty { configuration.decide("cap-add", SandboxConfiguration.list(added)) }
        guard dropped.isEmpty, !added.contains("ALL") else {
            configuration.decide("cap-drop", SandboxConfiguration.list(dropped), with: ["cap-keep"])
            notes.append(Note(.sandboxOptionTaken, "cap-drop"))
            return
        }
        options.append("--cap-drop=ALL")
        options += settings.capabilities.map { "--cap-add=" + $0 }
    }

    private mutating func decideSecurity(_ scan: Scan) {
        let name: ByteString = "no-new-privileges"
        let all = scan.values(of: .securityOption)
        let mine = all.filter { $0.hasPrefix(name) }
        let others = all.filter { !$0.hasPrefix(name) }
        if !others.isEmpty { configuration.decide("security-opt", SandboxConfiguration.list(others)) }
        guard let last = mine.last else {
            options.append("--security-opt=" + name)
            return
        }
        // "no-new-privileges", or a truth value after "=" or ":" (moby daemon/daemon_unix.go, parseSecurityOpt).
        let text = last.dropFirst(name.count)
        let value = text.isEmpty ? true : Bool(goText: text.dropFirst(1))
        configuration.decide(name, value.map(JSON.bool) ?? .string(last))
        notes.append(Note(.sandboxOptionTaken, name))
    }

    /// A limit: the command's own, or otherwise the profile's. Options of the role `others` limit the same thing in
    /// another way.
    private mutating func decideLimit(
        _ name: ByteString, _ value: JSON?, others: OptionTable.Role? = nil, _ scan: Scan? = nil
    ) {
        var isOwn = false
        if let others, let scan {
            for occurrence in scan.occurrences where occurrence.row.role == others {
                configuration.decide(
                    ByteString(occurrence.row.name.description), .string(occurrence.value), with: [name])
                isOwn = true
            }
        }
        if let value {
            configuration.decide(name, value)
            isOwn = true
        }
        guard !isOwn else {
            notes.append(Note(.sandboxOptionTaken, name))
            return
        }
        guard let given = configuration[name] else { return }
        switch given {
        case .number(let text) where name == "memory":
            options.append("--memory=" + (UInt64(text.lossy).map { DockerNumber.text(bytes: $0) } ?? text))
        case .number(let text), .string(let text): options.append("--" + name + "=" + text)
        default: return
        }
    }

    private mutating func noteWhatIsMissing(_ settings: SandboxSettings, _ engine: SandboxEngine?) {
        let limits: [(name: ByteString, isSet: Bool)] = [
            ("pids-limit", settings.pids != nil), ("memory", settings.memory != nil),
            ("cpus", settings.processors != nil),
        ]
        for (name, isSet) in limits where isSet && !configuration.own.contains(name) && configuration[name] == nil {
            notes.append(Note(engine == nil ? .sandboxEngineNotAsked : .sandboxLimitImpossible, name))
        }
    }

    /// The labels that the command does not set itself.
    mutating func label(_ container: ContainerInvocation, _ facts: SandboxPolicy.Facts) {
        // Any option overrides a label from a file, so the files' labels must be known.
        guard let fileLabels = facts.fileLabels else {
            notes.append(Note(.labelFileUnread))
            return
        }
        let taken = container.labels + fileLabels
        let hash = configuration.hash
        let isHashed = taken.contains(SandboxLabels.hash) || taken.contains(SandboxLabels.shortHash)
        var labels: [(ByteString, ByteString?)] = [("app", "slipway"), (SandboxLabels.workspace, facts.workspace)]
        if !isHashed {
            labels += [
                (SandboxLabels.shortHash, hash.prefix(12)), (SandboxLabels.hash, hash),
                (SandboxLabels.configuration, configuration.text),
                (
                    SandboxLabels.own,
                    configuration.own.isEmpty ? nil : configuration.own.sorted().joined(separator: ",")
                ), (SandboxLabels.origin, facts.origin),
            ]
        }
        for (name, value) in labels where !taken.contains(name) {
            if let value { options.append("--label=" + name + "=" + value) }
        }
    }
}

extension ContainerInvocation {
    /// `docker run --detach`.
    fileprivate var isDetached: Bool { word == "run" && scan.lastFlag(of: .detach) == true }
}
