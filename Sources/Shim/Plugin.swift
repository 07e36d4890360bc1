internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

extension Decision {
    /// In whose place the program stands.
    public enum Role: Equatable, Sendable {
        /// docker's.
        case docker
        /// buildx's, called by docker.
        case plugin
        /// buildx's, called by itself, as compose does.
        case buildx

        var program: Invocation.Program {
            switch self {
            case .docker: .docker
            case .plugin: .plugin
            case .buildx: .buildx
            }
        }

        /// Whether a command that is left as it was has been told of by the shim before docker, which is our parent now. Without
        /// a journal that is not known, and nobody would find a record.
        func isToldAlready(_ settings: Settings) -> Bool {
            self != .docker && (!settings.journal || Journal.parentHasWritten)
        }

        /// How buildx comes to run: for the plugin docker has decided that already.
        func route(_ program: Program, else route: BuilderRequest.Route) -> BuilderRequest.Route {
            self == .docker ? route : .plugin(program.path)
        }
    }
}

/// The program under the name `docker-buildx`, in a plugin directory that docker looks through before the real one's.
enum Plugin {
    /// Every word that a command line must hold to be read. Metadata, hooks, completion and all else are passed on unread.
    private static let editable = Kernel.StaticWords("build b bake f")
    /// With this variable buildx believes that docker started it: docker/cli cli-plugins/plugin/plugin.go, RunningStandalone.
    static let calledByDocker: StaticString = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"

    /// Whether this process was started so.
    static var isCalledByDocker: Bool { Kernel.variable(calledByDocker)?.isEmpty == false }

    /// Becomes the real plugin, with or without changes; never returns.
    static func run() -> Never {
        let role: Decision.Role = isCalledByDocker ? .plugin : .buildx
        // `docker --config` decides where plugins are looked for.
        var request = EngineRequest()
        if role == .plugin, let scan = try? Scan(Kernel.arguments, from: 1, table: .docker) {
            request = EngineRequest(GlobalOptions(scan))
        }
        guard let plugin = RealDocker.plugin(for: request) else {
            Kernel.printError("slipway: no docker-buildx found among docker's plugins besides Slipway itself\n")
            Kernel.exit(127)
        }
        let traced = Kernel.variable("SLIPWAY_TRACE") == "1"
        guard !Shim.isBypassed && Kernel.commandLineHolds(anyOf: editable) else { Shim.become(plugin, .inherited, []) }
        let budget = Budget()
        let loaded = LoadedSettings.load()
        let decision = Decision(Kernel.arguments, docker: plugin, loaded, for: .acting, as: role, within: budget)
        let plan = decision.plan
        if traced { Shim.show(plan, plugin) }
        if loaded.settings.journal, let command = decision.command,
            plan.isChanged || !role.isToldAlready(loaded.settings)
        {
            Journal.append(plan, command: command)
        }
        Shim.become(plugin, plan.isChanged ? .words(plan.arguments) : .inherited, plan.environment)
    }
}
