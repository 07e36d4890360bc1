internal import Formats
internal import Host
internal import Notes

/// Where docker finds the buildx plugin.
enum BuildxPlugin {
    /// The directories of every machine, after the user's own.
    ///
    /// Source: docker/cli cli-plugins/manager/manager_unix.go, defaultSystemPluginDirs.
    static let systemDirectories: [ByteString] = [
        "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
    ]

    /// The directories that docker looks through, in its order.
    ///
    /// Source: docker/cli cli-plugins/manager/manager.go, getPluginDirs.
    static func directories(_ configuration: DockerConfiguration, system: [ByteString]) -> [ByteString] {
        let own = configuration.directory.appending(path: "cli-plugins")
        return configuration.extraPluginDirectories.filter { !$0.isEmpty } + [own] + system
    }

    /// The plugin that docker will run. The first thing of that name decides, whatever it is: docker looks no further when it
    /// turns out to be broken. `ourselves`, standing in as a plugin, hands on to the next one.
    ///
    /// Source: docker/cli cli-plugins/manager/manager.go, addPluginCandidatesFromDir, getPlugin and PluginRunCommand. They
    /// differ over directories that cannot be listed, dangling links (skipped since 28.5) and things that are no files: all
    /// of those are doubts here.
    static func find(in directories: [ByteString], ourselves: FileStatus?) throws(Doubt) -> ByteString {
        for directory in directories {
            let path = directory.appending(path: "docker-buildx").cleanedPath
            do throws(Errno) {
                let status = try Files.status(path)
                if let ourselves, status.isSameFile(as: ourselves) { continue }
                guard status.kind == .regular, Files.allows(.execute, path), Files.allows(.read, directory) else {
                    throw Errno.accessDenied
                }
                return path
            } catch .noSuchFile {
                guard !isLink(path) else { throw Doubt(.buildxBroken, path) }
            } catch {
                throw Doubt(.buildxBroken, path)
            }
        }
        throw Doubt(.buildxMissing)
    }

    private static func isLink(_ path: ByteString) -> Bool {
        (try? Files.status(path, followLinks: false))?.kind == .symbolicLink
    }
}
