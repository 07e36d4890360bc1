import Formats
import PathMap
import TestSupport
import Testing

@Suite("Translating paths")
struct PathTableTests {
    private static let table = PathTable(
        [
            row("/ws", "/srv/ws"), row("/ws/node_modules", "/var/lib/v/_data"), row("/same", "/same"),
            row("/home/u", "/vol/home"), row("/real/l", "/srv/l"), row("/one.txt", "/srv/files/1"),
        ], holes: ["/ws/tmp"])

    private static func row(_ from: ByteString, _ to: ByteString) -> PathTable.Row {
        PathTable.Row(from: from, to: to, origin: .mounts)
    }

    private static func text(_ outcome: PathTable.Outcome) -> ByteString {
        switch outcome {
        case .mapped(let path, _): path
        case .already: "already"
        case .hidden(let place): "hidden by " + place
        case .outside: "outside"
        }
    }

    @Test(
        "The longest row, on path boundaries",
        arguments: [
            ("/ws", "/srv/ws"), ("/ws/a/b", "/srv/ws/a/b"), ("/ws/node_modules", "/var/lib/v/_data"),
            ("/ws/node_modules/x", "/var/lib/v/_data/x"), ("/ws/node_modules2", "/srv/ws/node_modules2"),
            ("/wsx", "outside"), ("/", "outside"), ("/w", "outside"), ("/same/x", "/same/x"),
            ("/srv/ws", "already"), ("/srv/ws/x", "already"), ("/srv/wsx", "outside"), ("/srv", "outside"),
            ("/ws/tmp", "hidden by /ws/tmp"), ("/ws/tmp/x", "hidden by /ws/tmp"), ("/ws/tmpx", "/srv/ws/tmpx"),
            ("/one.txt", "/srv/files/1"), ("/real/l/x", "/srv/l/x"),
        ] as [(ByteString, ByteString)])
    func outcomes(_ path: ByteString, _ expected: ByteString) {
        #expect(Self.text(Self.table.outcome(of: path, resolved: path)) == expected)
    }

