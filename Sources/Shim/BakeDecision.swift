internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

extension Decision {
    /// A definition of this size is nobody's, and is handed on unread.
    private static let largestDefinition = 16 << 20
    /// What the plugin may take to work out a definition. Where it needs longer, so will the command.
    private static let patience: Int64 = 20_000_000_000

    /// The plan for a bake: what its targets are, then for each what a build of it would get. `definition` is what stands on
    /// standard input, if that has been read.
    static func plan(
        _ bake: BakeInvocation, _ arguments: [ByteString], docker: Program, _ settings: Settings,
        for purpose: Purpose, as role: Role, of definition: BakeDefinition? = nil, within budget: Budget
    ) -> Plan {
        var request = BakeCachePolicy.request(of: bake, settings, isInStore: BuildLayers.isInStore)
        guard !request.isEmpty, let directory = try? Kernel.workingDirectory() else {
            return .unchanged(arguments, request.notes)
        }
        func unchanged(_ note: Note) -> Plan { .unchanged(arguments, request.notes + [note]) }
        let deadline = budget.deadline

        var input: ByteString?
        if bake.readsStandardInput && definition == nil {
            do throws(Errno) {
                input = try StandardInput.takeCopy(limit: largestDefinition)
            } catch {
                return unchanged(Note(.definitionUnclear, ByteString(error.description)))
            }
            guard input != nil else { return unchanged(Note(.definitionUnclear)) }
        }
        // What compose hands over is worked out already.
        var parts: [BakeCachePolicy.Part] = []
        if bake.files == ["-"], bake.overrides.isEmpty,
            let found = definition ?? input.flatMap({ BakeDefinition($0, until: deadline) })
        {
            parts = found.selected(by: bake.positionals).map(self.parts) ?? []
        }

        var layers = BuildLayers(for: purpose, settings, within: budget)
        let route: BuilderRequest.Route =
            switch bake.route {
            case .forwarded: .dockerBake
            case .builder: .dockerBuild
            case .buildx: .buildx
            }
        let builderRequest = BuilderRequest(
            route: role.route(docker, else: route), engine: EngineRequest(bake.globals), builder: bake.builder)
        var known = BuildLayers.builds(parts, of: bake, in: directory, until: deadline)
        guard let builder = layers.ask(builderRequest, docker: docker, &request, known: &known) else {
            return .unchanged(arguments, request.notes)
        }
        let appends = builder.buildx.map { $0 >= Version(0, 22) } ?? false
        // A pipe can be read once, and the command itself will want to.
        let isPrinted = parts.isEmpty
        if isPrinted {
            guard bake.files.allSatisfy({ $0 == "-" || (try? Files.status($0).kind) ?? .regular == .regular }) else {
                return unchanged(Note(.definitionUnclear, "a file that can be read only once"))
            }
            guard let printed = print(bake, arguments, by: builder.plugin, until: deadline), !printed.targets.isEmpty
            else { return unchanged(Note(deadline.hasPassed ? .timeSpent : .definitionUnclear)) }
            parts = self.parts(printed.targets)
            known = BuildLayers.builds(parts, of: bake, in: directory, until: deadline)
        }
        let form = BakeCachePolicy.Form(appends: appends, mayInherit: isPrinted && parts.count > 1)
        guard BakeCachePolicy.canAdd(to: bake, parts, form) else { return unchanged(Note(.cacheListsSet)) }
        layers.look(for: known, by: builder, &request)
        layers.give(to: &parts, &request)
        let plan = BakeCachePolicy.plan(bake, arguments, request: request, parts: parts, form).limitedToArgMax(
            else: arguments)
        guard purpose == .acting, !plan.has(.commandTooLong) else { return plan }
        var kept = plan
        if plan.isChanged {
            layers.reserve(&request)
            layers.give(to: &parts)
            kept = BakeCachePolicy.plan(bake, arguments, request: request, parts: parts, form)
        }
        if kept.isChanged || !role.isToldAlready(settings) {
            layers.follow(known, docker: docker.path, bake.globals, request)
        }
        layers.scheduleMaintenance()
        return kept
    }

    private static func parts(_ targets: [BakeTarget]) -> [BakeCachePolicy.Part] {
        targets.map { BakeCachePolicy.Part($0, isInStore: BuildLayers.isInStore) }
    }

    /// What the plugin itself makes of the command: groups, matrices, variables and the user's overrides worked out. It asks
    /// no engine and builds nothing.
    private static func print(
        _ bake: BakeInvocation, _ arguments: [ByteString], by plugin: ByteString, until deadline: Deadline
    ) -> BakeDefinition? {
        let own = arguments.dropFirst(bake.commandWordIndex + 1)
        // Called by itself: a variable says whether docker did it.
        let environment = Kernel.environment.filter {
            !$0.hasPrefix(ByteString(Plugin.calledByDocker.description) + "=")
        }
        let answer = try? Execution.ask(
            plugin, arguments: ["docker-buildx", "bake", "--print"] + own, environment: .entries(environment),
            givingInput: bake.readsStandardInput, nanoseconds: patience, limit: largestDefinition)
        if bake.readsStandardInput { StandardInput.rewind() }
        guard let answer, answer.exitCode == 0 else { return nil }
        return BakeDefinition(answer.output, until: deadline)
    }
}

extension BuildLayers {
    /// The builds of targets, the first of them, as far as there is time to look where their contexts are.
    static func builds(
        _ parts: [BakeCachePolicy.Part], of bake: BakeInvocation? = nil, in directory: ByteString,
        until deadline: Deadline
    ) -> [BuildLayers.Build] {
        var builds: [BuildLayers.Build] = []
        for part in parts {
            guard !deadline.hasPassed else { break }
            builds.append(BuildLayers.Build(part, of: bake, in: directory))
        }
        return builds
    }

    /// Gives each target what was found for it. Nothing is wished for a target that there was no time for.
    func give(to parts: inout [BakeCachePolicy.Part], _ request: inout BuildCachePolicy.Request) {
        if facts.count < parts.count {
            let (some, all) = (ByteString(decimal: looked), ByteString(decimal: parts.count))
            request.notes.append(Note(.timeSpent, some + " of " + all + " targets"))
        }
        give(to: &parts)
    }

    /// The same once more, of what could be written down for them.
    func give(to parts: inout [BakeCachePolicy.Part]) {
        for index in parts.indices {
            if index < looked, facts.indices.contains(index) {
                parts[index].facts = facts[index]
            } else {
                parts[index].leaveOut()
            }
        }
    }
}

extension BuildLayers.Build {
    /// A compose that builds by itself says more on its command line than its project does, so such a build is not known again.
    init(_ part: BakeCachePolicy.Part, of bake: BakeInvocation?, in directory: ByteString) {
        let description = BuildDescription(part.target, in: directory)
        self.init(
            target: part.target.name, description: description, imports: part.request.imports,
            exports: part.request.exports,
            fingerprint: bake.flatMap { BuildFingerprint(of: part.target, in: $0, as: description) })
    }
}
