public import Formats
public import Host

/// The path of the docker that the shim replaces, recorded by install.sh beside the shim: for callers without PATH.
public enum DockerRecord: Equatable, Sendable {
    /// There is no record.
    case missing
    /// A docker that can be executed.
    case docker(Program)
    /// The path no longer leads to an executable, or it leads to a shim.
    case gone(ByteString)
    /// Another user could have written the record, or replaced the docker that it names.
    case notTrusted(ByteString)

    private static let largest = 8192

    /// The record of an installed `docker` or `slipway`, whose path must be free of links.
    public static func path(for program: ByteString) -> ByteString? {
        let above = program.parentPath.parentPath
        if program.hasSuffix("/lib/slipway/shims/docker") { return above.appending(path: "real-docker") }
        if program.hasSuffix("/bin/slipway") { return above.appending(path: "lib/slipway/real-docker") }
        return nil
    }

    /// Reads a record. Before it uses the record, it checks who owns the file and who can replace the docker that it
    /// names.
    public static func read(_ path: ByteString?) -> DockerRecord {
        guard let path, !Files.isMissing(path) else { return .missing }
        guard Files.isOursAlone(path), let text = try? Files.read(path, limit: largest, followLinks: false) else {
            return .notTrusted(path)
        }
        guard let docker = text.split("\n").first(where: { $0.hasPrefix("/") }) else { return .gone(path) }
        guard let program = ProgramSearch.named(docker, withoutMarker: ProgramSearch.marker) else {
            return .gone(docker)
        }
        return Files.isOursAlone(docker) ? .docker(program) : .notTrusted(docker)
    }
}
