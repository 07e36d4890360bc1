import Formats
import Host
import TestSupport
import Testing

@testable import Warm

@Suite("An archive for docker cp")
struct TarArchiveTests {
    @Test("tar can unpack it: parent directories, long names, contents of any length")
    func unpacks() throws {
        let folder = try TemporaryFolder()
        let long = ByteString("deep/").repeated(40) + "name"
        let contents: [(ByteString, ByteString)] = [
            ("empty", ""), ("a/b", "text\n"), (long, ByteString("x").repeated(513)),
            ("a/-c d", ByteString("y").repeated(512)),
        ]
        var archive = TarArchive()
        for (path, content) in contents { archive.add(file: path, content) }
        archive.add(folder: "alone")
        try folder.write("archive.tar", archive.data)
        try folder.makeFolder("out")
        let words: [ByteString] = ["tar", "-x", "-f", folder["archive.tar"], "-C", folder["out"]]
        let answer = try Execution.ask(
            "/bin/tar", arguments: words, nanoseconds: 10_000_000_000, limit: 1000)
        #expect(answer.exitCode == 0)
        for (path, content) in contents { #expect(try folder.read("out/" + path) == content) }
        #expect(try Files.status(folder["out/alone"]).kind == .directory)
        #expect(try Files.status(folder["out/a"]).mode & 0o777 == 0o755)
    }
}
