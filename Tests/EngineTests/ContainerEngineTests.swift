import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

@Suite("The engine that a container will run on")
struct ContainerEngineTests {
    let folder: TemporaryFolder
    let docker: ByteString

    init() throws {
        folder = try TemporaryFolder()
        docker = try folder.write(script: "echo Docker version 28.5.2, build 1", to: "bin/docker")
    }

    private func resolve(_ request: EngineRequest? = nil) -> Result<ContainerEngine, Doubt> {
        Result { () throws(Doubt) in
            var versions = BinaryVersions(file: nil)
            return try ContainerEngine.resolve(
                request ?? EngineRequest(hosts: ["unix://" + folder["s"]]),
                environment: DockerEnvironment(home: folder["home"]), docker: docker, versions: &versions)
        }
    }

    private func answer(_ status: ByteString, _ headers: ByteString, _ body: ByteString) -> TestServer.Step {
        .send(
            "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + ByteString(decimal: body.count) + "\r\n\r\n"
                + body)
    }

    @Test("Volumes by their labels, and the API's version")
    func volumes() throws {
        let server = try TestServer(at: folder["s"], answer("200 OK", "Api-Version: 1.51\r\n", #"{"Volumes":[]}"#))
        let engine = try resolve().get()
        let volumes = try engine.volumes(labelled: ["app=slipway"])
        #expect(volumes == .init(json: #"{"Volumes":[]}"#, apiVersion: Version(1, 51)))
        _ = try engine.volumes(labelled: ["a=b", "c"], isDangling: true)
        #expect(
            server.received.map { $0.split("\r")[0] } == [
                "GET /volumes?filters=%7b%22label%22%3a%5b%22app%3dslipway%22%5d%7d HTTP/1.1",
                "GET /volumes?filters=%7b%22label%22%3a%5b%22a%3db%22%2c%22c%22%5d%2c%22dangling%22%3a%5b%22true%22%5d%7d"
                    + " HTTP/1.1",
            ])
    }

    @Test(
        "Removing: the engine's word for done, in use and gone",
        arguments: [("204 No Content", true), ("409 Conflict", false), ("404 Not Found", false)]
            as [(ByteString, Bool)])
    func remove(_ status: ByteString, _ expected: Bool) throws {
        let server = try TestServer(at: folder["s"], answer(status, "", ""))
        #expect(try resolve().get().removeVolume("a/../b c") == expected)
        #expect(server.received.first?.hasPrefix("DELETE /volumes/a%2f..%2fb%20c HTTP/1.1\r\n") == true)
    }

    @Test("An engine without a version, a refusal, a silent socket")
    func doubts() throws {
        do {
            let server = try TestServer(at: folder["s"], answer("200 OK", "Api-Version: new\r\n", "x"))
            #expect(try resolve().get().volumes(labelled: []) == .init(json: "x", apiVersion: nil))
            #expect(server.received.count == 1)
        }
        let refusing = try TestServer(at: folder["t"], answer("500 Internal Server Error", "", ""))
        let engine = try resolve(EngineRequest(hosts: ["unix://" + folder["t"]])).get()
        #expect(Result { () throws(Doubt) in try engine.volumes(labelled: []) }.reason == .engineAnswerUnreadable)
        #expect(refusing.received.count == 1)
        let nobody = try resolve(EngineRequest(hosts: ["unix://" + folder["none"]])).get()
        #expect(Result { () throws(Doubt) in try nobody.volumes(labelled: []) }.reason == .engineSilent)
        #expect(Result { () throws(Doubt) in try nobody.removeVolume("x") }.reason == .engineSilent)
        let remote = try resolve(EngineRequest(hosts: ["ssh://host"])).get()
        #expect(Result { () throws(Doubt) in try remote.volumes(labelled: []) }.reason == .endpointNotAsked)
    }

    @Test("Podman under docker's name is left alone: the volumes would be another engine's")
    func podman() throws {
        try folder.write(script: "echo podman version 4.9.3", to: "bin/docker")
        #expect(resolve().reason == .dockerIsPodman)
        try folder.write(script: "exit 1", to: "bin/docker")
        #expect(resolve().reason == .dockerVersionUnknown)
    }
}
