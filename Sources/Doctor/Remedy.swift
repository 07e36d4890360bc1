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
        case .buildxMissing: fix = linkOfBuildx ?? install(\.buildx)
        case .buildxTooOld: fix = install(\.buildx)
        case .dockerMissing: fix = install(\.docker)
        case .remoteClientMissing, .remoteClientTooOld: fix = install(\.oras)
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
        let command: ByteString
        let docker: ByteString?
        let buildx: ByteString?
        let oras: ByteString?
    }

    private static let known = [
        Packages(
            program: "apt-get", command: "apt-get install", docker: "docker-cli docker-buildx", buildx: "docker-buildx",
            oras: "oras"),
        Packages(
            program: "apk", command: "apk add", docker: "docker-cli docker-cli-buildx", buildx: "docker-cli-buildx",
            oras: "oras-cli"),
        Packages(
            program: "dnf", command: "dnf install", docker: "docker-cli docker-buildx", buildx: "docker-buildx",
            oras: nil),
        Packages(
            program: "zypper", command: "zypper install", docker: "docker docker-buildx", buildx: "docker-buildx",
            oras: nil),
        Packages(
            program: "pacman", command: "pacman -S", docker: "docker docker-buildx", buildx: "docker-buildx",
            oras: "oras"),
    ]

    private func install(_ what: KeyPath<Packages, ByteString?>) -> ByteString? {
        guard let packages = Self.known.first(where: { context.find($0.program) != nil }),
            let names = packages[keyPath: what]
        else { return nil }
        return "sudo " + packages.command + " " + names
    }
}
