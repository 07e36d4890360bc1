public import Formats

/// The progress of a running build, from buildx with `--progress rawjson`: watched for a step that is executed.
public struct SolveProgress: Sendable {
    /// The first step that was started without being cached: "RUN", "COPY"; for other frontends and for downloads,
    /// its first word.
    public private(set) var executed: ByteString?

    /// Steps that start without being cached but execute nothing of the Dockerfile: reading its files, resolving
    /// images, and the export.
    private static let executingNothing: [ByteString] = [
        "[internal] ", "exporting ", "preparing ", "importing ", "resolve image config ", "docker-image://", "merging ",
        "writing ", "sending ", "http://", "https://", "git://", "local://",
    ]

    /// The state before the first line.
    public init() {}

    /// Adds a line. A line that is not JSON is a warning of some program.
    public mutating func add(_ line: ByteString) {
        guard executed == nil, line.hasPrefix("{") else { return }
        for vertex in JSON(line)?[key: "vertexes"]?.array ?? [] {
            guard let name = vertex[key: "name"]?.string, vertex[key: "started"]?.string != nil,
                vertex[key: "cached"]?.bool != true, !Self.executingNothing.contains(where: name.hasPrefix)
            else { continue }
            let step = BuildOutcome.Step(name)
            if step?.keyword == "FROM" { continue }
            executed = step?.keyword ?? name.cut(at: " ")?.before ?? name
            return
        }
    }
}
