public import DockerCommandLine
public import Formats
public import Notes

// A requested sandbox that is missing or incomplete. The user who requested it must be told; a line in the journal is
// not enough.

extension SandboxPolicy {
    /// The reasons for which a container lacks the profile or a part of it.
    private static let obstacles: [Reason] = [
        .filesLimited, .commandTooLong, .commandNotUnderstood, .sandboxPrivileged, .dockerIsPodman, .engineNotLinux,
        .sandboxEngineNotAsked, .sandboxLimitImpossible,
    ]

    /// What a container lacks of the profile, according to the notes of its plan; nil if it lacks nothing.
    public static func lack(_ notes: [Note]) -> Note? {
        let causes = notes.filter { obstacles.contains($0.reason) }.map(\.message).withoutRepeats
        return causes.isEmpty ? nil : Note(.sandboxIncomplete, causes.joined(separator: "; "))
    }

    /// For a command that was parsed: also nil if no profile is requested, or if docker makes no container.
    public static func lack(of container: ContainerInvocation, _ settings: Settings, _ notes: [Note]) -> Note? {
        request(of: container, settings) == nil ? nil : lack(notes)
    }

    /// For a command that was not parsed: also nil if no profile is requested, or if the first word that names a
    /// command is neither `run` nor `create`.
    public static func lack(of arguments: [ByteString], _ settings: Settings, _ notes: [Note]) -> Note? {
        let words = arguments.dropFirst().filter { commands.contains($0) }
        let word = words.first == "container" ? words.dropFirst().first : words.first
        guard settings.profile == .sandbox, word == "run" || word == "create" else { return nil }
        return lack(notes)
    }

    private static let commands: [ByteString] = [
        "run", "create", "container", "bake", "build", "buildx", "builder", "compose", "config", "context", "exec",
        "image",
        "manifest", "network", "node", "plugin", "secret", "service", "stack", "swarm", "system", "volume",
    ]
}
