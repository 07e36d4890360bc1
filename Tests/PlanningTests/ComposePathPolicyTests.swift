import Formats
import Notes
import PathMap
import Planning
import Testing

@Suite("Paths in compose projects")
struct ComposePathPolicyTests {
    private static let automatic = PathTable([
        .init(from: "/w", to: "/srv/w", origin: .mounts), .init(from: "/w/a/vendor", to: "/srv/v", origin: .mounts),
        .init(from: "/same", to: "/same", origin: .mounts),
    ])
    private static let given = PathTable([.init(from: "/w", to: "/srv/w", origin: .settings)])

    /// The services' volumes, or the whole file; "-" for no file.
    private static func override(
        _ text: ByteString, _ table: PathTable = automatic, resolved: [ByteString: ByteString] = [:]
    ) throws -> (text: ByteString, codes: [Reason]) {
        let project = try #require(JSON(text))
        let sources = ComposePathPolicy.sources(in: project).map {
            ComposePathPolicy.Source(path: $0, resolved: resolved[$0] == "" ? nil : resolved[$0] ?? $0)
        }
        let (text, notes) = ComposePathPolicy.override(for: project, table: table, sources: sources)
        return (text ?? "-", notes.map(\.reason))
    }

    private static func service(_ volumes: ByteString, _ more: ByteString = "") -> ByteString {
        "{\"services\":{\"web\":{" + more + "\"volumes\":[" + volumes + "]}}}"
    }

    @Test("An entry is complete and differs only in its source; entries that do not change are left out")
    func entries() throws {
        let project = Self.service(
            """
            {"type":"bind","source":"/w/b","target":"/x","read_only":true,"bind":{"create_host_path":true}},\
            {"type":"bind","source":"/same/b","target":"/y","bind":{}},\
            {"type":"volume","source":"named","target":"/n","volume":{}},{"type":"bind","source":"/else","target":"/z"}
            """)
        let (text, codes) = try Self.override(project)
        #expect(
            text == Self.service(
                """
                {"type":"bind","source":"/srv/w/b","target":"/x","read_only":true,"bind":{"create_host_path":true}}
                """) + "\n")
        #expect(codes == [.pathsTranslated, .pathOutside])
    }

    @Test("Nested mounts are added, unless the service mounts something there", arguments: [true, false])
    func nested(_ isTaken: Bool) throws {
        let bind: ByteString = #"{"type":"bind","source":"/w/a","target":"/x","bind":{}}"#
        let more: ByteString = isTaken ? #""tmpfs":["/x/vendor:size=1m"],"# : ""
        let (text, _) = try Self.override(Self.service(bind, more))
        let whole: ByteString = #"{"type":"bind","source":"/srv/w/a","target":"/x","bind":{}}"#
        let below: ByteString = #",{"type":"bind","source":"/srv/v","target":"/x/vendor","bind":{}}"#
        #expect(text == Self.service(isTaken ? whole : whole + below) + "\n")
        // A table from the operator is not a list of mounts.
        #expect(try Self.override(Self.service(bind), Self.given).text == Self.service(whole) + "\n")
    }

    @Test("A dollar sign is doubled, as compose requires, and links are followed on this side")
    func dollars() throws {
        let project = Self.service(#"{"type":"bind","source":"/w/a$$$$b","target":"/x"}"#)
        #expect(ComposePathPolicy.sources(in: try #require(JSON(project))) == ["/w/a$$b"])
        #expect(
            try Self.override(project).text == Self.service(#"{"type":"bind","source":"/srv/w/a$$$$b","target":"/x"}"#)
                + "\n")
        #expect(
            try Self.override(project, resolved: ["/w/a$$b": "/w/$c"]).text
                == Self.service(#"{"type":"bind","source":"/srv/w/$$c","target":"/x"}"#) + "\n")
        #expect(try Self.override(project, resolved: ["/w/a$$b": ""]).codes == [.pathUnresolved])
        let below = try Self.override(Self.service(#"{"type":"bind","source":"/w/a","target":"/x$$y"}"#)).text
        #expect(below.range(of: #""target":"/x$$y/vendor""#) != nil)
    }

    @Test("Files of secrets and configs, except those that a build reads")
    func files() throws {
        let project: ByteString = """
            {"services":{"web":{"build":{"context":"/w","secrets":[{"source":"built"}]}}},\
            "secrets":{"s":{"name":"p_s","file":"/w/s"},"built":{"file":"/w/t"},"e":{"environment":"E"}},\
            "configs":{"c":{"name":"p_c","file":"/w/c"},"d":{"content":"x"}}}
            """
        let (text, codes) = try Self.override(project)
        let expected: ByteString = #"{"secrets":{"s":{"file":"/srv/w/s"}},"configs":{"c":{"file":"/srv/w/c"}}}"#
        #expect(text == expected + "\n")
        #expect(codes == [.pathsTranslated, .secretReadByBuild, .pathsTranslated])
    }

    @Test(
        "There is no file if nothing changes",
        arguments: [
            #"{}"#, #"{"services":{}}"#,
            #"{"services":{"a":{"volumes":[{"type":"bind","source":"/same","target":"/x"}]}}}"#,
            #"{"services":{"a":{"volumes":[{"type":"bind","source":"/srv/w","target":"/x"}]}}}"#,
            #"{"services":{"a":{"volumes":[7,{"type":"bind"},{"type":"bind","source":"rel"}]}}}"#,
            #"{"services":[],"secrets":7,"configs":{"c":null}}"#,
        ] as [ByteString])
    func unchanged(_ project: ByteString) throws {
        #expect(try Self.override(project).text == "-")
    }
}
