import DockerCommandLine
import Formats
import Notes
import PathMap
import Planning
import TestSupport
import Testing

@testable import Host
@testable import Shim

@Suite("How this process sees paths")
struct PathViewTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("Links are followed and missing components kept; loops and files used as directories are not resolved")
    func resolving() throws {
        try folder.write("ws/a/file", "")
        for (name, target): (ByteString, ByteString) in [
            ("in", "ws/a"), ("ws/up", "../ws/new/deep"), ("dangling", folder["ws/none"]), ("loop", "loop2"),
            ("loop2", "loop"), ("ws/odd", "in/../x"), ("twice", "in"),
        ] {
            try Files.makeLink(folder[name], to: target)
        }
        for (path, expected): (ByteString, ByteString?) in [
            ("ws/a", "ws/a"), ("in/file", "ws/a/file"), ("in/new/file", "ws/a/new/file"), ("twice", "ws/a"),
            ("ws/up", "ws/new/deep"), ("dangling/x", "ws/none/x"), ("loop", nil), ("loop/x", nil), ("ws/odd", nil),
            ("ws/a/file/x", nil), ("none", "none"),
        ] {
            #expect(PathView.resolved(folder[path]) == expected.map { folder[$0] }, "\(path)")
        }
        #expect(PathView.resolved("/") == "/")
    }

    @Test("A given table is used with links in its own paths resolved, and no engine is asked")
    func given() throws {
        try folder.makeFolder("real/sub")
        try Files.makeLink(folder["link"], to: "real")
        var loaded = LoadedSettings()
        #expect(loaded.settings.apply(lines: "path.map = " + folder["link"] + "=/srv/w", from: "/f").isEmpty)
        loaded.settings.packageCache = .off
        let docker = Program(path: "/nonexistent/docker", isScript: false)
        for (given, expected): (ByteString, ByteString) in [
            (folder["link"] + "/sub", "/srv/w/sub"), (folder["real/sub"], "/srv/w/sub"),
            (folder["other"], folder["other"]),
            ("/srv/w/sub", "/srv/w/sub"),
        ] {
            let words: [ByteString] = ["docker", "run", "-v", given + ":/x", "image"]
            let plan = Decision(CommandRequest(words, docker, loaded, for: .acting)).plan
            #expect(plan.arguments[3] == expected + ":/x")
            #expect(plan.isChanged == (given != expected))
        }
        // How docker would resolve this relative path is unknown.
        let plan = Decision(CommandRequest(["docker", "run", "-v", ".:/x", "i"], docker, loaded, for: .acting)).plan
        #expect(plan.notes.map(\.reason) == [.packageCacheOff, .relativePathInDoubt])
        let volume: [ByteString] = ["docker", "volume", "create", "-o", "device=" + folder["link"], "-o", "o=bind"]
        let made = Decision(CommandRequest(volume, docker, loaded, for: .showing))
        #expect(made.plan.arguments[4] == "device=/srv/w" && made.command == "volume")
        let other = Decision(CommandRequest(["docker", "volume", "create", "v"], docker, loaded, for: .showing))
        #expect(other.plan.notes == [Note(.notEdited)] && other.command == nil)
    }

    @Test("What slipway paths reports about a path")
    func answers() throws {
        let table = PathTable([PathTable.Row(from: folder.path, to: "/srv", origin: .environment)])
        let lookup = PathLookup(table)
        #expect(lookup.answer(for: folder["x"]).becomes == "/srv/x")
        #expect(lookup.answer(for: "/nonexistent").note?.reason == .pathOutside)
        #expect(lookup.answer(for: "/srv/y").note?.reason == .pathTranslatedAlready)
        let json = try #require(JSON(lookup.json(for: [folder["x"], "/nonexistent"]).text))
        #expect(json.members?.map(\.name) == ["rows", "paths", "notes"])
        #expect(json[key: "rows"]?.array?.first?[key: "origin"] == .string("environment"))
        #expect(json[key: "paths"]?.array?.first?.members?.map(\.name) == ["path", "becomes", "origin", "note"])
        #expect(lookup.text(for: []) == folder.path + " -> /srv  (SLIPWAY_PATH_MAP)\n")
        #expect(PathLookup(nil, [Note(.engineElsewhere)]).answer(for: "/x").note?.reason == .engineElsewhere)
    }
}
