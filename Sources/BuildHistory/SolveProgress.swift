public import Formats

/// What buildx tells of a build that is under way, with `--progress rawjson`: watched for a step that is executed.
public struct SolveProgress: Sendable {
    /// The first step that was begun and was not in the cache: "RUN", "COPY"; of other frontends, and of what is fetched, its first word.
    public private(set) var executed: ByteString?

    /// What begins without being cached, and executes nothing of the Dockerfile's: reading its files, looking up images, and the export.
    private static let executingNothing: [ByteString] = [
        "[internal] ", "exporting ", "preparing ", "importing ", "resolve image config ", "docker-image://", "merging ",
        "writing ", "sending ", "http://", "https://", "git://", "local://",
    ]

    /// Nothing yet.
    public init() {}

    /// Takes in a line. What is no JSON is somebody's warning.
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
