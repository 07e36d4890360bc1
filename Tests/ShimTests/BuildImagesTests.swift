import BuildCache
import DockerfileLint
import Formats
import TestSupport
import Testing

@testable import Shim

@Suite("The images that a build uses")
struct BuildImagesTests {
    @Test("Of a build: its own Dockerfile and named contexts, and nothing that is not a file here")
    func build() throws {
        let folder = try TemporaryFolder()
        try folder.write("Dockerfile", "FROM base\nCOPY --from=files x y\nCOPY --from=other:latest x y")
        try folder.write("else", "FROM $WHICH")
        var build = BuildDescription(context: .directory(folder.path), workingDirectory: folder.path)
        func names(_ contexts: ByteString...) throws -> [ByteString] {
            try NamedImages(of: build, contexts: contexts, until: .never).names
        }
        #expect(try names() == ["base", "files", "other:latest"])
        #expect(try names("Files=./x", "base=docker-image://real:2", "other:latest=x") == ["real:2"])
        build.dockerfile = folder["else"]
        build.arguments = ["WHICH=one"]
        #expect(try names() == ["one"])
        for odd in ["-", "https://example.com/Dockerfile", folder["missing"], folder.path] as [ByteString] {
            build.dockerfile = odd
            #expect(throws: NamedImages.Unclear.self) { try names() }
        }
        build.dockerfile = nil
        #expect(throws: NamedImages.Unclear.self) {
            try folder.write("Dockerfile", ByteString("\n").repeated(200) + "FROM a")
            _ = try NamedImages(of: build, contexts: [], until: Deadline { true })
        }
        build.context = .remote("https://example.com/a.git")
        #expect(throws: NamedImages.Unclear.self) { try names() }
        build.context = .standardInput
        #expect(throws: NamedImages.Unclear.self) { try names() }
    }
}
