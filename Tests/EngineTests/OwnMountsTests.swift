import Formats
import Host
import Notes
import PathMap
import TestSupport
import Testing

@testable import Engine

@Suite("Finding this container's own mounts")
struct OwnMountsTests {
    private static let id = ByteString(repeatElement(UInt8(ascii: "a"), count: 64))
    private static let sidecar = ByteString(repeatElement(UInt8(ascii: "b"), count: 64))
    private static let sibling = ByteString(repeatElement(UInt8(ascii: "c"), count: 64))
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func find(_ mounts: [(ByteString, ByteString)], in folders: [ByteString] = []) -> Result<
        PathTable?, EngineError
    > {
        let files =
            ["hostname", "hosts"].map { ("/c/" + Self.id + "/" + $0, "/etc/" + $0) } as [(ByteString, ByteString)]
        let text = (files + mounts).map { "1 2 0:1 " + $0.0 + " " + $0.1 + " rw - ext4 x rw\n" }
        let own = OwnMounts(
            MountInfo(text.joined(separator: "")), memory: TableMemory(file: folder["state/paths"]), folders: folders)
        return Result { () throws(EngineError) in
            try own.table { () throws(EngineError) in
                ContainerEngine(endpoint: .unix(folder["s"]), hostTable: "/nonexistent")
            }
        }
    }

    private static func container(_ mounts: (ByteString, ByteString)...) -> ByteString {
        let list = mounts.map {
            "{\"Type\":\"bind\",\"Source\":\"" + $0.0 + "\",\"Destination\":\"" + $0.1 + "\"}"
        }
        return "{\"Name\":\"/name\",\"Mounts\":[" + list.joined(separator: ",") + "]}"
    }

