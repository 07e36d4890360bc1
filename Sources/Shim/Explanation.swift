internal import DockerCommandLine
internal import Engine
public import Formats
public import Host
internal import Notes
public import Planning

extension Decision {
    /// The plan for a command line, for people. This covers direct calls of `docker-compose` and `docker-buildx`, and
    /// the bake that compose would start. Takes no lease and changes nothing.
    public static func explain(_ arguments: [ByteString], docker: Program, _ loaded: LoadedSettings) -> Plan {
        switch arguments.first?.lastPathComponent {
        case "docker-buildx":
            guard let plugin = RealDocker.plugin(for: EngineRequest()) else {
                return .unchanged(arguments, [Note(.buildxMissing)])
            }
            return Decision(CommandRequest(arguments, plugin, as: .buildx, loaded, for: .showing)).plan
        case "docker-compose":
            // The same program as docker's plugin, except that its options include a few of docker's own.
            return explain(["docker", "compose"] + arguments.dropFirst(), docker: docker, loaded)
        default:
            let request = CommandRequest(arguments, docker, loaded, for: .showing)
            let decision = Decision(request)
            guard case .compose(let compose) = request.invocation, compose.builds, !compose.isPassThrough,
                !decision.plan.isChanged,
                (try? ComposeDecision.buildsByBake(compose, docker: docker, for: .showing)) == true
            else { return decision.plan }
            return explain(compose, arguments, decision.plan, docker: docker, loaded)
        }
    }

    /// The bake that compose would start; compose itself prints the definition.
    private static func explain(
        _ compose: ComposeInvocation, _ arguments: [ByteString], _ plan: Plan, docker: Program,
        _ loaded: LoadedSettings
    ) -> Plan {
        guard (try? BuildxPlugin.isSlipway(for: EngineRequest(compose.globals), .current())) == true else {
            return .unchanged(arguments, [Note(.pluginMissing)])
        }
        let own: [ByteString] =
            compose.word == "build"
            ? Array(arguments.dropFirst(compose.commandWordIndex + 1)) : ["--"] + compose.services
        guard let said = compose.configuration(["build", "--print"] + own, of: arguments, docker: docker),
            let definition = BakeDefinition(said), let plugin = RealDocker.plugin(for: EngineRequest(compose.globals))
        else {
            return .unchanged(arguments, plan.notes + [Note(.definitionUnclear)])
        }
        let bake: [ByteString] =
            ["docker-buildx", "bake", "--file", "-"] + (compose.builder.map { ["--builder", $0] } ?? [])
        let request = CommandRequest(
            bake, plugin, as: .buildx, loaded, for: .showing, ofCompose: compose.word)
        guard case .bake(let invocation) = request.invocation else { return plan }
        return Decision(invocation, request, of: definition).plan
    }
}
