internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The setting `builder.load = shim`: the shim becomes `slipway build` for a build on a shared builder. That process stays
/// until the build ends.
enum LoadHandover {
    /// Returns if docker itself is to load the image.
    static func become(_ request: CommandRequest, _ plan: Plan) {
        guard request.settings.builder.load == .shim, request.role == .docker, plan.has(.sharedBuilderChosen),
            case .build(_) = request.invocation, let slipway = AdminProgram.path()
        else { return }
        _ = Execution.become(slipway, arguments: .words(["slipway", "docker-build"] + plan.arguments))
    }
}
