internal import Formats
internal import Host

/// The simplest fix on this very machine, if it differs from the table's.
struct Remedy {
    private let context: ProcessContext

    init(_ context: ProcessContext) { self.context = context }

    /// The finding with the command that fits this machine.
    func fit(_ finding: Finding) -> Finding {
        var fix: ByteString?
        switch finding.check {
        case .buildxMissing: fix = linkOfBuildx ?? install(.buildx)
        case .buildxTooOld: fix = install(.buildx)
        case .dockerMissing: fix = install(.docker)
        case .remoteClientMissing, .remoteClientTooOld: fix = install(.oras)
        default: break
        }
        var words = fix ?? finding.fix
        // In containers root often has no sudo.
        if context.user == 0, words.hasPrefix("sudo "), context.find("sudo") == nil { words = words.dropFirst(5) }
        return words == finding.fix ? finding : Finding(finding.check, finding.detail, fix: words)
    }

    /// A plugin that exists, but where docker does not search for it.
    private var linkOfBuildx: ByteString? {
        guard let home = context.variable("HOME") else { return nil }
        let configuration = context.variable("DOCKER_CONFIG") ?? home.appending(path: ".docker")
        let folders =
            [home.appending(path: ".docker/cli-plugins")]
            + ["/usr/local", "/usr"].flatMap { (prefix: ByteString) in
                ["lib", "libexec"].map { (folder: ByteString) in prefix + "/" + folder + "/docker/cli-plugins" }
            }
        let plugins = folders + context.path
        let there = plugins.map { $0.appending(path: "docker-buildx") }.first {
            ProcessContext.isProgram($0) && !ProgramSearch.isShim($0)
        }
        guard let there else { return nil }
        let folder = configuration.appending(path: "cli-plugins")
        return "mkdir -p " + folder.shellQuoted + " && ln -s " + there.shellQuoted + " " + folder.shellQuoted + "/"
    }

    /// The command with which a distribution installs a missing program; nil if it has no package for it.
    private struct Packages {
        let program: ByteString
        /// A file of those that use docker's own packages, which exclude the distribution's.
        let dockerRepository: ByteString?
        let command: ByteString
        let docker: ByteString
        let buildx: ByteString
        let oras: ByteString?
    }

    /// Debian (since 13), Alpine, Fedora, openSUSE and Arch.
    private static let known = [
        Packages(
            program: "apt-get", dockerRepository: "/var/lib/dpkg/info/docker-ce-cli.list", command: "apt-get install",
            docker: "docker-cli", buildx: "docker-buildx", oras: "oras"),
        Packages(
            program: "apk", dockerRepository: nil, command: "apk add", docker: "docker-cli",
            buildx: "docker-cli-buildx",
            oras: "oras-cli"),
        Packages(
            program: "dnf", dockerRepository: "/etc/yum.repos.d/docker-ce.repo", command: "dnf install",
            docker: "docker-cli", buildx: "docker-buildx", oras: "golang-oras"),
        Packages(
            program: "zypper", dockerRepository: nil, command: "zypper install", docker: "docker",
            buildx: "docker-buildx", oras: nil),
        // oras is built by users there.
        Packages(
            program: "pacman", dockerRepository: nil, command: "pacman -S", docker: "docker", buildx: "docker-buildx",
            oras: nil),
    ]

    private enum Missing { case docker, buildx, oras }

    private func install(_ missing: Missing) -> ByteString? {
        guard let packages = Self.known.first(where: { context.find($0.program) != nil }) else { return nil }
        let isDockers = packages.dockerRepository.map { !Files.isMissing(context.root + $0) } ?? false
        let (docker, buildx) =
            isDockers ? ("docker-ce-cli", "docker-buildx-plugin") : (packages.docker, packages.buildx)
        let names: ByteString
        switch missing {
        case .docker: names = docker + " " + buildx
        case .buildx: names = buildx
        case .oras:
            guard let oras = packages.oras else { return nil }
            names = oras
        }
        return "sudo " + packages.command + " " + names
    }
}
