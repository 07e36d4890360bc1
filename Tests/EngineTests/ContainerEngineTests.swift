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

    private func resolve(_ request: EngineRequest? = nil) -> Result<ContainerEngine, EngineError> {
        Result { () throws(EngineError) in
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
                "GET /volumes?filters=%7B%22label%22%3A%5B%22app%3Dslipway%22%5D%7D HTTP/1.1",
                "GET /volumes?filters=%7B%22label%22%3A%5B%22a%3Db%22%2C%22c%22%5D%2C%22dangling%22%3A%5B%22true%22%5D%7D"
                    + " HTTP/1.1",
            ])
    }

    @Test(
        "Removing: the engine's answers for done, in use and gone",
        arguments: [("204 No Content", true), ("409 Conflict", false), ("404 Not Found", false)]
            as [(ByteString, Bool)])
    func remove(_ status: ByteString, _ expected: Bool) throws {
        let server = try TestServer(at: folder["s"], answer(status, "", ""))
        #expect(try resolve().get().removeVolume("a/../b c") == expected)
        #expect(server.received.first?.hasPrefix("DELETE /volumes/a%2F..%2Fb%20c HTTP/1.1\r\n") == true)
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
        #expect(Result { () throws(EngineError) in try engine.volumes(labelled: []) }.reason == .engineAnswerUnreadable)
        #expect(refusing.received.count == 1)
        let nobody = try resolve(EngineRequest(hosts: ["unix://" + folder["none"]])).get()
        #expect(Result { () throws(EngineError) in try nobody.volumes(labelled: []) }.reason == .engineSilent)
        #expect(Result { () throws(EngineError) in try nobody.removeVolume("x") }.reason == .engineSilent)
        let remote = try resolve(EngineRequest(hosts: ["ssh://host"])).get()
        #expect(Result { () throws(EngineError) in try remote.volumes(labelled: []) }.reason == .endpointNotAsked)
    }

    private static func info(_ system: ByteString, _ more: ByteString) -> ByteString {
        #"{"OSType":""# + system + #"""# + more + "}"
    }

    @Test("What an engine can limit; what it does not mention, it cannot")
    func limits() throws {
        let all: ByteString =
            #","NCPU":8,"MemoryLimit":true,"SwapLimit":true,"PidsLimit":true,"CpuCfsQuota":true,"CpuCfsPeriod":true"#
        let none: ByteString = #","NCPU":2,"CpuCfsQuota":true,"MemoryLimit":false"#
        for (index, (body, expected)) in [
            (Self.info("linux", all), [true, true, true, true]),
            (Self.info("linux", none), [false, false, false, false]),
        ].enumerated() {
            let path = folder[ByteString("l\(index)")]
            let server = try TestServer(at: path, answer("200 OK", "", body))
            let limits = try resolve(EngineRequest(hosts: ["unix://" + path])).get().limits()
            #expect([limits.memory, limits.swap, limits.pids, limits.quota] == expected)
            #expect(limits.processors == (index == 0 ? 8 : 2))
            #expect(server.received.first?.hasPrefix("GET /info HTTP/1.1\r\n") == true)
        }
    }

    @Test(
        "An engine that does not answer, or whose containers are not Linux",
        arguments: [
            (info("windows", ",\"NCPU\":2"), .engineNotLinux), (info("linux", ""), .engineAnswerUnreadable),
            (info("linux", ",\"NCPU\":-1"), .engineAnswerUnreadable), ("{}", .engineAnswerUnreadable),
            ("not JSON", .engineAnswerUnreadable),
        ] as [(ByteString, Reason)])
    func noLimits(_ body: ByteString, _ reason: Reason) throws {
        let server = try TestServer(at: folder["s"], answer("200 OK", "", body))
        let engine = try resolve().get()
        #expect(Result { () throws(EngineError) in try engine.limits() }.reason == reason)
        #expect(server.received.count == 1)
    }

    @Test("Podman under docker's name is left alone: the volumes would be another engine's")
    func podman() throws {
        try folder.write(script: "echo podman version 4.9.3", to: "bin/docker")
        #expect(resolve().reason == .dockerIsPodman)
        try folder.write(script: "exit 1", to: "bin/docker")
        #expect(resolve().reason == .dockerVersionUnknown)
    }
}
