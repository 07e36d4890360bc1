internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// `docker buildx bake`: finds its targets, and renders one offer for each.
struct BakeCommand: BuildCommand {
    var request: CacheRequest
    let builder: BuilderRequest
    private(set) var builds: [Build] = []
    private let bake: BakeInvocation
    private let command: CommandRequest
    private let directory: ByteString
    private var parts: [BakeCachePolicy.Part] = []
    private var form = BakeCachePolicy.Form.appended
    private var isPrinted = false

    /// No real definition is this large; such a one is passed on unread.
    private static let largestDefinition = 16 << 20
    /// Time limit for the plugin to evaluate a definition, in nanoseconds. If that takes longer, so does the command
    /// itself.
    private static let patience: Int64 = 20_000_000_000

    var globals: GlobalOptions { bake.globals }
    var scan: Scan { bake.scan }
    var total: Int { parts.count }
    var obstacleToSharing: Note? {
        SharedBuilderPolicy.obstacle(to: bake)
            ?? parts.lazy.compactMap { SharedBuilderPolicy.obstacle(to: $0.target) }.first
    }
    var namedContexts: [[ByteString]] { parts.map(\.target.buildContexts) }

    /// `definition` is the content of standard input, if it has already been read.
    init(
        _ bake: BakeInvocation, _ command: CommandRequest, of definition: BakeDefinition? = nil,
        isOurs: (ByteString) -> Bool
    ) throws(Refusal) {
        let request = BakeCachePolicy.request(of: bake, command.settings, isOurs: isOurs)
        guard command.isWorthALook(request), let directory = try? Kernel.workingDirectory() else {
            throw Refusal(notes: request.notes)
        }
        self.request = request
        self.bake = bake
        self.command = command
        self.directory = directory
        let route: BuilderRequest.Route =
            switch bake.route {
            case .forwarded: .dockerBake
            case .builder: .dockerBuild
            case .buildx: .buildx
            }
        builder = BuilderRequest(
            route: command.role.route(command.docker, else: route), engine: EngineRequest(bake.globals),
            builder: bake.builder)

        var input: ByteString?
        if bake.readsStandardInput && definition == nil {
            do throws(Errno) {
                input = try StandardInput.takeCopy(limit: Self.largestDefinition)
            } catch {
                throw Refusal(notes: request.notes + [Note(.definitionUnclear, ByteString(error.description))])
            }
            guard input != nil else { throw Refusal(notes: request.notes + [Note(.definitionUnclear)]) }
        }
        // Compose passes a definition that is already evaluated.
        let deadline = command.budget.deadline
        if bake.files == ["-"], bake.overrides.isEmpty,
            let found = definition ?? input.flatMap({ BakeDefinition($0, until: deadline) })
        {
            setTargets(found.selected(by: bake.positionals) ?? [])
        }
    }

    private mutating func setTargets(_ targets: [BakeTarget]) {
        parts = targets.map { BakeCachePolicy.Part($0, isOurs: LocalStore.owns) }
        builds = Build.builds(parts, of: bake, in: directory, until: command.budget.deadline)
    }

    func completed(by builder: BuilderFacts) throws(Refusal) -> BakeCommand {
        func refusal(_ note: Note) -> Refusal { Refusal(notes: [note]) }
        var command = self
        let appends = builder.buildx.map { $0 >= Version(0, 22) } ?? false
        if parts.isEmpty {
            command.isPrinted = true
            // A pipe can be read only once, and the command itself must read it.
            guard bake.files.allSatisfy({ $0 == "-" || (try? Files.status($0).kind) ?? .regular == .regular }) else {
                throw refusal(Note(.definitionUnclear, "a file that can be read only once"))
            }
            let deadline = self.command.budget.deadline.kept
            guard let printed = printed(by: builder.plugin, until: deadline), !printed.targets.isEmpty else {
                throw refusal(Note(deadline.hasPassed ? .timeSpent : .definitionUnclear))
            }
            command.setTargets(printed.targets)
        }
        command.form = BakeCachePolicy.Form(appends: appends, mayInherit: command.isPrinted && command.parts.count > 1)
        guard BakeCachePolicy.canAdd(to: bake, command.parts, command.form) else {
            throw refusal(Note(.cacheListsSet))
        }
        return command
    }

    /// The definition as the plugin evaluates it, with groups, matrices, variables and the user's overrides resolved.
    /// The plugin asks no engine and builds nothing for this.
    private func printed(by plugin: ByteString, until deadline: Deadline) -> BakeDefinition? {
        let own = command.words.dropFirst(bake.commandWordIndex + 1)
        // Without this variable the plugin knows that docker did not start it.
        let environment = Kernel.environment.filter {
            !$0.hasPrefix(ByteString(Role.calledByDocker.description) + "=")
        }
        let answer = try? Execution.ask(
            plugin, arguments: ["docker-buildx", "bake", "--print"] + own, environment: .entries(environment),
            givingInput: bake.readsStandardInput, nanoseconds: Self.patience, limit: Self.largestDefinition)
        if bake.readsStandardInput { StandardInput.rewind() }
        guard let answer, answer.exitCode == 0 else { return nil }
        return BakeDefinition(answer.output, until: deadline)
    }

    func plan(on sharedBuilder: ByteString) -> Plan {
        SharedBuilderPolicy.plan(command.words, on: sharedBuilder, after: bake.commandWordIndex)
    }

    func plan(_ request: CacheRequest, _ offers: [CacheOffer]) -> Plan {
        BakeCachePolicy.plan(bake, command.words, request: request, parts: parts, offers: offers, form)
    }
}

extension Build {
    /// The builds of targets, in order; it stops at the deadline, because locating contexts takes time.
    static func builds(
        _ parts: [BakeCachePolicy.Part], of bake: BakeInvocation? = nil, in directory: ByteString,
        until deadline: Deadline
    ) -> [Build] {
        var builds: [Build] = []
        for part in parts {
            guard !deadline.hasPassed else { break }
            builds.append(Build(part, of: bake, in: directory))
        }
        return builds
    }

    /// Without `bake` the build has no fingerprint: a compose that builds by itself takes options on its command line
    /// that its project does not show.
    private init(_ part: BakeCachePolicy.Part, of bake: BakeInvocation?, in directory: ByteString) {
        let description = BuildDescription(part.target, in: directory)
        self.init(
            target: part.target.name, description: description, imports: part.request.imports,
            exports: part.request.exports,
            fingerprint: bake.flatMap { BuildFingerprint(of: part.target, in: $0, as: description) })
    }
}
