public import Formats

/// The progress of a running build, from buildx with `--progress rawjson`: watched for a step that is executed.
public struct SolveProgress: Sendable {
    /// The first step that was started without being cached: "RUN", "COPY"; for other frontends and for downloads,
    /// its first word.
    public private(set) var executed: ByteString?
    /// The digests of the steps that came from the cache. When BuildKit fetches such a step's layer, it reports the step
    /// as begun once more, and not as cached (worker/base/worker.go, FromRemote; util/progress/controller).
    private var cached: Set<ByteString> = []

    /// Steps that start without being cached but execute nothing of the Dockerfile: reading its files, resolving
    /// images, and the export.
    private static let executingNothing: [ByteString] = [
        "[internal] ", "exporting ", "preparing ", "importing ", "resolve image config ", "docker-image://", "merging ",
        "writing ", "sending ", "http://", "https://", "git://", "local://",
    ]

    /// The state before the first line.
    public init() {}

    /// Adds a line; returns whether it tells of a step that has begun or ended. A line that is not JSON is a warning of
    /// some program.
    @discardableResult
    public mutating func add(_ line: ByteString) -> Bool {
        guard line.hasPrefix("{"), let vertices = JSON(line)?[key: "vertexes"]?.array else { return false }
        for vertex in vertices {
            if let digest = vertex[key: "digest"]?.string {
                if vertex[key: "cached"]?.bool == true { cached.insert(digest) }
                if cached.contains(digest) { continue }
            }
            executed = executed ?? Self.step(executedBy: vertex)
        }
        return vertices.contains { $0[key: "started"]?.string != nil }
    }

    private static func step(executedBy vertex: JSON) -> ByteString? {
        guard let name = vertex[key: "name"]?.string, vertex[key: "started"]?.string != nil,
            !executingNothing.contains(where: name.hasPrefix)
        else { return nil }
        let step = BuildOutcome.Step(name)
        return step?.keyword == "FROM" ? nil : step?.keyword ?? name.cut(at: " ")?.before ?? name
    }
}
