import Engine
import Formats
import Foundation
import Testing

@testable import Warm

@Suite("docs/package-caches.md")
struct DocumentTests {
    @Test("It has every code, so every code keeps its meaning")
    func codes() throws {
        let file = URL(fileURLWithPath: #filePath).appending(path: "../../../docs/package-caches.md")
        let text = ByteString(try Data(contentsOf: file.standardizedFileURL))
        let rows = DockerClientError.Code.meanings.map { "| `" + $0.code.name + "` | " + ByteString($0.meaning) + " |" }
        let table = text.split("\n").drop { $0 != "| code | meaning |" }.dropFirst(2).prefix { $0.hasPrefix("|") }
        #expect(Array(table) == rows)
    }

    @Test("Exit codes")
    func exitCodes() {
        #expect(DockerClientError(.badRequest, "").exitCode == 2 && DockerClientError(.toolFailed, "").exitCode == 1)
        #expect(
            DockerClientError.interrupted(by: 2).exitCode == 130
                && DockerClientError.interrupted(by: 15).exitCode == 143)
    }
}