    @Test("A table in which each path, or what it leads to, is the engine's own path translates nothing")
    func translating() {
        let same = Self.row("/same", "/same")
        let linked = PathTable.Row(from: "/same", to: "/same", origin: .mounts, resolved: "/real")
        #expect(!PathTable([]).isTranslating && !PathTable([same, same]).isTranslating)
        for other in [Self.row("/ws", "/srv/ws"), linked] { #expect(PathTable([same, other]).isTranslating) }
    }

    @Test("What is mounted at a row's own place hides nothing")
    func ownPlace() {
        let table = PathTable([Self.row("/ws", "/srv/ws")], holes: ["/ws"])
        #expect(Self.text(table.outcome(of: "/ws/a", resolved: "/ws/a")) == "/srv/ws/a")
    }

    @Test("The target of a link counts, not its own place")
    func links() {
        #expect(Self.text(Self.table.outcome(of: "/ws/link", resolved: "/etc")) == "outside")
        #expect(Self.text(Self.table.outcome(of: "/l", resolved: "/ws/a")) == "/srv/ws/a")
        #expect(Self.text(Self.table.outcome(of: "/ws/link", resolved: "/srv/ws/x")) == "already")
    }

    @Test("A row that leads to the root, and one from it")
    func roots() {
        let table = PathTable([Self.row("/host", "/x"), Self.row("/", "/y")])
        #expect(Self.text(table.outcome(of: "/", resolved: "/")) == "/y")
        #expect(Self.text(table.outcome(of: "/a/b", resolved: "/a/b")) == "/y/a/b")
        #expect(Self.text(table.outcome(of: "/host/a", resolved: "/host/a")) == "/x/a")
        // The engine's whole file system is visible at /host: every path might be the engine's already.
        let whole = PathTable([Self.row("/host", "/")])
        #expect(Self.text(whole.outcome(of: "/host/a", resolved: "/host/a")) == "already")
    }

    @Test("What is mounted below a directory, the outermost first")
    func below() {
        let table = PathTable([
            Self.row("/ws/b/c", "/3"), Self.row("/ws", "/1"), Self.row("/ws/b", "/2"), Self.row("/wsx", "/4"),
        ])
        #expect(table.rows(below: "/ws").map(\.rest) == ["b", "b/c"])
        #expect(table.rows(below: "/ws/b").map(\.row.to) == ["/3"])
        #expect(table.rows(below: "/").map(\.rest) == ["ws", "ws/b", "ws/b/c", "wsx"])
        #expect(table.rows(below: "/ws/b/c").isEmpty)
    }

    @Test(
        "Tables written by operators",
        arguments: [
            ("/a=/b", [("/a", "/b")]), ("/a/=/b//c/.", [("/a", "/b/c")]), ("/a=b=/c", [("/a=b", "/c")]),
            ("\"/a,b=/c \"\"d\"\"\",/e=/f", [("/a,b", "/c \"d\""), ("/e", "/f")]), ("", nil), ("/a", nil),
            ("a=/b", nil), ("/a=b", nil), ("/a=/b,", nil), ("/a=/b, /c=/d", nil), ("\"/a=/b", nil),
        ] as [(ByteString, [(ByteString, ByteString)]?)])
    func parsing(_ text: ByteString, _ expected: [(ByteString, ByteString)]?) {
        let pairs = PathTable.parse(text)
        #expect(pairs?.map(\.from) == expected?.map(\.0))
        #expect(pairs?.map(\.to) == expected?.map(\.1))
    }

    @Test("WORKSPACE_DIR counts if it has a path, and after the map")
    func workspace() throws {
        let map = try #require(PathTable.parse("/w=/1"))
        let both = PathTable.given(map: map, .settings, workspace: "/w", workspaceDirectory: "/2")
        #expect(both?.rows.map(\.to) == ["/1", "/2"])
        #expect(both.map { Self.text($0.outcome(of: "/w/x", resolved: "/w/x")) } == "/1/x")
        #expect(PathTable.given(map: [], .settings, workspace: nil, workspaceDirectory: "/2") == nil)
        #expect(PathTable.given(map: [], .settings, workspace: "/w", workspaceDirectory: nil) == nil)
        #expect(PathTable.given(map: [], .settings, workspace: "/w", workspaceDirectory: "2") == nil)
        #expect(PathTable.given(map: [], .settings, workspace: "/w", workspaceDirectory: "/2")?.isAutomatic == false)
    }

    @Test(
        "For every table: the longest row wins, and a translated path stays", arguments: 0..<200 as Range<UInt64>)
    func properties(_ seed: UInt64) {
        var random = Repeatable(seed: seed)
        func path(_ depth: ClosedRange<Int>) -> ByteString {
            let names: [ByteString] = ["a", "b", "ab", "a b", ByteString([0xFF])]
            return (0..<Int.random(in: depth, using: &random)).reduce("") { path, _ in
                path + "/" + (names.randomElement(using: &random) ?? "a")
            }
        }
        let rows = (0..<4).map { _ in Self.row(path(1...3), (Bool.random(using: &random) ? "/there" : "") + path(1...3))
        }
        let table = PathTable(rows)
        for _ in 0..<50 {
            let given = path(1...5)
            let above = rows.filter { given.relative(to: $0.from) != nil }
            switch table.outcome(of: given, resolved: given) {
            case .mapped(let other, let row):
                #expect(above.allSatisfy { $0.from.count <= row.from.count })
                #expect(other.relative(to: row.to) == given.relative(to: row.from))
                switch table.outcome(of: other, resolved: other) {
                case .already: break
                case .mapped(let again, _): #expect(again == other && other == given)
                default: Issue.record("\(given) -> \(other) -> nothing")
                }
            case .outside: #expect(above.isEmpty)
            case .already(let row): #expect(given.relative(to: row.to) != nil)
            case .hidden: Issue.record("there are no holes")
            }
        }
    }
}
