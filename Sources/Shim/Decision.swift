internal import BuildCache
internal import DockerCommandLine
internal import Engine
public import Formats
public import Host
internal import Notes
public import Planning

/// From a command line to its plan, and what must be done before docker runs it.
public struct Decision {
    /// What is to be done.
    public private(set) var plan: Plan
    /// The kind of command, for the journal: nil for one that Slipway never edits.
    let command: ByteString?
    /// The build that was decided about, if it is one.
    private(set) var build: BuildInvocation?

    /// The journal and a definition from standard input stay below this; what a build exports may not.
    private static let largestOwnFile: UInt64 = 32 << 20

    /// Whether a decision is carried out or only shown.
    public enum Purpose: Sendable {
        /// Leases are taken and directories made.
        case acting
        /// Nothing is locked, made or written.
        case showing
    }

    /// Decides about a command line, `arguments[0]` being the program's name. `docker` is the real one, or the plugin behind
    /// this program where it stands in the plugin's place. What there is no time for is left out, and the plan says so.
    public init(
        _ arguments: [ByteString], docker: Program, _ loaded: LoadedSettings, for purpose: Purpose,
        as role: Role = .docker, within budget: Budget = Budget()
    ) {
        let notes = loaded.unread.map(\.note) + loaded.problems.map { Note(.settingsInvalid, $0.text) }
        let invocation = Invocation.parse(arguments, of: role.program)
        guard Kernel.largestFile >= Self.largestOwnFile else {
            plan = .unchanged(arguments, [Note(.filesLimited)])
            let lack = Self.sandboxLack(of: invocation, arguments, loaded, plan.notes)
            plan.notes += lack.map { [$0] } ?? []
            // Nothing else is worth one of the few bytes that files may have.
            command = lack == nil ? nil : "unknown"
            return
        }
        defer { plan.notes += Self.sandboxLack(of: invocation, arguments, loaded, plan.notes).map { [$0] } ?? [] }
        switch invocation {
        case .other:
            command = nil
            plan = .unchanged(arguments, notes + [Note(.notEdited)])
        case .notUnderstood(let error):
            command = "unknown"
            plan = .unchanged(arguments, notes + [Note(.commandNotUnderstood, error.message)])
        case .build(let build):
            self.build = build
            plan = Self.plan(
                build, arguments, docker: docker, loaded.settings, for: purpose, as: role, within: budget)
            // The shim before docker has written it down.
            command = role != .docker && plan.notes.map(\.reason) == [.alreadyApplied] ? nil : "build"
            plan.notes = notes + plan.notes
        case .bake(let bake):
            plan = Self.plan(
                bake, arguments, docker: docker, loaded.settings, for: purpose, as: role, within: budget)
            command = role != .docker && plan.notes.map(\.reason) == [.alreadyApplied] ? nil : "bake"
            plan.notes = notes + plan.notes
        case .compose(let compose):
            plan = Self.plan(
                compose, arguments, docker: docker, loaded.settings, for: purpose, within: budget
            ).limitedToArgMax(else: arguments)
            // What the plugin will decide about is written down there.
            command = Self.isNoteworthy(plan) ? "compose" : nil
            plan.notes = notes + plan.notes
        case .container(let container):
            plan = Self.plan(
                container, arguments, docker: docker, loaded.settings, for: purpose, within: budget
            ).limitedToArgMax(else: arguments)
            // Where there are no packages a run is no news.
            let isLacking = Self.sandboxLack(of: invocation, arguments, loaded, plan.notes) != nil
            command = Self.isNoteworthy(plan) || isLacking ? container.word : nil
            plan.notes = notes + plan.notes
        case .volume(let volume):
            plan = Self.plan(volume, arguments, docker: docker, loaded.settings, for: purpose).limitedToArgMax(
                else: arguments)
            command = Self.isNoteworthy(plan) ? "volume" : nil
            plan.notes = notes + plan.notes
        }
    }

    /// What a container lacks of the sandbox that is asked for; nil without one.
    private static func sandboxLack(
        of invocation: Invocation, _ arguments: [ByteString], _ loaded: LoadedSettings, _ notes: [Note]
    ) -> Note? {
        switch invocation {
        case .container(let container):
            if !container.isPassThrough, container.image != nil,
                let problem = loaded.problems.first(where: { $0.key == "profile" })
            {
                return Note(.sandboxIncomplete, problem.text)
            }
            return SandboxPolicy.lack(of: container, loaded.settings, notes)
        case .notUnderstood: return SandboxPolicy.lack(of: arguments, loaded.settings, notes)
        default: return nil
        }
    }

    private static func isNoteworthy(_ plan: Plan) -> Bool {
        let usual: [Reason] = [
            .helpOrCheck, .notEdited, .packageCacheOff, .noPackages, .engineElsewhere, .pluginMissing,
        ]
        return plan.isChanged || plan.notes.contains { !usual.contains($0.reason) }
    }

