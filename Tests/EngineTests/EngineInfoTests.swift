import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

/// An engine's answer to `GET /info`, abridged.
func infoText(
    system: ByteString = "linux", version: ByteString = "28.5.2+dfsg4", snapshotter: Bool = true
) -> ByteString {
    let status: ByteString = #"["driver-type","io.containerd.snapshotter.v1"]"#
    return #"{"ID":"4f0c","Containers":0,"Driver":"overlayfs","DriverStatus":["#
        + (snapshotter ? status : #"["a","b"]"#)
        + #"],"OSType":""# + system + #"","Architecture":"x86_64","ServerVersion":""# + version + #""}"#
}

@Suite("An engine's answer to /info") struct EngineInfoTests {
    @Test("A complete answer") func fields() throws {
        let info = try #require(EngineInfo(infoText()))
        #expect(info.identifier == "4f0c")
        #expect(info.operatingSystem == "linux")
        #expect(info.architecture == "amd64")
        #expect(info.version == Version(28, 5))
        #expect(info.usesContainerdStore)
    }

    @Test(
        "Not an engine's answer",
        arguments: [
            "", "{}", "null", "OK", #"{"OSType":"linux"}"#, #"{"OSType":"","ServerVersion":"28.0"}"#,
            #"{"OSType":"linux","ServerVersion":28}"#, #"{"OSType":"linux","ServerVersion":"28.0","DriverStatus":"x"}"#,
            #"{"OSType":"linux","ServerVersion":"28.0","ID":1}"#,
            #"{"OSType":"linux","ServerVersion":"28.0","Architecture":[]}"#,
            #"{"OSType":"linux","ServerVersion":"28.0""#,
        ] as [ByteString])
    func malformed(text: ByteString) { #expect(EngineInfo(text) == nil) }

    @Test(
        "The store must be named in full",
        arguments: [
            #"null"#, "[]", #"[["driver-type"]]"#, #"[["driver-type","io.containerd.snapshotter.v1","x"]]"#,
            #"[["Driver-Type","io.containerd.snapshotter.v1"]]"#, #"["driver-type","io.containerd.snapshotter.v1"]"#,
            "[1]",
        ] as [ByteString])
    func store(status: ByteString) throws {
        let text = #"{"OSType":"linux","ServerVersion":"28.0","DriverStatus":"# + status + "}"
        #expect(try #require(EngineInfo(text)).usesContainerdStore == false)
    }

    @Test(
        "Requirements of export",
        arguments: [
            ("28.5.2", true, Version(0, 29), nil), ("24.0.0", true, Version(0, 9), nil),
            ("28.5.2", false, Version(0, 29), .engineCannotExport), ("23.0.6", true, Version(0, 29), .engineTooOld),
            ("dev", true, Version(0, 29), .engineTooOld), ("28.5.2", true, Version(0, 8), .buildxTooOld),
            ("28.5.2", true, nil, .buildxTooOld),
        ] as [(ByteString, Bool, Version?, Reason?)])
    func export(version: ByteString, snapshotter: Bool, buildx: Version?, reason: Reason?) throws {
        let info = try #require(EngineInfo(infoText(version: version, snapshotter: snapshotter)))
        #expect(info.obstacleToExport(buildx: buildx)?.reason == reason)
    }
}

@Suite("Asking an engine") struct EngineConnectionTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func ask(
        _ endpoint: Endpoint, hosts: ByteString = "/etc/hosts", within nanoseconds: Int64 = 30_000_000_000
    ) -> Result<ByteString, EngineError> {
        Result { () throws(EngineError) in
            ByteString(
                try EngineConnection.get("/info", from: endpoint, hostTable: hosts, within: nanoseconds).body)
        }
    }

    @Test("Over a unix socket") func unix() throws {
        let server = try TestServer(at: folder["s"], .answer("{}"))
        #expect(ask(.unix(folder["s"])) == .success("{}"))
        #expect(server.received == ["GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"])
    }

    @Test("Over TCP, by address and by the hosts file") func tcp() throws {
        let server = try TestServer(.answer("{}"))
        #expect(ask(.tcp(host: "127.0.0.1", port: server.port)) == .success("{}"))
        // The first address refuses, the second is not an address, the third answers.
        let table = try folder.write("hosts", "127.0.0.2 dind\nnonsense dind\n127.0.0.1 dind\n")
        #expect(ask(.tcp(host: "dind", port: server.port), hosts: table) == .success("{}"))
        #expect(ask(.tcp(host: "other", port: server.port), hosts: table).reason == .endpointNotAsked)
        #expect(ask(.tcp(host: "dind", port: server.port), hosts: folder["none"]).reason == .endpointNotAsked)
    }

    @Test("An answer in pieces, with pauses") func pieces() throws {
        let server = try TestServer(
            at: folder["s"], .send("HTTP/1.1 200 O"), .pause(milliseconds: 20),
            .send("K\r\nTransfer-Encoding: chunked\r\n\r"),
            .pause(milliseconds: 20), .send("\n2\r\n{}\r\n0\r\n"), .pause(milliseconds: 20), .send("\r\n"))
        #expect(ask(.unix(folder["s"])) == .success("{}"))
        #expect(server.received.count == 1)
    }

    @Test(
        "Connections that are not attempted",
        arguments: [
            .ssh, .tls, .namedPipe, .fileDescriptor, .nameService, .other,
        ] as [Endpoint.Way])
    func notAsked(way: Endpoint.Way) {
        #expect(ask(.notAsked(way)) == .failure(EngineError(.endpointNotAsked, way.name)))
    }

    @Test("Dead sockets: missing, a file, without a listener, with too long a name") func dead() throws {
        #expect(ask(.unix(folder["none"])).reason == .engineSilent)
        #expect(ask(.unix(try folder.write("file", ""))).reason == .engineSilent)
        #expect(ask(.unix(folder.path)).reason == .engineSilent)
        #expect(ask(.unix(ByteString(repeatElement(0x61, count: 200)))).reason == .engineSilent)
        #expect(ask(.unix("a\u{0}b")).reason == .engineSilent)
        _ = try TestServer(at: folder["abandoned"], .close)
        #expect(ask(.tcp(host: "127.0.0.1", port: 1)).reason == .engineSilent)
    }

    @Test(
        "An engine that says nothing, or stops halfway, is waited for one second",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\n\r\nuntil when?",
        ] as [ByteString])
    func silent(text: ByteString) throws {
        var least = Int64.max
        // A busy machine can make it longer, but never shorter.
        for number in 0..<3 where least >= 2_000_000_000 {
            let place = folder["s" + ByteString(decimal: number)]
            let server = try TestServer(at: place, .send(text), .pause(milliseconds: 20_000))
            let start = Clock.monotonic
            #expect(ask(.unix(place), within: EngineConnection.patience).reason == .engineSilent)
            least = min(least, Clock.monotonic - start)
            #expect(server.received.count == 1)
        }
        #expect((900_000_000..<2_000_000_000).contains(least))
    }

    @Test("Meanwhile work does not count as the engine's time, and runs only if an engine was asked")
    func meanwhile() throws {
        let server = try TestServer(at: folder["s"], .answer("{}"))
        var calls = 0
        let answer = try EngineConnection.get("/info", from: .unix(folder["s"]), hostTable: "") {
            calls += 1
            usleep(1_200_000)
            #expect(server.received.count == 1)
        }
        #expect(ByteString(answer.body) == "{}")
        #expect(calls == 1)
        #expect(throws: EngineError.self) {
            try EngineConnection.get("/info", from: .unix(folder["none"]), hostTable: "") { calls += 1 }
        }
        #expect(calls == 1)
    }

    @Test(
        "Half an answer, garbage, lies and refusals are rejected",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Le", "\u{0}\u{1}\u{2}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nshort\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nlonger", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
        ] as [ByteString])
    func unreadable(text: ByteString) throws {
        let server = try TestServer(at: folder["s"], .send(text))
        #expect(ask(.unix(folder["s"])).reason == .engineAnswerUnreadable)
        #expect(server.received.count == 1)
    }
}
