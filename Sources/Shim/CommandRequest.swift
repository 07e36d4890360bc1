internal import DockerCommandLine
public import Formats
public import Host
internal import Notes
internal import Planning

/// One command line, the program's role, and everything that the decision is based on.
public struct CommandRequest {
    let words: [ByteString]
    /// The real docker, or the plugin behind this program if it runs as the plugin.
    let docker: Program
    let role: Role
    let loaded: LoadedSettings
    let purpose: Decision.Purpose
    let budget: Budget
    let invocation: Invocation
    /// The linter's findings in the Dockerfile of a build, for the journal.
    let findings: BuildFindings.Once
    /// The word that compose was called with, such as "build" or "up", if this is a bake that compose started; nil if that
    /// is unknown.
    let composeWord: ByteString?

    var settings: Settings { loaded.settings }

    /// Parses a command line; `words[0]` is the program's name. Whatever does not fit into `budget` is left out, and
    /// the plan says so.
    public init(
        _ words: [ByteString], _ docker: Program, as role: Role = .docker, _ loaded: LoadedSettings,
        for purpose: Decision.Purpose, within budget: Budget = Budget(), ofCompose composeWord: ByteString? = nil
    ) {
        self.words = words
        self.docker = docker
        self.role = role
        self.loaded = loaded
        self.purpose = purpose
        self.budget = budget
        invocation = Invocation.parse(words, of: role.program)
        findings = .init(for: invocation, as: role, loaded.settings, within: budget)
        let isAsked = role != .docker && purpose == .acting && !loaded.settings.builder.names.isEmpty
        self.composeWord = composeWord ?? (isAsked ? Self.composeWordOfParent : nil)
    }

    private static let longestCommandLine = 65_536

    /// From the command line of the parent process.
    private static var composeWordOfParent: ByteString? {
        let file = "/proc/" + ByteString(decimal: Int(Kernel.parentID)) + "/cmdline"
        guard let text = try? Files.read(file, limit: longestCommandLine) else { return nil }
        let words = text.bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { ByteString($0) }
        guard words.first?.lastPathComponent == "docker-compose" else { return nil }
        // As docker's plugin it gets the word compose, by itself it does not.
        for words in [["docker"] + words.dropFirst(), ["docker", "compose"] + words.dropFirst()] {
            if case .compose(let compose) = Invocation.parse(words) { return compose.word }
        }
        return nil
    }

    /// What is wrong with the settings.
    var notes: [Note] { loaded.unread.map(\.note) + loaded.problems.map { Note(.settingsInvalid, $0.text) } }

    /// Whether the shim before docker, which is now our parent, has already recorded an unchanged command. Without a
    /// journal this is unknown; then it counts as recorded, because nobody would find a second record.
    var isAlreadyRecorded: Bool { role != .docker && (!settings.journal || Journal.parentHasWritten) }

    /// Whether a build with this request needs a decision: a shared builder also takes builds that caches have nothing for.
    func isWorthALook(_ request: CacheRequest) -> Bool {
        let ofCaches: [Reason] = [.noCacheGiven, .buildCacheOff, .exportOff, .userExport]
        return !request.isEmpty
            || !settings.builder.names.isEmpty && request.notes.allSatisfy { ofCaches.contains($0.reason) }
    }

    /// What a container lacks of the requested sandbox; nil if nothing is missing or no sandbox is requested.
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