    private static let missing = TestServer.Step.send("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
    private static let head = TestServer.Step.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    private static let noFile = TestServer.Step.send("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n")

    private func lines(_ server: TestServer) -> [ByteString] {
        server.received.map { ($0.split("\r")[0].dropLast(9)).split("?")[0] }
    }

    @Test("Proved by the mounts; asked once, and again if the socket has changed")
    func remembered() throws {
        let answer: @Sendable (ByteString) -> [TestServer.Step] = { _ in
            [.answer(Self.container(("/srv/ws", "/nonexistent/ws")))]
        }
        var server = try TestServer(at: folder["s"], answering: answer)
        for _ in 0..<3 {
            let table = try #require(try find([("/srv/ws", "/nonexistent/ws"), ("/x", "/nonexistent/ws/tmp")]).get())
            #expect(table.rows.map(\.to) == ["/srv/ws"])
            #expect(table.holes == ["/nonexistent/ws/tmp"])
        }
        #expect(lines(server) == ["GET /containers/" + Self.id + "/json"])
        try Files.remove(folder["s"])
        server = try TestServer(at: folder["s"], answering: answer)
        #expect(try find([("/srv/ws", "/nonexistent/ws")]).get()?.rows.count == 1)
        #expect(lines(server).count == 1)
    }

    @Test("A memory that others can write is not used")
    func memory() throws {
        let server = try TestServer(at: folder["s"]) { _ in [.answer(Self.container(("/srv/ws", "/nonexistent/ws")))] }
        for mode: UInt32 in [0o622, 0o600] {
            _ = try find([("/srv/ws", "/nonexistent/ws")]).get()
            try Descriptor.open(folder["state/paths"]).setMode(mode)
        }
        _ = try find([("/srv/ws", "/nonexistent/ws")]).get()
        #expect(server.received.count == 2)
    }

    @Test("Another engine does not know the container: no table, and that is remembered")
    func another() throws {
        let server = try TestServer(at: folder["s"]) { _ in [Self.missing] }
        for _ in 0..<2 { #expect(find([("/srv/ws", "/ws")]).reason == .engineElsewhere) }
        #expect(server.received.count == 1)
    }

    @Test("No container, or files of two: no engine is asked")
    func nobody() throws {
        let engine: () throws(EngineError) -> ContainerEngine = { () throws(EngineError) in
            throw EngineError(.engineSilent)
        }
        let memory = TableMemory(file: nil)
        #expect(try OwnMounts(MountInfo(""), memory: memory).table(engine: engine) == nil)
        let two = MountInfo(
            "1 2 0:1 /" + Self.id + "/hosts /etc/hosts rw - x x x\n1 2 0:1 /" + Self.sibling
                + "/hostname /etc/hostname rw - x\n")
        #expect(
            Result { () throws(EngineError) in try OwnMounts(two, memory: memory).table(engine: engine) }.reason
                == .containerNotProved)
    }

    @Test("If the mounts prove nothing, a file with a secret name does")
    func nonce() throws {
        let server = try TestServer(at: folder["s"]) { [folder] request in
            guard request.hasPrefix("HEAD ") else { return [.answer(Self.container(("/mnt/ws", "/nonexistent/ws")))] }
            // The engine looks for the file while it exists.
            let names = (try? Files.names(in: folder.path, limit: 100)) ?? []
            return [names.contains { request.hasSuffix($0) && $0.hasPrefix(".slipway-") } ? Self.head : Self.noFile]
        }
        let table = try find([("/@/ws", "/nonexistent/ws")], in: ["/nonexistent", folder.path]).get()
        #expect(table?.rows.map(\.to) == ["/mnt/ws"])
        #expect(lines(server).map { $0.prefix(4) } == ["GET ", "HEAD"])
        #expect(try !Files.names(in: folder.path, limit: 100).contains { $0.hasPrefix(".slipway-") })
    }

    @Test("In another container's network the files are that one's, but the table is this one's")
    func network() throws {
        let server = try TestServer(at: folder["s"]) { request in
            if request.hasPrefix("HEAD ") { return [request.range(of: Self.sidecar) != nil ? Self.head : Self.noFile] }
            if request == "GET /containers/json" {
                let modes: [(ByteString, ByteString)] = [
                    (Self.sibling, "container:" + Self.id), (Self.sidecar, "container:name"), ("d", "host"),
                    ("e", "container:x"),
                ]
                let list = modes.map { "{\"Id\":\"" + $0.0 + "\",\"HostConfig\":{\"NetworkMode\":\"" + $0.1 + "\"}}" }
                return [.answer("[" + list.joined(separator: ",") + "]")]
            }
            if request.range(of: Self.id) != nil { return [.answer(Self.container(("/srv/db", "/nonexistent/db")))] }
            return [
                .answer(
                    request.range(of: Self.sidecar) != nil
                        ? Self.container(("/srv/ws", "/nonexistent/ws"))
                        : Self.container(("/srv/other", "/nonexistent/o")))
            ]
        }
        #expect(try find([("/srv/ws", "/nonexistent/ws")]).get()?.rows.map(\.to) == ["/srv/ws"])
        #expect(lines(server).allSatisfy { $0.hasPrefix("GET ") })
        try Files.remove(folder["state/paths"])
        // With a file the result is certain, even if the mounts match several containers.
        #expect(try find([("/srv/ws", "/nonexistent/ws")], in: [folder.path]).get()?.rows.map(\.to) == ["/srv/ws"])
        #expect(find([("/srv/else", "/nonexistent/ws")]).reason == nil)
        try Files.remove(folder["state/paths"])
        #expect(find([("/srv/else", "/nonexistent/ws")]).reason == .containerNotProved)
        #expect((try? Files.status(folder["state/paths"])) == nil)
    }

    @Test("Two containers with the same mounts, and no file to distinguish them: nothing is proved")
    func twins() throws {
        let server = try TestServer(at: folder["s"]) { request in
            if request == "GET /containers/json" {
                let list = [Self.sidecar, Self.sibling].map {
                    "{\"Id\":\"" + $0 + "\",\"HostConfig\":{\"NetworkMode\":\"container:name\"}}"
                }
                return [.answer("[" + list.joined(separator: ",") + "]")]
            }
            let isFirst = request.range(of: Self.id) != nil
            return [.answer(Self.container((isFirst ? "/srv/db" : "/srv/ws", "/nonexistent/ws")))]
        }
        #expect(find([("/srv/ws", "/nonexistent/ws")]).reason == .containerNotProved)
        #expect(lines(server).count == 4)
    }

    @Test("Silence and nonsense are doubts, and not remembered")
    func nonsense() throws {
        #expect(find([("/srv/ws", "/ws")]).reason == .engineSilent)
        for body: ByteString in ["", "{", "{}", "[]", "{\"Mounts\":[{}]}"] {
            try? Files.remove(folder["s"])
            let server = try TestServer(at: folder["s"]) { _ in [.answer(body)] }
            #expect(find([("/srv/ws", "/ws")]).reason == .engineAnswerUnreadable)
            #expect(server.received.count == 1)
        }
        #expect((try? Files.status(folder["state/paths"])) == nil)
    }
}
