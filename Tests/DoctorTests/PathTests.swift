import Formats
import Host
import Notes
import PathMap
import Planning
import TestSupport
import Testing

@testable import Doctor
@testable import Shim

@Suite("The engine's paths")
struct PathTests {
    private func lookup(_ rows: (ByteString, ByteString)...) -> PathLookup {
        PathLookup(PathTable(rows.map { PathTable.Row(from: $0.0, to: $0.1, origin: .mounts) }))
    }

    @Test("Seen under the same path, under another, or not at all")
    func judging() throws {
        let folder = try TemporaryFolder()
        #expect(lookup((folder.path, folder.path)).findings(folder.path) == [Finding(.pathsAlike, folder.path)])
        let other = lookup((folder.path, "/srv/w s")).findings(folder["a"])
        #expect(other.map(\.detail) == [folder["a"] + " is /srv/w s/a"])
        #expect(other.map(\.fix) == ["docker run --volume '/srv/w s/a:/srv/w s/a' ..."])
        #expect(other.checks == [.pathsDiffer])
        #expect(lookup(("/nonexistent", "/x")).findings(folder.path).checks == [.pathNotSeen])
        #expect(lookup(("/nonexistent", "/x")).findings(nil).isEmpty)
    }

    @Test("Nothing is reported outside of containers, and something if there is no proof")
    func noTable() {
        #expect(PathLookup(nil).findings("/").isEmpty)
        #expect(PathLookup(nil, [Note(.engineElsewhere)]).findings("/").isEmpty)
        #expect(PathLookup(nil, [Note(.containerNotProved)]).findings("/").checks == [.containerNotProved])
    }
}
