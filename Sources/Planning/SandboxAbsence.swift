public import DockerCommandLine
public import Formats
public import Notes

// A sandbox that is asked for and does not come to be. Anyone who asks for one must know: they are told, not only the journal.

extension SandboxPolicy {
    /// What keeps the profile, or a part of it, from a container.
    private static let obstacles: [Reason] = [
        .filesLimited, .commandTooLong, .commandNotUnderstood, .sandboxPrivileged, .dockerIsPodman, .engineNotLinux,
        .sandboxEngineNotAsked, .sandboxLimitImpossible,
    ]

    /// What a container that the profile is asked for lacks, by the notes of its plan; nil when it has all of it.
    public static func lack(_ notes: [Note]) -> Note? {
        let causes = notes.filter { obstacles.contains($0.reason) }.map(\.message).withoutRepeats
        return causes.isEmpty ? nil : Note(.sandboxIncomplete, causes.joined(separator: "; "))
    }

    /// Of a command that is understood: nil, too, where no profile is asked for, or where docker makes no container.
    public static func lack(of container: ContainerInvocation, _ settings: Settings, _ notes: [Note]) -> Note? {
        request(of: container, settings) == nil ? nil : lack(notes)
    }

    /// Of one that is not understood: nil, too, where no profile is asked for, or where the first word that names a command is neither
    /// `run` nor `create`.
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
