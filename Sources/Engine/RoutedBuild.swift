public import Formats
internal import Host
internal import Notes

/// A build's way as docker's files and the environment determine it, before an engine is asked.
public struct RoutedBuild: Sendable {
    /// The plugin file that docker will run.
    let plugin: ByteString
    /// The plugin's version; nil if it reports none.
    public let buildx: Version?
    /// The context that the command runs in.
    let context: DockerContext
    /// The builder that was created with buildx and that will build; nil for the engine's own.
    let instance: BuilderInstance?
    /// The builders that the command could name.
    let store: BuilderStore
    let hostTable: ByteString

    /// The name of the command's context, which is also that of its engine's own builder.
    public var contextName: ByteString { context.name }

    /// The name of the builder that was created with buildx and that will build; nil for the engine's own.
    public var builder: ByteString? { instance?.name }

    /// Determines it, as `BuildTarget.resolve` does.
    public static func resolve(
        _ request: BuilderRequest, environment: DockerEnvironment, docker: ByteString, versions: inout BinaryVersions,
        system: BuildTarget.SystemFiles = .standard, until deadline: Deadline = .never
    ) throws(EngineError) -> RoutedBuild {
        let plugin: ByteString
        let directory = try DockerConfiguration.directory(for: request.engine, environment)
        let configuration = try DockerConfiguration.read(in: directory, until: deadline)
        let alias = configuration.builderAlias
        if case .plugin(let next) = request.route {
            plugin = next
        } else {
            let program = try dockerVersion(versions.docker(at: docker), docker)
            try BuildRoute.check(request.route, buildKit: environment.buildKit, alias: alias, docker: program)
            let directories = BuildxPlugin.directories(configuration, system: system.pluginDirectories)
            plugin = try BuildxPlugin.find(in: directories)
        }
        let context = try DockerContext.resolve(request.engine, environment, configuration, until: deadline)
        guard case .plugin(let buildx) = versions.buildx(at: plugin) else {
            throw EngineError(.buildxBroken, plugin)
        }
        let choice = BuilderChoice(request, environment, alias: alias, context: context.name)
        let store = BuilderStore(environment, configuration, until: deadline)
        return RoutedBuild(
            plugin: plugin, buildx: buildx, context: context, instance: try store.instance(choice, in: context),
            store: store, hostTable: system.hostTable)
    }

    /// What is known about a builder that the command names.
    func facts(of instance: BuilderInstance) -> BuilderFacts {
        BuilderFacts(
            name: instance.name, driver: instance.driver, context: context.name, plugin: plugin, buildx: buildx,
            engine: nil, obstacleToExport: nil)
    }

    private static func dockerVersion(_ program: DockerProgram, _ path: ByteString) throws(EngineError) -> Version {
        switch program {
        case .docker(let version): return version
        case .podman: throw EngineError(.dockerIsPodman)
        case .unknown: throw EngineError(.dockerVersionUnknown, path)
        }
    }
}

extension BuilderStore {
    /// The instance for a choice; nil for the context's own builder.
    ///
    /// Source: docker/buildx store/storeutil/storeutil.go, GetNodeGroup and GetCurrentInstance; builder/builder.go,
    /// Validate, which refuses the builder of a context other than the current one.
    fileprivate func instance(
        _ choice: BuilderChoice, in context: DockerContext
    ) throws(EngineError) -> BuilderInstance? {
        var name = context.name
        switch choice {
        case .named(let chosen): name = chosen
        case .current:
            if let instance = try current(key: context.builderKey) { return instance }
        }
        if let instance = try instance(named: name) { return instance }
        guard name == context.name else { throw EngineError(.builderUnknown, name) }
        return nil
    }
}
