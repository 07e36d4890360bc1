internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Planning

/// In whose place the program stands.
public enum Role: Equatable, Sendable {
    /// docker's.
    case docker
    /// buildx's, called by docker.
    case plugin
    /// buildx's, called by itself, as compose does.
    case buildx

    /// With this variable buildx believes that docker started it: docker/cli cli-plugins/plugin/plugin.go, RunningStandalone.
    static let calledByDocker: StaticString = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"

    /// Whether this process was started so.
    static var isCalledByDocker: Bool { Kernel.variable(calledByDocker)?.isEmpty == false }

    /// This process's.
    static var current: Role {
        guard Kernel.isCalled("docker-buildx") else { return .docker }
        return isCalledByDocker ? .plugin : .buildx
    }

    var program: Invocation.Program {
        switch self {
        case .docker: .docker
        case .plugin: .plugin
        case .buildx: .buildx
        }
    }

    /// Every word that a command line must hold for Slipway to edit it. All others are passed on unread; of buildx's own, metadata,
    /// hooks and completion.
    private static let commands = Kernel.StaticWords(
        "bake build buildx builder compose image run create container volume")
    private static let builds = Kernel.StaticWords("build b bake f")

    /// Whether this process's command line may be edited.
    var mayEdit: Bool { Kernel.commandLineHolds(anyOf: self == .docker ? Self.commands : Self.builds) }

    /// The program that stands behind this one; ends where there is none.
    func realProgramOrExit() -> Program {
        switch self {
        case .docker:
            if let docker = RealDocker.find() { return docker }
            Kernel.printError("slipway: no docker was found besides Slipway itself, on PATH or in the usual folders\n")
        case .plugin, .buildx:
            // `docker --config` decides where plugins are looked for.
            var request = EngineRequest()
            if self == .plugin, let scan = try? Scan(Kernel.arguments, from: 1, table: .docker) {
                request = EngineRequest(GlobalOptions(scan))
            }
            if let plugin = RealDocker.plugin(for: request) { return plugin }
            Kernel.printError("slipway: no docker-buildx found among docker's plugins besides Slipway itself\n")
        }
        Kernel.exit(127)
    }

    /// How buildx comes to run: for the plugin docker has decided that already.
    func route(_ program: Program, else route: BuilderRequest.Route) -> BuilderRequest.Route {
        self == .docker ? route : .plugin(program.path)
    }
}
