public import Engine
public import Formats
internal import Planning

/// A container made by the profile `sandbox`, as its engine describes it.
public struct SandboxContainer: Equatable, Sendable {
    /// The engine's ID, which no other container ever gets.
    public let id: ByteString
    /// Its name.
    public let name: ByteString
    /// The image as it was requested.
    public let image: ByteString
    /// "running", "exited", ...
    public let state: ByteString
    /// All of its labels.
    public let labels: [ByteString: ByteString]

    /// From an element of `docker container inspect`; nil if it is not one.
    ///
    /// Source: moby api/types/container/container.go, InspectResponse; state.go, the states.
    init?(_ json: JSON) {
        guard let id = json[key: "Id"]?.string, !id.isEmpty,
            let state = json[key: "State"]?[key: "Status"]?.string, !state.isEmpty
        else { return nil }
        self.id = id
        self.state = state
        let name = json[key: "Name"]?.string ?? ""
        self.name = name.hasPrefix("/") ? name.dropFirst(1) : name
        let config = json[key: "Config"]
        image = config?[key: "Image"]?.string ?? ""
        var labels: [ByteString: ByteString] = [:]
        for member in config?[key: "Labels"]?.members ?? [] { labels[member.name] = member.value.string ?? "" }
        self.labels = labels
    }

    /// Whether no part of it runs or may restart by itself. An unknown state counts as running.
    public var isStopped: Bool { ["created", "exited", "dead"].contains(state) }

    /// The workspace; nil if it has none.
    public var workspace: ByteString? { labels[SandboxLabels.workspace] }

    /// The hash of its configuration, as long as in its label.
    public var hash: ByteString { labels[SandboxLabels.hash] ?? labels[SandboxLabels.shortHash] ?? "" }

    /// All sandbox containers of an engine. One that is removed meanwhile is left out.
    public static func list(_ docker: any EngineClient) throws(DockerClientError) -> [SandboxContainer] {
        let words: [ByteString] = [
            "container", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=" + SandboxLabels.shortHash,
        ]
        let list = try docker.call(DockerCall(words, .question))
        guard list.isGood else {
            throw DockerClientError(
                .engineSilent, "the engine does not list its containers: see whether `docker version` answers",
                words: list.words)
        }
        let found = try docker.inspect("container", list.lines)
        let containers = found.compactMap(SandboxContainer.init)
        guard containers.count == found.count else {
            throw DockerClientError(.engineSilent, "docker's answer about its containers is not understood")
        }
        return containers.sorted { ($0.workspace ?? "", $0.name) < ($1.workspace ?? "", $1.name) }
    }
}
