internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The decision about a compose command. For builds that compose hands to bake, the plugin decides.
enum ComposeDecision {
    /// Translated paths, or no change.
    case plan(Plan)
    /// Compose builds by itself.
    case builds

    init(_ compose: ComposeInvocation, _ command: CommandRequest) {
        guard !compose.isPassThrough else {
            self = .plan(.unchanged(command.words, [Note(.helpOrCheck)]))
            return
        }
        var plan = Self.translated(compose, command)
        guard compose.builds else {
            if !plan.isChanged && plan.notes.isEmpty { plan.notes = [Note(.notEdited)] }
            self = .plan(plan)
            return
        }
        do throws(EngineError) {
            if try Self.buildsByBake(compose, docker: command.docker, for: command.purpose) {
                // The plugin decides, if it is Slipway's.
                let isThere = try BuildxPlugin.isSlipway(for: EngineRequest(compose.globals), .current())
                plan.notes.append(isThere ? Note(.notEdited) : Note(.pluginMissing))
            } else if compose.word == "build" {
                self = .builds
                return
            } else {
                // An additional file would show in the labels of the containers.
                plan.notes.append(Note(.composeBuildsItself, "only `compose build` shares layers"))
            }
        } catch {
            plan.notes.append(error.note)
        }
        self = .plan(plan)
    }

    /// Whether compose hands its builds to the buildx plugin: since 2.37 unless COMPOSE_BAKE is false, since 2.31 only
    /// if it is true.
    ///
    /// Source: docker/compose pkg/compose/build.go, build, at 2.26 to 5.
    static func buildsByBake(
        _ compose: ComposeInvocation, docker: Program, for purpose: Decision.Purpose
    ) throws(EngineError) -> Bool {
        let plugin = try BuildxPlugin.compose(for: EngineRequest(compose.globals), .current())
        var versions = BinaryVersions.remembered(for: docker, purpose)
        guard let version = versions.compose(at: plugin) else { throw EngineError(.notEdited) }
        let choice = Kernel.variable("COMPOSE_BAKE").flatMap { Bool(goText: $0) }
        if version >= Version(5, 0) { return true }
        return version >= Version(2, 37) ? choice != false : version >= Version(2, 31) && choice == true
    }
}
