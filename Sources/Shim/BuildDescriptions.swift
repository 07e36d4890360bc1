public import BuildCache
public import DockerCommandLine
internal import Engine
public import Formats
internal import Host

extension BuildDescription {
    /// From a command line, completed by what docker itself takes from the environment.
    public init(_ build: BuildInvocation, in directory: ByteString) {
        self.init(
            context: Self.context(build.context ?? "."), dockerfile: build.file, target: build.target,
            platforms: Self.platforms(build.platforms), imageNames: build.tags,
            arguments: Self.arguments(build.buildArguments) + build.buildContexts, workingDirectory: directory)
        hasNoCacheFilter = build.hasNoCacheFilter
    }

    /// From one target of a definition. Its Dockerfile is relative to the context (docker/buildx bake/bake.go,
    /// toBuildOpt); an inline one is identified by the target's name.
    init(_ target: BakeTarget, in directory: ByteString) {
        let context = Self.context(target.context)
        var dockerfile = target.dockerfile
        if target.isInline {
            dockerfile = "-"
        } else if case .directory(let path) = context, let file = dockerfile, !file.hasPrefix("/"),
            file.range(of: "://") == nil
        {
            dockerfile = path.appending(path: file)
        }
        self.init(
            context: context, dockerfile: dockerfile, inlineName: target.isInline ? target.name : nil,
            target: target.target, platforms: Self.platforms(target.platforms),
            imageNames: target.tags, arguments: Self.arguments(target.arguments) + target.buildContexts,
            workingDirectory: directory)
        hasNoCacheFilter = target.hasNoCacheFilter
    }

    private static func platforms(_ given: [ByteString]) -> [ByteString] {
        var platforms = given
        if platforms.isEmpty, let standard = Kernel.variable("DOCKER_DEFAULT_PLATFORM"), !standard.isEmpty {
            platforms = [standard]
        }
        return platforms.flatMap { $0.split(",") }.map(\.trimmed)
    }

    /// A bare name takes its value from the environment (docker/buildx util/buildflags); for BuildKit there is no
    /// difference.
    private static func arguments(_ given: [ByteString]) -> [ByteString] {
        given.map { argument in
            argument.contains("=") ? argument : argument + "=" + (Kernel.variable(named: argument) ?? "")
        }
    }
}
