internal import Engine
public import Formats
public import Host
public import Planning

/// What the profile `sandbox` gives to containers made from here, for people.
public struct SandboxLookup: Sendable {
    /// What the settings give on the engine that docker reaches.
    public let configuration: SandboxConfiguration
    /// This machine or container and this user, as containers made from here tell it; nil when it is not known.
    public let origin: ByteString?
    /// Whether the engine said what it can limit; the configuration may be another where it did not.
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
