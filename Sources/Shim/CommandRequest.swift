internal import DockerCommandLine
public import Formats
public import Host
internal import Notes
internal import Planning

/// One command line, in whose place it is read, and what its decision is made with.
public struct CommandRequest {
    let words: [ByteString]
    /// The real docker, or the plugin behind this program where it stands in the plugin's place.
    let docker: Program
    let role: Role
    let loaded: LoadedSettings
    let purpose: Decision.Purpose
    let budget: Budget
    let invocation: Invocation

    var settings: Settings { loaded.settings }

    /// Reads a command line, `words[0]` being the program's name. What `budget` has no time for is left out, and the plan says so.
    public init(
        _ words: [ByteString], _ docker: Program, as role: Role = .docker, _ loaded: LoadedSettings,
        for purpose: Decision.Purpose, within budget: Budget = Budget()
    ) {
        self.words = words
        self.docker = docker
        self.role = role
        self.loaded = loaded
        self.purpose = purpose
        self.budget = budget
        invocation = Invocation.parse(words, of: role.program)
    }

    /// What is wrong with the settings.
    var notes: [Note] { loaded.unread.map(\.note) + loaded.problems.map { Note(.settingsInvalid, $0.text) } }

    /// Whether a command that is left as it was has been told of by the shim before docker, which is our parent now. Without
    /// a journal that is not known, and nobody would find a record.
    var isToldAlready: Bool { role != .docker && (!settings.journal || Journal.parentHasWritten) }

    /// What a container lacks of the sandbox that is asked for; nil without one.
    func sandboxLack(_ notes: [Note]) -> Note? {
        switch invocation {
        case .container(let container):
            if !container.isPassThrough, container.image != nil,
                let problem = loaded.problems.first(where: { $0.key == "profile" })
            {
                return Note(.sandboxIncomplete, problem.text)
            }
            return SandboxPolicy.lack(of: container, settings, notes)
        case .notUnderstood: return SandboxPolicy.lack(of: words, settings, notes)
        default: return nil
        }
    }
}

/// Why nothing can be added to a command.
struct Refusal: Error {
    let notes: [Note]
}
