internal import Formats
internal import Host

/// Who owns HOME, and docker's files in it.
struct HomeFacts {
    /// HOME's value; nil if it is not set.
    var home: ByteString?
    /// Its owner; nil if it is not a directory.
    var owner: UInt32?
    var user: UInt32 = 0
    /// Docker's configuration files and directories that belong to another user; only the outermost ones.
    var foreign: [(path: ByteString, owner: UInt32)] = []

    func findings() -> [Finding] {
        guard let home, let owner else { return [Finding(.homeMissing, home ?? "HOME is not set")] }
        guard owner == user else {
            return [Finding(.homeOfSomebodyElse, home + " is owned by user " + ByteString(decimal: owner))]
        }
        guard let first = foreign.first else { return [Finding(.homeInOrder, home)] }
        let paths = foreign.map { $0.path + " of user " + ByteString(decimal: $0.owner) }
        return [Finding(.dockerFilesOfSomebodyElse, .listing(paths), path: first.path)]
    }

    /// Examines HOME, docker's directory and buildx's, with their content. Files of any user are fine for root.
    static func gather(_ context: ProcessContext) -> HomeFacts {
        var facts = HomeFacts(home: context.variable("HOME"), user: context.user)
        guard let home = facts.home, home.hasPrefix("/"), let status = try? Files.status(home),
            status.kind == .directory
        else { return facts }
        facts.owner = status.owner
        guard context.user != 0 else { return facts }
        let docker = context.variable("DOCKER_CONFIG") ?? home.appending(path: ".docker")
        let buildx = context.variable("BUILDX_CONFIG") ?? docker.appending(path: "buildx")
        let inside = ((try? Files.names(in: buildx, limit: 1000)) ?? []).sorted().map { buildx.appending(path: $0) }
        for path in [docker, buildx] + inside
        where !facts.foreign.contains(where: { path.relative(to: $0.path) != nil }) {
            guard let owner = try? Files.status(path).owner, owner != context.user else { continue }
            facts.foreign.append((path, owner))
        }
        return facts
    }
}
