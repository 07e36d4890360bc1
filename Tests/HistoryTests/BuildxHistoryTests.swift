import Formats
import TestSupport
import Testing

@testable import History

@Suite("Which of buildx's builds a record belongs to")
struct BuildxHistoryTests {
    private static func reference(
        _ id: ByteString, at seconds: Int64, target: ByteString = "default", context: ByteString = "/app",
        dockerfile: ByteString = ""
    ) -> BuildxHistory.Reference {
        .init(
            builder: "b", id: id, began: seconds * 1_000_000_000, context: context, dockerfile: dockerfile,
            target: target)
    }

    private static func found(
        _ target: ByteString?, _ references: [BuildxHistory.Reference], dockerfile: ByteString? = "/app/Dockerfile"
    ) -> ByteString? {
        BuildxHistory.reference(
            since: 10_000_000_000, context: "/app", dockerfile: dockerfile, target: target, among: references)?.id
    }

    @Test("The first one since then, of the same context")
    func time() {
        let others = [Self.reference("before", at: 9), Self.reference("elsewhere", at: 11, context: "/other")]
        #expect(Self.found(nil, others) == nil)
        #expect(Self.found(nil, others + [Self.reference("one", at: 12), Self.reference("two", at: 13)]) == "one")
    }

    @Test("Two that began almost at the same time cannot be distinguished")
    func doubt() {
        #expect(Self.found(nil, [Self.reference("one", at: 12), Self.reference("two", at: 12)]) == nil)
    }

    // As buildx 0.29 records them.
    @Test("Builds of one context with different Dockerfiles, the first of which was slow to begin")
    func dockerfiles() {
        let noted = [
            Self.reference("a", at: 12, dockerfile: "/app/a/Dockerfile"),
            Self.reference("b", at: 13, dockerfile: "/app/b/Dockerfile"), Self.reference("own", at: 14),
            Self.reference("piped", at: 15, dockerfile: "-"),
        ]
        #expect(Self.found(nil, noted, dockerfile: "/app/b/Dockerfile") == "b")
        #expect(Self.found(nil, noted, dockerfile: "/app/Dockerfile") == "own")
        #expect(Self.found(nil, Array(noted.dropFirst(3)), dockerfile: nil) == "piped")
        #expect(Self.found(nil, Array(noted.prefix(2)), dockerfile: nil) == nil)
        #expect(Self.found(nil, noted, dockerfile: "/app/c/Dockerfile") == nil)
        // compose and bake have names instead; an inline Dockerfile has no file.
        #expect(
            Self.found("web", [Self.reference("web", at: 12, target: "web", dockerfile: "/x")], dockerfile: nil)
                == "web")
    }

    @Test("bake's targets share a context, and have names")
    func targets() {
        let bake = [Self.reference("w", at: 12, target: "web"), Self.reference("d", at: 12, target: "db")]
        #expect(Self.found("web", bake) == "w" && Self.found("db", bake) == "d")
        #expect(Self.found(nil, bake) == nil && Self.found("cache", bake) == nil)
        #expect(Self.found(nil, bake + [Self.reference("alone", at: 12)]) == "alone")
        // A version of buildx that records no names.
        #expect(Self.found("web", [Self.reference("old", at: 12, target: "")]) == "old")
    }

    @Test("buildx's notes are read, except torn and foreign ones")
    func noted() throws {
        let folder = try TemporaryFolder()
        let text: ByteString = #"{"Target":"my.web","LocalPath":"/app","DockerfilePath":"/app/D","GroupRef":"g"}"#
        try folder.write("refs/default/default/one", text)
        try folder.write("refs/default/default/torn", text.dropLast(1))
        try folder.write("refs/default/default/.hidden", text)
        try folder.write("refs/__group__/g", #"{"Targets":["default"],"Refs":["one"]}"#)
        try folder.write("refs/version", "2")
        let history = BuildxHistory(
            .init(docker: "/docker", command: ["docker", "buildx"], environment: [], configuration: folder.path))
        let references = history.references()
        #expect(references.map(\.id) == ["one"])
        #expect(references.map(\.target) == ["my_web"] && references.map(\.context) == ["/app"])
        #expect(references.map(\.dockerfile) == ["/app/D"])
    }
}
