import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

@Suite("Docker's configuration") struct DockerConfigurationTests {
    @Test(
        "--config, then DOCKER_CONFIG, then HOME",
        arguments: [
            ("/flag", "/variable", "/home/u", "/flag"), ("", "/variable", "/home/u", "/variable"),
            (nil, "/variable", nil, "/variable"), (nil, "", "/home/u", "/home/u/.docker"),
            (nil, nil, "/home/u/", "/home/u/.docker"), ("/a/../b/", nil, nil, "/b"), ("relative", nil, nil, "relative"),
            (nil, nil, nil, nil), (nil, "", "", nil),
        ] as [(ByteString?, ByteString?, ByteString?, ByteString?)])
    func directory(flag: ByteString?, variable: ByteString?, home: ByteString?, expected: ByteString?) {
        let request = EngineRequest(configDirectory: flag)
        let environment = DockerEnvironment(configDirectory: variable, home: home)
        let found = Result { () throws(EngineError) in try DockerConfiguration.directory(for: request, environment) }
        if let expected {
            #expect(found == .success(expected))
        } else {
            #expect(found.reason == .dockerConfigUnreadable)
        }
    }

    @Test("The fields that decide where a build goes") func fields() {
        let text: ByteString = #"""
            {"auths": {"r.example": {"auth": "eA=="}}, "CURRENTCONTEXT": "remote", "aliases": {"builder": "buildx"},
             "cliPluginsExtraDirs": ["/a", ""], "experimental": true}
            """#
        let expected = DockerConfiguration(
            directory: "/c", currentContext: "remote", builderAlias: "buildx", extraPluginDirectories: ["/a", ""])
        #expect(DockerConfiguration(directory: "/c", text: text) == expected)
    }

    @Test(
        "Missing fields are not set",
        arguments: [
            "", " \n", "{}", #"{"currentContext":"","aliases":null,"cliPluginsExtraDirs":null}"#,
            #"{"aliases":{"Builder":"x"},"currentContext":null}"#,
        ] as [ByteString])
    func empty(text: ByteString) {
        #expect(DockerConfiguration(directory: "/c", text: text) == DockerConfiguration(directory: "/c"))
    }

    @Test(
        "Malformed",
        arguments: [
            "{", "[]", "null", "{} x", #"{"currentContext":3}"#, #"{"aliases":[]}"#, #"{"aliases":{"builder":null}}"#,
            #"{"cliPluginsExtraDirs":"/a"}"#, #"{"cliPluginsExtraDirs":["/a",1]}"#, "\u{FEFF}{}",
            #"{"currentContext":"a"#,
        ] as [ByteString])
    func malformed(text: ByteString) throws {
        #expect(DockerConfiguration(directory: "/c", text: text) == nil)
        let folder = try TemporaryFolder()
        let path = try folder.write("config.json", text)
        let found = Result { () throws(EngineError) in try DockerConfiguration.read(in: folder.path) }
        #expect(found == .failure(EngineError(.dockerConfigUnreadable, path)))
    }

    @Test("A missing file and a missing directory are an empty configuration") func missing() throws {
        let folder = try TemporaryFolder()
        #expect(try DockerConfiguration.read(in: folder.path) == DockerConfiguration(directory: folder.path))
        #expect(try DockerConfiguration.read(in: folder["none"]) == DockerConfiguration(directory: folder["none"]))
    }

    @Test("Anything but a readable file is a doubt, and never hangs", arguments: OddFile.allCases)
    func odd(file: OddFile) throws {
        let folder = try TemporaryFolder()
        try file.put(at: "c/config.json", in: folder)
        let found = Result { () throws(EngineError) in try DockerConfiguration.read(in: folder["c"]) }
        #expect(found.reason == .dockerConfigUnreadable)
    }
}

extension Result where Failure == EngineError {
    /// Why it failed.
    var reason: Reason? { if case .failure(let doubt) = self { doubt.note.reason } else { nil } }
}