    private static func plan(
        _ build: BuildInvocation, _ arguments: [ByteString], docker: Program, _ settings: Settings,
        for purpose: Purpose, as role: Role, within budget: Budget
    ) -> Plan {
        var request = BuildCachePolicy.request(of: build, settings, isInStore: BuildLayers.isInStore)
        guard !request.isEmpty else { return BuildCachePolicy.plan(build, arguments, request: request, facts: .init()) }
        var layers = BuildLayers(for: purpose, settings, within: budget)
        var builds: [BuildLayers.Build] = []
        var flight = BuildFlight(settings)
        var waited: [Note] = []
        if let directory = try? Kernel.workingDirectory() {
            let description = BuildDescription(build, in: directory)
            builds = [
                BuildLayers.Build(
                    description: description, fingerprint: BuildFingerprint(of: build, as: description))
            ]
            let builderRequest = BuilderRequest(
                route: role.route(docker, else: build.route == .buildx ? .buildx : .dockerBuild),
                engine: EngineRequest(build.globals), builder: build.builder)
            if let builder = layers.ask(builderRequest, docker: docker, &request, known: &builds) {
                if purpose == .acting, role == .docker {
                    waited = layers.awaitOtherHosts(builds[0], by: builder, build.globals, request)
                    layers.join(&flight, builds[0], by: builder, request)
                }
                layers.look(for: builds, by: builder, build.globals, &request)
                layers.deferExport(of: build, builds[0], by: builder, isTold: role.isToldAlready(settings))
            }
        } else {
            request = .init(imports: false, exports: false, notes: request.notes + [Note(.storeUnreadable, ".")])
        }
        let plan = BuildCachePolicy.plan(
            build, arguments, request: request, facts: layers.facts.first ?? .init(), settings.remote
        )
        .limitedToArgMax(else: arguments)
        guard purpose == .acting, !plan.has(.commandTooLong) else {
            var plan = plan
            plan.notes += waited + flight.notes
            return plan
        }
        var kept = plan
        if plan.isChanged || layers.isExportedBehind {
            layers.reserve(&request)
            kept = BuildCachePolicy.plan(
                build, arguments, request: request, facts: layers.facts.first ?? .init(), settings.remote)
        }
        if kept.isChanged || !role.isToldAlready(settings) {
            let isFollowed = layers.follow(
                builds, docker: docker.path, build.globals, request, command: (build, arguments),
                inheriting: flight.inheritance)
            flight.announce(exportingTo: isFollowed && request.exports ? layers.facts.first?.export : nil)
        }
        layers.scheduleMaintenance()
        kept.notes += waited + flight.notes
        return kept
    }

    private static func plan(
        _ container: ContainerInvocation, _ arguments: [ByteString], docker: Program, _ settings: Settings,
        for purpose: Purpose, within budget: Budget
    ) -> Plan {
        let deadline = budget.deadline
        let request = PackageCachePolicy.request(
            of: container, settings,
            fileVariables: PackageViews.names(inFiles: container.environmentFiles, until: deadline))
        var engine = ReachedEngine(container.globals, docker: docker, for: purpose)
        var views = PackageViews()
        if !request.tools.isEmpty { views.look(at: &engine, request.mode) }
        var paths = PathView(settings, for: purpose)
        if !container.isPassThrough { paths.look(for: container.mountSources, at: &engine) }
        // Paths are put into their own arguments and all else directly after the command word, whose index stays the same.
        let translated = PathPolicy.plan(container, arguments, facts: paths.facts)
        var plan = PackageCachePolicy.plan(container, translated.arguments, request: request, facts: views.facts)
        if plan.isChanged, request.mode == .view, purpose == .acting { views.scheduleMaintenance() }
        plan.isChanged = plan.isChanged || translated.isChanged
        plan.notes += translated.notes
        guard let profile = SandboxPolicy.request(of: container, settings) else { return plan }
        let site =
            profile.isApplied
            ? SandboxSite.facts(for: container, settings.sandbox, at: &engine, until: deadline) : SandboxPolicy.Facts()
        let sandboxed = SandboxPolicy.plan(
            container, plan.arguments, settings.sandbox, request: profile, facts: site)
        plan.arguments = sandboxed.arguments
        plan.isChanged = plan.isChanged || sandboxed.isChanged
        plan.notes += sandboxed.notes
        return plan
    }

    private static func plan(
        _ volume: VolumeInvocation, _ arguments: [ByteString], docker: Program, _ settings: Settings,
        for purpose: Purpose
    ) -> Plan {
        guard !volume.isPassThrough else { return .unchanged(arguments, [Note(.helpOrCheck)]) }
        guard !volume.mountSources.isEmpty else { return .unchanged(arguments, [Note(.notEdited)]) }
        var engine = ReachedEngine(volume.globals, docker: docker, for: purpose)
        var paths = PathView(settings, for: purpose)
        paths.look(for: volume.mountSources, at: &engine)
        return PathPolicy.plan(volume, arguments, facts: paths.facts)
    }
}

extension Plan {
    /// docker calls its plugin with the same words and some variables more: 200 bytes and its own path (28.5).
    private static let roomForDocker = 8192

    /// The plan, if the kernel takes a command line of that length; docker says no more than "argument list too long".
    func limitedToArgMax(else arguments: [ByteString]) -> Plan {
        let added = environment.compactMap { change in change.value.map { change.name + "=" + $0 } }
        guard isChanged, !Execution.takes(self.arguments + added, spare: Self.roomForDocker) else { return self }
        return .unchanged(arguments, [Note(.commandTooLong)])
    }

    func has(_ reason: Reason) -> Bool { notes.contains { $0.reason == reason } }
}
