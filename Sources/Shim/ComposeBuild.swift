internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// A compose that builds by itself: it gets an additional file, which only extends the cache lists of the builds.
struct ComposeBuild: BuildCommand {
    var request: CacheRequest
    let builder: BuilderRequest
    private(set) var builds: [Build] = []
    private let compose: ComposeInvocation
    private let command: CommandRequest
    private let file: ComposeFile
    private let directory: ByteString
    private var parts: [BakeCachePolicy.Part] = []
    /// The names of services, by the names of targets.
    private var services: [ByteString: ByteString] = [:]

    var globals: GlobalOptions { compose.globals }
    var scan: Scan { compose.scan }
    var total: Int { parts.count }
    /// It reads builders with a buildx of its own, which may refuse their options.
    var obstacleToSharing: Note? { Note(.sharedBuilderUnsuited, "compose builds by itself") }
    var namedContexts: [[ByteString]] { parts.map(\.target.buildContexts) }

    init(_ compose: ComposeInvocation, _ command: CommandRequest) throws(Refusal) {
        var words = CacheRequest.Words()
        words.noCache = compose.noCache
        let request = CacheRequest(words, command.settings)
        func refusal(_ reason: Reason) -> Refusal { Refusal(notes: request.notes + [Note(reason)]) }
        guard command.isWorthALook(request) else { throw Refusal(notes: request.notes) }
        guard !compose.isRemote else { throw refusal(.definitionRemote) }
        guard let file = ComposeFile(for: compose), let directory = try? Kernel.workingDirectory() else {
            throw refusal(.definitionUnclear)
        }
        guard !file.isOurs else { throw refusal(.alreadyApplied) }
        self.request = request
        self.compose = compose
        self.command = command
        self.file = file
        self.directory = directory
        builder = BuilderRequest(route: .buildx, engine: EngineRequest(compose.globals), builder: compose.builder)
    }

    /// Reads the project's builds from compose's own output.
    func completed(by builder: BuilderFacts) throws(Refusal) -> ComposeBuild {
        guard parts.isEmpty else { return self }
        let deadline = command.budget.deadline.kept
        let words = ["config", "--format=json", "--"] + compose.services
        let said = compose.configuration(words, of: command.words, docker: command.docker)
        guard let found = said.flatMap({ ComposeProject.builds(in: $0, until: deadline) }) else {
            throw Refusal(notes: [Note(deadline.hasPassed ? .timeSpent : .definitionUnclear)])
        }
        var completed = self
        completed.parts = found.map { BakeCachePolicy.Part($0.target, isOurs: LocalStore.owns) }
        completed.services = Dictionary(found.map { ($0.target.name, $0.service) }) { first, _ in first }
        completed.builds = Build.builds(completed.parts, in: directory, until: deadline)
        return completed
    }

    func plan(on sharedBuilder: ByteString) -> Plan {
        SharedBuilderPolicy.plan(command.words, on: sharedBuilder, after: compose.commandWordIndex)
    }

    func plan(_ request: CacheRequest, _ offers: [CacheOffer]) -> Plan {
        let (additions, notes, leases) = BakeCachePolicy.additions(to: parts, request: request, offers: offers)
        guard !additions.isEmpty else { return .unchanged(command.words, notes) }
        let text = BakeCachePolicy.composeFile(adding: additions, to: services)
        return Plan(
            command.words, edits: file.edits(compose, adding: file.path(for: text)), leases: leases, notes: notes)
    }

    func write(_ request: CacheRequest, _ offers: [CacheOffer]) throws(Refusal) {
        let additions = BakeCachePolicy.additions(to: parts, request: request, offers: offers).additions
        guard !additions.isEmpty else { return }
        guard file.write(BakeCachePolicy.composeFile(adding: additions, to: services)) != nil else {
            throw Refusal(notes: request.notes + [Note(.definitionUnclear, "the file cannot be written")])
        }
    }
}

extension ComposeInvocation {
    /// Time limit for compose to print its project, in nanoseconds. If that takes longer, so does the command itself.
    private static let patience: Int64 = 20_000_000_000
    private static let largestProject = 16 << 20

    /// Compose's output for other arguments, such as `config`, on the same project; nil if compose fails.
    func configuration(_ words: [ByteString], of command: [ByteString], docker: Program) -> ByteString? {
        let environment = EnvironmentChange.apply(RealDocker.changes(for: docker), to: Kernel.environment)
        let answer = try? Execution.ask(
            docker.path, arguments: command[..<commandWordIndex] + words, environment: .entries(environment),
            nanoseconds: Self.patience, limit: Self.largestProject)
        guard let answer, answer.exitCode == 0 else { return nil }
        return answer.output
    }
}
