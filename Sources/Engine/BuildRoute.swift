internal import Formats
internal import Notes

/// Whether docker passes a build to buildx.
enum BuildRoute {
    /// Throws the reason if docker does not pass this build to buildx, or would fail before that.
    ///
    /// Source: docker/cli cmd/docker/builder.go, processBuilder; for docker before 23 cmd/docker/docker.go,
    /// processAliases.
    static func check(
        _ route: BuilderRequest.Route, buildKit: ByteString?, alias: ByteString?, docker: Version
    ) throws(EngineError) {
        let forwards = docker.major >= 23
        var isDisabled = false
        if let buildKit, forwards {
            // Docker reads the variable before it looks at the command: even `docker buildx build` fails here.
            guard let isEnabled = Bool(goText: buildKit) else { throw EngineError(.buildKitVariableInvalid, buildKit) }
            isDisabled = !isEnabled
        }
        if route == .dockerBake, docker < Version(28, 1) { throw EngineError(.notEdited) }
        guard route == .dockerBuild else { return }
        if isDisabled { throw EngineError(.legacyBuilder, "DOCKER_BUILDKIT") }
        if let alias {
            guard alias == "buildx" else { throw EngineError(.builderAliasUnknown, alias) }
        } else if !forwards {
            throw EngineError(.dockerTooOld)
        }
    }
}
