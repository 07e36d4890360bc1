import Engine
import Formats
import Planning
import TestSupport
import Testing

@testable import Warm

@Suite("Files for the builder")
struct BuilderInputsTests {
    @Test("Requirement files are sent with those that they include")
    func requirements() throws {
        let folder = try TemporaryFolder()
        try folder.write("r.txt", "-r sub/base.txt\n--constraint=c.txt # pins\n-c https://example.invalid/x\nsix\n")
        try folder.write("sub/base.txt", "-r ../r.txt\nidna\n")
        try folder.write("c.txt", "six==1.16.0\n")
        var request = WarmRequest(image: "i")
        request.requirements = ["r.txt"]
        let data = try BuilderInputs(for: request, from: folder.path).archive.data
        let tree = "slipway-warm/pip/tree" + folder.path
        for text in ["six==1.16.0\n", "idna\n", "/" + tree + "/r.txt\n"] as [ByteString] {
            #expect(data.range(of: text) != nil)
        }
    }

    @Test("What a requirement file includes")
    func included() {
        #expect(
            BuilderInputs.included(
                in: "-ra.txt\n -c b.txt\n--requirement c.txt\n-e .\n--hash=x\n-r http://h/d.txt\nrich\n")
                == ["a.txt", "b.txt", "c.txt"])
    }

    @Test("A file by its full path, or a missing one, is refused")
    func refused() throws {
        let folder = try TemporaryFolder()
        try folder.write("r.txt", "-r /etc/passwd\n")
        try folder.write("s.txt", "-r missing.txt\n")
        for name in ["r.txt", "s.txt"] as [ByteString] {
            var request = WarmRequest(image: "i")
            request.requirements = [name]
            let failure = #expect(throws: DockerClientError.self) {
                _ = try BuilderInputs(for: request, from: folder.path).archive
            }
            #expect(failure?.code == .badRequest)
        }
    }

    @Test("npm gets a package.json, the user's or the lock file's, and one for each directory of a workspace")
    func npm() throws {
        let lock: ByteString = """
            {"lockfileVersion":3,"packages":{"":{"name":"p","workspaces":["w/*"]},"w/a":{"name":"a"},
            "node_modules/x":{"version":"1.0.0"},"../out":{"name":"o"},"w/a/node_modules/y":{}}}
            """
        let made = try NpmLock.manifests(of: lock, at: "/l", beside: nil)
        #expect(made.map(\.path) == ["package.json", "w/a/package.json"])
        #expect(made.first?.content == #"{"name":"p","workspaces":["w/*"]}"#)
        #expect(try NpmLock.manifests(of: lock, at: "/l", beside: "{}").first?.content == "{}")
        for bad in ["no JSON", "[]", #"{"lockfileVersion":1,"dependencies":{}}"#] as [ByteString] {
            #expect(throws: DockerClientError.self) { try NpmLock.manifests(of: bad, at: "/l", beside: nil) }
        }
    }
}
