internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The decision about a command that makes a container: paths, packages and the sandbox each contribute edits.
struct ContainerDecision {
    let plan: Plan
    /// The views to clean up after docker has ended; nil if the container gets none.
    let views: PackageViews?

    init(_ container: ContainerInvocation, _ command: CommandRequest) {
        let (settings, deadline) = (command.settings, command.budget.deadline)
        let request = PackageCachePolicy.request(
            of: container, settings,
            fileVariables: PackageViews.names(inFiles: container.environmentFiles, until: deadline))
        var engine = ReachedEngine(container.globals, docker: command.docker, for: command.purpose)
        var views = PackageViews()
        if !request.tools.isEmpty { views.look(at: &engine, request.mode) }
        var paths = PathView(settings, for: command.purpose)
        if !container.isPassThrough { paths.look(for: container.mountSources, at: &engine) }
        let translated = PathPolicy.plan(container, command.words, facts: paths.facts)
        let packages = PackageCachePolicy.plan(container, command.words, request: request, facts: views.facts)
        self.views = packages.isChanged && request.mode == .view ? views : nil
        var plan = Plan(
            command.words, edits: translated.edits + packages.edits, notes: packages.notes + translated.notes)
        if let profile = SandboxPolicy.request(of: container, settings) {
            let site =
                profile.isApplied
                ? SandboxSite.facts(for: container, settings.sandbox, at: &engine, until: deadline)
                : SandboxPolicy.Facts()
            let sandboxed = SandboxPolicy.plan(
                container, command.words, settings.sandbox, request: profile, facts: site)
            plan.edits += sandboxed.edits
            plan.notes += sandboxed.notes
        }
        self.plan = plan
    }

    /// The plan for a volume: only its paths are translated.
    static func plan(_ volume: VolumeInvocation, _ command: CommandRequest) -> Plan {
        guard !volume.isPassThrough else { return .unchanged(command.words, [Note(.helpOrCheck)]) }
        guard !volume.mountSources.isEmpty else { return .unchanged(command.words, [Note(.notEdited)]) }
        var engine = ReachedEngine(volume.globals, docker: command.docker, for: command.purpose)
        var paths = PathView(command.settings, for: command.purpose)
        paths.look(for: volume.mountSources, at: &engine)
        return PathPolicy.plan(volume, command.words, facts: paths.facts)
    }
}
