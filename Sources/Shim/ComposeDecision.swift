internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

extension Decision {
    /// What compose may take to tell its project. Where it needs longer, so will the command.
    static let composePatience: Int64 = 20_000_000_000
    static let largestProject = 16 << 20

    /// The plan for a command of compose's. Builds by bake are the plugin's to decide about; a compose that builds by itself
    /// gets a file more, which adds to the builds' cache lists and nothing else.
    static func plan(
        _ compose: ComposeInvocation, _ arguments: [ByteString], docker: Program, _ settings: Settings,
        for purpose: Purpose, within budget: Budget
    ) -> Plan {
        guard !compose.isPassThrough else { return .unchanged(arguments, [Note(.helpOrCheck)]) }
        var paths = PathView(settings, for: purpose)
        var engine = ReachedEngine(compose.globals, docker: docker, for: purpose)
        paths.look(for: compose.mountSources, at: &engine)
        let translated = translatingProject(
            compose, PathPolicy.plan(compose, arguments, facts: paths.facts), docker: docker, settings, for: purpose,
            at: &engine, until: budget.deadline)
        guard compose.builds else {
            return translated.isChanged || !translated.notes.isEmpty
                ? translated : .unchanged(arguments, [Note(.notEdited)])
        }
        do throws(EngineError) {
            guard try !buildsByBake(compose, docker: docker, for: purpose) else {
                // The plugin decides, if it is there.
                let request = EngineRequest(compose.globals)
                let isThere = try BuildxPlugin.isSlipway(for: request, .current())
                var plan = translated
                plan.notes.append(isThere ? Note(.notEdited) : Note(.pluginMissing))
                return plan
            }
        } catch {
            var plan = translated
            plan.notes.append(error.note)
            return plan
        }
        // A file more would show in the labels of the containers.
        guard compose.word == "build" else {
            var plan = translated
            plan.notes.append(Note(.composeBuildsItself, "only `compose build` shares layers"))
            return plan
        }
        return ownBuilds(compose, arguments, docker: docker, settings, for: purpose, within: budget)
    }

    /// Whether compose hands its builds to the buildx plugin: since 2.37 unless COMPOSE_BAKE says no, since 2.31 if it says yes.
    ///
    /// Source: docker/compose pkg/compose/build.go, build, at 2.26 to 5.
    static func buildsByBake(
        _ compose: ComposeInvocation, docker: Program, for purpose: Purpose
    ) throws(EngineError) -> Bool {
        let plugin = try BuildxPlugin.compose(for: EngineRequest(compose.globals), .current())
        var versions = BinaryVersions.remembered(for: docker, purpose)
        guard let version = versions.compose(at: plugin) else { throw EngineError(.notEdited) }
        let choice = Kernel.variable("COMPOSE_BAKE").flatMap { Bool(goText: $0) }
        if version >= Version(5, 0) { return true }
        return version >= Version(2, 37) ? choice != false : version >= Version(2, 31) && choice == true
    }

    private static func ownBuilds(
        _ compose: ComposeInvocation, _ arguments: [ByteString], docker: Program, _ settings: Settings,
        for purpose: Purpose, within budget: Budget
    ) -> Plan {
        var request = BuildCachePolicy.Request(imports: !compose.noCache, exports: true, notes: [])
        func unchanged(_ note: Note) -> Plan { .unchanged(arguments, request.notes + [note]) }
        if settings.buildCache == .off { return unchanged(Note(.buildCacheOff)) }
        if compose.noCache { request.notes.append(Note(.noCacheGiven)) }
        if settings.buildCache == .importOnly {
            request.exports = false
            request.notes.append(Note(.exportOff))
        }
        guard !compose.isRemote else { return unchanged(Note(.definitionRemote)) }
        guard let file = ComposeFile(for: compose), let directory = try? Kernel.workingDirectory() else {
            return unchanged(Note(.definitionUnclear))
        }
        if file.isOurs { return unchanged(Note(.alreadyApplied)) }

        var layers = BuildLayers(for: purpose, settings, within: budget)
        let builderRequest = BuilderRequest(
            route: .buildx, engine: EngineRequest(compose.globals), builder: compose.builder)
        var unknown: [BuildLayers.Build] = []
        guard let builder = layers.ask(builderRequest, docker: docker, &request, known: &unknown) else {
            return .unchanged(arguments, request.notes)
        }
        let deadline = budget.deadline
        guard let builds = builds(of: compose, arguments, docker: docker, until: deadline) else {
            return unchanged(Note(deadline.hasPassed ? .timeSpent : .definitionUnclear))
        }
        var parts = builds.map { BakeCachePolicy.Part($0.target, isInStore: BuildLayers.isInStore) }
        let known = BuildLayers.builds(parts, in: directory, until: deadline)
        layers.look(for: known, by: builder, &request)
        layers.give(to: &parts, &request)
        let services = Dictionary(builds.map { ($0.target.name, $0.service) }) { first, _ in first }
        // The plan, and the file's text where one is added.
        func planned() -> (plan: Plan, text: ByteString?) {
            let (additions, notes, leases) = BakeCachePolicy.additions(to: parts, request: request)
            guard !additions.isEmpty else { return (.unchanged(arguments, notes), nil) }
            let text = BakeCachePolicy.composeFile(adding: additions, to: services)
            var plan = file.plan(compose, arguments, adding: file.path(for: text))
            plan.notes = notes
            plan.leases = leases
            return (plan.limitedToArgMax(else: arguments), text)
        }
        var (plan, text) = planned()
        guard purpose == .acting, !plan.has(.commandTooLong) else { return plan }
        if plan.isChanged {
            layers.reserve(&request)
            layers.give(to: &parts)
            (plan, text) = planned()
            if let text, file.write(text) == nil { return unchanged(Note(.definitionUnclear, "no place for a file")) }
        }
        layers.follow(known, docker: docker.path, compose.globals, request)
        layers.scheduleMaintenance()
        return plan
    }

    /// The builds of the project, as compose itself tells them.
    private static func builds(
        of compose: ComposeInvocation, _ arguments: [ByteString], docker: Program, until deadline: Deadline
    ) -> [(service: ByteString, target: BakeTarget)]? {
        let words = ["config", "--format=json", "--"] + compose.services
        return configuration(of: compose, arguments, words, docker: docker).flatMap {
            ComposeProject.builds(in: $0, until: deadline)
        }
    }

    /// What compose says to other words, such as `config`, for the same project; nil when it fails.
    static func configuration(
        of compose: ComposeInvocation, _ arguments: [ByteString], _ words: [ByteString], docker: Program
    ) -> ByteString? {
        let environment = EnvironmentChange.apply(RealDocker.changes(for: docker), to: Kernel.environment)
        let answer = try? Execution.ask(
            docker.path, arguments: arguments[..<compose.commandWordIndex] + words, environment: .entries(environment),
            nanoseconds: composePatience, limit: largestProject)
        guard let answer, answer.exitCode == 0 else { return nil }
        return answer.output
    }
}
