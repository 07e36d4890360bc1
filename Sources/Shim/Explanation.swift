internal import DockerCommandLine
internal import Engine
public import Formats
public import Host
internal import Notes
public import Planning

extension Decision {
    /// What would become of a command line, for people: also of one that compose or buildx is called with by themselves, and of
    /// what compose would call bake with. Takes no lease and changes nothing.
    public static func explain(_ arguments: [ByteString], docker: Program, _ loaded: LoadedSettings) -> Plan {
        switch arguments.first?.lastPathComponent {
        case "docker-buildx":
            guard let plugin = RealDocker.plugin(for: EngineRequest()) else {
                return .unchanged(arguments, [Note(.buildxMissing)])
            }
            return Decision(arguments, docker: plugin, loaded, for: .showing, as: .buildx).plan
        case "docker-compose":
            // The same program as docker's plugin, but for a few of docker's own options among compose's.
            return explain(["docker", "compose"] + arguments.dropFirst(), docker: docker, loaded)
        default:
            let decision = Decision(arguments, docker: docker, loaded, for: .showing)
            guard case .compose(let compose) = Invocation.parse(arguments), compose.builds, !compose.isPassThrough,
                !decision.plan.isChanged, (try? buildsByBake(compose, docker: docker, for: .showing)) == true
            else { return decision.plan }
            return explain(compose, arguments, decision.plan, docker: docker, loaded)
        }
    }

    /// The bake that compose would run. Compose itself tells its definition.
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
        guard let said = configuration(of: compose, arguments, ["build", "--print"] + own, docker: docker),
            let definition = BakeDefinition(said), let plugin = RealDocker.plugin(for: EngineRequest(compose.globals))
        else {
            return .unchanged(arguments, plan.notes + [Note(.definitionUnclear)])
        }
        let bake: [ByteString] =
            ["docker-buildx", "bake", "--file", "-"] + (compose.builder.map { ["--builder", $0] } ?? [])
        guard case .bake(let invocation) = Invocation.parse(bake, of: .buildx) else { return plan }
        return self.plan(
            invocation, bake, docker: plugin, loaded.settings, for: .showing, as: .buildx, of: definition,
            within: Budget())
    }
}
