public import Formats
public import Host

/// What install.sh wrote down beside the shim: the docker that it stands in for, for callers without PATH.
public enum DockerRecord: Equatable, Sendable {
    /// There is none.
    case missing
    /// A docker that can be run.
    case docker(Program)
    /// Nothing that can be run stands there any more, or a shim.
    case gone(ByteString)
    /// Somebody else could have put it there: the record, or the docker that it names.
    case notTrusted(ByteString)

    private static let largest = 8192

    /// The record that belongs to a program of ours, docker or slipway, by its path without links.
    public static func path(for program: ByteString) -> ByteString? {
        let above = program.parentPath.parentPath
        if program.hasSuffix("/lib/slipway/shims/docker") { return above.appending(path: "real-docker") }
        if program.hasSuffix("/bin/slipway") { return above.appending(path: "lib/slipway/real-docker") }
        return nil
    }

    /// Reads a record. Whose file it is and whose docker it names is looked at before either is believed.
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
