public import Formats
internal import Host
public import Planning

/// The verdict on a sandbox container.
public enum Verdict: Equatable, Sendable {
    /// It is as the settings would create it now.
    case current
    /// Its workspace directory no longer exists.
    case workspaceGone(ByteString)
    /// The settings now give another configuration; the members that differ, or none if its label does not tell.
    case changed([ByteString])
    /// Another user, machine or container made it, or its origin is unknown: its paths and settings cannot be judged
    /// here.
    case elsewhere

    /// The standard by which containers are judged.
    public struct Standard: Sendable {
        /// The configuration from the present settings; nil if the engine did not report what it can limit: then
        /// configurations are not compared.
        public var configuration: SandboxConfiguration?
        /// This place, as it appears in labels; nil if unknown, and then no container counts as made here.
        public var origin: ByteString?
        /// Whether containers made elsewhere are judged like our own.
        public var includesOthers: Bool
        /// Whether it is certain that nothing exists at a path.
        var isMissing: @Sendable (ByteString) -> Bool

        /// From named values.
        public init(_ configuration: SandboxConfiguration?, origin: ByteString?, includesOthers: Bool = false) {
            self.init(
                configuration, origin: origin, includesOthers: includesOthers,
                isMissing: { path in
                    do throws(Errno) {
                        _ = try Files.status(path)
                        return false
                    } catch {
                        // A path that may not be looked at may well exist.
                        return error == .noSuchFile || error == .notDirectory
                    }
                })
        }

        init(
            _ configuration: SandboxConfiguration?, origin: ByteString?, includesOthers: Bool,
            isMissing: @escaping @Sendable (ByteString) -> Bool
        ) {
            self.configuration = configuration
            self.origin = origin
            self.includesOthers = includesOthers
            self.isMissing = isMissing
        }
    }

    /// Judges a container.
    public init(_ container: SandboxContainer, by standard: Standard) {
        // If one of the two is unknown, it is unclear whose paths these are.
        let isOurs = standard.origin != nil && container.labels[SandboxLabels.origin] == standard.origin
        guard isOurs || standard.includesOthers else {
            self = .elsewhere
            return
        }
        // A volume's name is not a directory that could be gone.
        if let workspace = container.workspace, workspace.hasPrefix("/"), standard.isMissing(workspace) {
            self = .workspaceGone(workspace)
            return
        }
        guard let configuration = standard.configuration else {
            self = .current
            return
        }
        let text = container.labels[SandboxLabels.configuration] ?? ""
        let own = container.labels[SandboxLabels.own] ?? ""
        let stored = SandboxConfiguration(text: text, own: own)
        let renewed = stored?.renewed(by: configuration) ?? configuration
        // The hash decides: a label that does not match it proves nothing.
        if container.hash == renewed.hash || container.hash == renewed.shortHash {
            self = .current
        } else {
            self = .changed(stored?.differences(from: renewed) ?? [])
        }
    }

    /// Whether to remove the container once it has stopped.
    public var isOutdated: Bool {
        switch self {
        case .current, .elsewhere: false
        case .workspaceGone, .changed: true
        }
    }

    /// Stable for programs.
    public var code: ByteString {
        switch self {
        case .current: "current"
        case .workspaceGone: "workspace-gone"
        case .changed: "changed"
        case .elsewhere: "elsewhere"
        }
    }

    /// For people.
    public var words: ByteString {
        switch self {
        case .current: "as the settings are now"
        case .workspaceGone(let path): "its workspace is gone: " + path
        case .changed([]): "its configuration is not what the settings give now"
        case .changed(let differences): "the settings have changed: " + differences.joined(separator: "; ")
        case .elsewhere: "made elsewhere, by another user, or it is not known where"
        }
    }
}
