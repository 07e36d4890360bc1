internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Planning

/// The program that this one replaces.
public enum Role: Equatable, Sendable {
    /// docker.
    case docker
    /// buildx, called by docker.
    case plugin
    /// buildx, called directly, as compose does.
    case buildx

    /// If this variable is set, buildx assumes that docker started it (docker/cli cli-plugins/plugin/plugin.go,
    /// RunningStandalone).
    static let calledByDocker: StaticString = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"

    /// Whether docker started this process as a plugin.
    static var isCalledByDocker: Bool { Kernel.variable(calledByDocker)?.isEmpty == false }

    /// This process's role.
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

    /// Slipway can edit only command lines with one of these words; all others are passed on unread. For buildx those
    /// include calls for metadata, hooks and completion.
    private static let commands = Kernel.StaticWords(
        "bake build buildx builder compose image run create container volume")
    private static let builds = Kernel.StaticWords("build b bake f")

    /// Whether this process's command line may be edited.
    var mayEdit: Bool { Kernel.commandLineHolds(anyOf: self == .docker ? Self.commands : Self.builds) }

    /// The program behind this one; exits if there is none.
    func realProgramOrExit() -> Program {
        switch self {
        case .docker:
            if let docker = RealDocker.find() { return docker }
            Kernel.printError("slipway: no docker found on PATH or in the usual directories, except Slipway itself\n")
        case .plugin, .buildx:
            // `docker --config` determines where plugins are found.
            var request = EngineRequest()
            if self == .plugin, let scan = try? Scan(Kernel.arguments, from: 1, table: .docker) {
                request = EngineRequest(GlobalOptions(scan))
            }
            if let plugin = RealDocker.plugin(for: request) { return plugin }
            Kernel.printError("slipway: no docker-buildx found among docker's plugins, except Slipway itself\n")
        }
        Kernel.exit(127)
    }

    /// How buildx is started; if this process is the plugin, docker has already decided that.
    func route(_ program: Program, else route: BuilderRequest.Route) -> BuilderRequest.Route {
        self == .docker ? route : .plugin(program.path)
    }
}
