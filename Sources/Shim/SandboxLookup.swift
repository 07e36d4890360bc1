internal import Engine
public import Formats
public import Host
public import Planning

/// What the profile `sandbox` adds to containers made from here, for people.
public struct SandboxLookup: Sendable {
    /// The configuration that the settings give on the engine that docker reaches.
    public let configuration: SandboxConfiguration
    /// This machine or container and this user, as the labels of containers made from here name them; nil if unknown.
    public let origin: ByteString?
    /// Whether the engine reported which limits it supports; if not, the configuration may differ from the real one.
    public let isEngineKnown: Bool

    /// Asks the engine as the shim does; changes nothing.
    public init(_ settings: Settings, docker: Program) {
        var facts = SandboxPolicy.Facts()
        var reached = ReachedEngine(EngineRequest(), docker: docker, for: .showing)
        SandboxSite.look(at: &reached, &facts)
        configuration = SandboxConfiguration(settings.sandbox, on: facts.engine)
        isEngineKnown = facts.engine != nil
        origin = SandboxSite.origin
    }
}
