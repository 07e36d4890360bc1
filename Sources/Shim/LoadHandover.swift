internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The setting `builder.load = shim`: a build on a shared builder becomes `slipway build`, which stays until the end.
enum LoadHandover {
    /// Returns where docker itself loads.
    static func become(_ request: CommandRequest, _ plan: Plan) {
        guard request.settings.builder.load == .shim, request.role == .docker, plan.has(.sharedBuilderChosen),
            case .build(_) = request.invocation, let slipway = AdminProgram.path()
        else { return }
        _ = Execution.become(slipway, arguments: .words(["slipway", "docker-build"] + plan.arguments))
    }
}
