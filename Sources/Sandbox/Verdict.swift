public import Formats
internal import Host
public import Planning

/// What is to be thought of a sandboxed container.
public enum Verdict: Equatable, Sendable {
    /// It is as the settings would make it now.
    case current
    /// Its workspace's directory is there no more.
    case workspaceGone(ByteString)
    /// The settings give another configuration now; in which members, or none where its label does not tell.
    case changed([ByteString])
    /// Somebody else made it, or another machine or container, or nobody knows who: its paths and settings are not ours to judge.
    case elsewhere

    /// How containers are judged from here.
    public struct Standard: Sendable {
        /// What the settings give now; nil where the engine did not say what it can limit: then configurations are not judged.
        public var configuration: SandboxConfiguration?
        /// This place, as labels tell it; nil when it is not known, and then no container is of it.
        public var origin: ByteString?
        /// Whether those that were made elsewhere are judged like our own.
        public var includesOthers: Bool
        /// Whether there is certainly nothing at a path.
        var isMissing: @Sendable (ByteString) -> Bool

        /// Everything by name.
        public init(_ configuration: SandboxConfiguration?, origin: ByteString?, includesOthers: Bool = false) {
            self.init(
                configuration, origin: origin, includesOthers: includesOthers,
                isMissing: { path in
                    do throws(Errno) {
                        _ = try Files.status(path)
                        return false
                    } catch {
                        // What may not be looked at may well be there.
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
        // Where one of the two is not known, nobody knows whose paths these are.
        let isOurs = standard.origin != nil && container.labels[SandboxLabels.origin] == standard.origin
        guard isOurs || standard.includesOthers else {
            self = .elsewhere
            return
        }
        // A name is no directory that could be gone.
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
        // The hash is what counts: a label that does not fit it tells nothing.
        if container.hash == renewed.hash || container.hash == renewed.shortHash {
            self = .current
        } else {
            self = .changed(stored?.differences(from: renewed) ?? [])
        }
    }

    /// Whether the container should go, once it has stopped.
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
