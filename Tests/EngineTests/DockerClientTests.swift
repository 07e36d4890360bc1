import Formats
import Host
import TestSupport
import Testing

@testable import Engine

@Suite("docker's command line")
struct DockerClientTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A docker that does what a script says.
    private func client(_ script: ByteString) throws -> DockerClient {
        let path = folder["docker"]
        try Files.replace(path, with: "#!/bin/sh\n" + script + "\n", mode: 0o700)
        return DockerClient(path: path, environment: ["PATH=/usr/bin:/bin"])
    }

    @Test("Docker's own options stand before the words of each call")
    func globals() throws {
        var client = try client("echo \"$@\"")
        client.globals = ["--context", "other"]
        #expect(try client.call(DockerCall(["image", "ls"], .question)).output == "--context other image ls\n")
    }

    @Test("A transfer in which nothing is heard is given up, and one that has begun is not")
    func transfer() throws {
        var silent = try client("exec sleep 60")
        silent.firstLine = 300_000_000
        let began = Clock.monotonic
        var code: DockerClientError.Code?
        do throws(DockerClientError) {
            _ = try silent.call(DockerCall(["image", "pull", "a"], .transfer))
        } catch {
            code = error.code
        }
        #expect(code == .registrySilent && Clock.monotonic - began < 10_000_000_000)
        var slow = try client("echo Pulling; sleep 1; echo done")
        slow.firstLine = 300_000_000
        #expect(try slow.call(DockerCall(["image", "pull", "a"], .transfer)).output == "Pulling\ndone\n")
    }
}
