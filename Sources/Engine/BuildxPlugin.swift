public import Formats
public import Host
internal import Notes

/// Where docker finds the buildx plugin.
public enum BuildxPlugin {
    /// The directories on every machine, after the user's own.
    ///
    /// Source: docker/cli cli-plugins/manager/manager_unix.go, defaultSystemPluginDirs.
    static let systemDirectories: [ByteString] = [
        "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
    ]

    /// The plugin after this program, which runs in its place; nil if there is none. Docker warns about a configuration
    /// that it cannot read, and continues without it.
    public static func next(
        for request: EngineRequest, _ environment: DockerEnvironment, system: BuildTarget.SystemFiles = .standard,
        refuses: (Program) -> Bool
    ) -> Program? {
        guard let directory = try? DockerConfiguration.directory(for: request, environment) else {
            return next(in: system.pluginDirectories, refuses: refuses)
        }
        let configuration =
            (try? DockerConfiguration.read(in: directory)) ?? DockerConfiguration(directory: directory)
        return next(in: directories(configuration, system: system.pluginDirectories), refuses: refuses)
    }

    /// Whether docker and compose find Slipway first as the plugin.
    public static func isSlipway(
        for request: EngineRequest, _ environment: DockerEnvironment, system: BuildTarget.SystemFiles = .standard
    ) throws(EngineError) -> Bool {
        for directory in try directories(for: request, environment, system) {
            let path = directory.appending(path: "docker-buildx")
            if !Files.isMissing(path) { return ProgramSearch.isShim(path) }
        }
        return false
    }

    /// The compose plugin that docker runs.
    public static func compose(
        for request: EngineRequest, _ environment: DockerEnvironment, system: BuildTarget.SystemFiles = .standard
    ) throws(EngineError) -> ByteString {
        do throws(EngineError) {
            return try find("docker-compose", in: directories(for: request, environment, system))
        } catch {
            throw EngineError(.notEdited)
        }
    }

    private static func directories(
        for request: EngineRequest, _ environment: DockerEnvironment, _ system: BuildTarget.SystemFiles
    ) throws(EngineError) -> [ByteString] {
        let directory = try DockerConfiguration.directory(for: request, environment)
        return directories(try DockerConfiguration.read(in: directory), system: system.pluginDirectories)
    }

    /// The directories that docker searches, in its order.
    ///
    /// Source: docker/cli cli-plugins/manager/manager.go, getPluginDirs.
    public static func directories(_ configuration: DockerConfiguration, system: [ByteString]) -> [ByteString] {
        let own = configuration.directory.appending(path: "cli-plugins")
        return configuration.extraPluginDirectories.filter { !$0.isEmpty } + [own] + system
    }

    /// The plugin that docker will run. The first entry with that name decides, whatever it is: docker does not search
    /// further if it turns out to be broken. If Slipway is installed as a plugin, it passes on to the next one.
    ///
    /// Source: docker/cli cli-plugins/manager/manager.go, addPluginCandidatesFromDir, getPlugin and PluginRunCommand.
    /// They treat directories that cannot be listed, dangling links (skipped since 28.5) and entries that are not files
    /// differently: here all of those are doubts.
    static func find(
        _ name: ByteString = "docker-buildx", in directories: [ByteString]
    ) throws(EngineError) -> ByteString {
        for directory in directories {
            let path = directory.appending(path: name).cleanedPath
            do throws(Errno) {
                let status = try Files.status(path)
                guard status.kind == .regular, Files.allows(.execute, path), Files.allows(.read, directory) else {
                    throw Errno.accessDenied
                }
                if ProgramSearch.isShim(path) { continue }
                return path
            } catch .noSuchFile {
                guard !isLink(path) else { throw EngineError(.buildxBroken, path) }
            } catch {
                throw EngineError(.buildxBroken, path)
            }
        }
        throw EngineError(.buildxMissing)
    }

    /// The plugin after this program, for a command that docker or compose passed to it. As above, but it skips an
    /// entry that cannot run, and what `refuses` rejects, to find a program to pass on to if there is any.
    static func next(in directories: [ByteString], refuses: (Program) -> Bool) -> Program? {
        for directory in directories {
            let path = directory.appending(path: "docker-buildx").cleanedPath
            // The configuration may name a relative directory, which docker searches, too.
            guard let program = ProgramSearch.plugin(path), !refuses(program) else { continue }
            return program
        }
        return nil
    }

    private static func isLink(_ path: ByteString) -> Bool {
        (try? Files.status(path, followLinks: false))?.kind == .symbolicLink
    }
}
