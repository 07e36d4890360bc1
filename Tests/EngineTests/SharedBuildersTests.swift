import Formats
import Glibc
import Notes
import TestSupport
import Testing

@testable import Engine
@testable import Host

@Suite("Shared builders", .serialized) struct SharedBuildersTests {
    let folder: TemporaryFolder
    let docker: ByteString
    let memory: SharedBuilderMemory

    init() throws {
        folder = try TemporaryFolder()
        docker = try folder.write(script: "echo Docker version 28.5.2, build 1", to: "bin/docker")
        try folder.write(
            script: #"echo '{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v0.29.1"}'"#,
            to: "system/docker-buildx")
        memory = SharedBuilderMemory(file: folder["state/builders"])
    }

    private func route() throws -> RoutedBuild {
        var versions = BinaryVersions(file: folder["versions"])
        return try RoutedBuild.resolve(
            BuilderRequest(route: .dockerBuild, engine: EngineRequest(hosts: ["unix://" + folder["sock"]])),
            environment: DockerEnvironment(home: folder["home"]), docker: docker, versions: &versions,
            system: .init(pluginDirectories: [folder["system"]], hostTable: folder["hosts"]))
    }

    private func write(
        _ name: ByteString, driver: ByteString = "remote", endpoint: ByteString? = nil,
        options: [JSON.Member] = [.init(name: "default-load", value: .string("true"))]
    ) throws {
        let node: JSON = .object([
            "Name": .string(name + "0"), "Endpoint": .string(endpoint ?? "unix://" + folder["s-" + name]),
            "DriverOpts": .object(options),
        ])
        let json: JSON = .object(["Name": .string(name), "Driver": .string(driver), "Nodes": .array([node])])
        try folder.write("home/.docker/buildx/instances/" + name.lowercasedASCII, json.text)
    }

    /// Made, and seen to answer.
    private func learn(_ names: ByteString...) throws {
        for name in names { try #require(try route().described(name, memory: memory)).learn("amd64", memory) }
    }

    private func choose(
        _ names: [ByteString], for repository: ByteString = "example.com/a", within nanoseconds: Int64 = 5_000_000_000
    ) throws -> Result<ByteString, EngineError> {
        let route = try route()
        return Result { () throws(EngineError) in
            try SharedBuilders(named: names, for: route, memory: memory)
                .choose(for: repository, within: nanoseconds).name
        }
    }

    private static let info = BuildKitText.frames([0x0A, 0])

    /// A BuildKit that answers as often as it is asked.
    private func serve(_ name: ByteString) throws -> TestServer {
        try TestServer(at: folder["s-" + name], .send(Self.info))
    }

    @Test("Names and addresses rank alike wherever they are asked, and a dead builder's repositories alone move")
    func ranking() throws {
        let names: [ByteString] = ["a", "b", "c", "d"]
        for name in names { try write(name) }
        try learn("a", "b", "c", "d")
        let all = try SharedBuilders(named: names, for: route(), memory: memory).builders
        let turned = try SharedBuilders(named: names.reversed(), for: route(), memory: memory).builders
        var counts: [ByteString: Int] = [:]
        for number in 0..<400 {
            let repository = "example.com/r" + ByteString(decimal: number)
            let order = SharedBuilders.ranked(all, for: repository).map(\.name)
            #expect(SharedBuilders.ranked(turned, for: repository).map(\.name) == order)
            counts[order[0], default: 0] += 1
            for dead in names {
                let left = SharedBuilders.ranked(all.filter { $0.name != dead }, for: repository).map(\.name)
                #expect(left == order.filter { $0 != dead })
            }
        }
        #expect(counts.count == 4 && counts.values.allSatisfy { (60...140).contains($0) })
    }

    @Test("By address and not by name with the remote driver, by name elsewhere")
    func address() throws {
        try write("one", endpoint: "tcp://10.0.0.1:1234")
        try write("Two", driver: "docker-container", endpoint: "default")
        try learn("one", "two")
        let builders = try SharedBuilders(named: ["one", "two"], for: route(), memory: memory).builders
        #expect(builders.map(\.address) == ["tcp://10.0.0.1:1234", "two"])
    }

    @Test("The best that answers is taken, and the silent ones are left alone for a while")
    func dead() throws {
        let names: [ByteString] = ["a", "b"]
        for name in names { try write(name) }
        try learn("a", "b")
        let a = try serve("a")
        let b = try serve("b")
        let first = try choose(names).get()
        #expect(try choose(names).get() == first)
        try Files.remove(folder["s-" + first])
        let second = try choose(names).get()
        #expect(second != first)
        let key = try #require(try route().described(first, memory: memory))
        #expect((1...10).contains(key.wait ?? 0))
        // It is back, but is not asked yet.
        let again = try serve(first)
        #expect(try choose(names).get() == second)
        #expect(again.received.isEmpty)
        try learn(first)
        #expect(try choose(names).get() == first)
        _ = (a, b)
    }

    @Test("None answers: the reason names them all, and the next build asks none")
    func none() throws {
        try write("a")
        try write("b", endpoint: "tcp://127.0.0.1:1")
        try learn("a", "b")
        let error = try #require(try choose(["a", "b"]).error)
        #expect(error.note.reason == .sharedBuilderSilent)
        #expect(error.note.detail.range(of: "a (") != nil && error.note.detail.range(of: "b (") != nil)
        let next = try #require(try choose(["a", "b"]).error)
        // How long exactly is another test's, at a time that it chooses: a second may begin between the two calls.
        let waits = (1...10).map { "b, not asked again for " + ByteString(decimal: $0) + "s" }
        #expect(next.note.reason == .sharedBuilderSilent && waits.contains(next.note.detail))
    }

    @Test("All together take no longer than they may, however silent they are")
    func silent() throws {
        var servers: [TestServer] = []
        for name in ["a", "b", "c", "d"] as [ByteString] {
            try write(name)
            try learn(name)
            servers.append(try TestServer(at: folder["s-" + name], .receive, .pause(milliseconds: 2000)))
        }
        let start = Clock.monotonic
        #expect(try choose(["a", "b", "c", "d"], within: 50_000_000).error?.note.reason == .sharedBuilderSilent)
        #expect(Clock.monotonic - start < 1_000_000_000)
        // At most three are asked.
        #expect(servers.filter { !$0.received.isEmpty }.count <= 3)
    }

    @Test("Back-off: twice as long each time, ten minutes at most, and no longer where a clock jumped")
    func backOff() throws {
        try write("a")
        try learn("a")
        let key = try SharedBuilders(named: ["a"], for: route(), memory: memory).builders[0].key
        var waits: [Int] = []
        for _ in 0..<9 {
            memory.failed(key, at: 1000)
            waits.append((memory.recall(key)?.until ?? 0) - 1000)
        }
        #expect(waits == [10, 20, 40, 80, 160, 320, 600, 600, 600])
        let entry = try #require(memory.recall(key))
        #expect(entry.wait(at: 1599) == 1 && entry.wait(at: 1600) == nil && entry.wait(at: 500) == nil)
        memory.answered(key, architecture: "amd64")
        #expect(memory.recall(key)?.failures == 0)
        memory.failed("0123456789abcdef")
        #expect(memory.recall("0123456789abcdef") == nil)
    }

    @Test("A memory that is spoilt knows nothing, and nothing is written where only a look is wanted")
    func spoilt() throws {
        for text in ["x", "0123456789abcdef amd64 1", "0123456789abcdef amd64 1 99", "0123456789abcdef amd64 a 1"]
            as [ByteString]
        {
            try folder.write("state/builders", text + "\n")
            #expect(memory.recall("0123456789abcdef") == nil)
        }
        let looking = SharedBuilderMemory(file: folder["other"], isWriting: false)
        looking.answered("0123456789abcdef", architecture: "amd64")
        #expect(Files.isMissing(folder["other"]))
    }

    @Test("Builders that are not ready say why")
    func notReady() throws {
        func reason(_ name: ByteString) throws -> ByteString? {
            let error = try choose([name]).error
            return error?.note.reason == .sharedBuilderNotReady ? error?.note.detail : nil
        }
        #expect(try reason("nobody") == "nobody is not one of buildx's builders")
        try write("plain", options: [])
        #expect(try reason("plain") == "plain was made without default-load=true")
        try write("off", options: [.init(name: "default-load", value: .string("0"))])
        #expect(try reason("off") == "off was made without default-load=true")
        try write("kube", driver: "kubernetes")
        #expect(try reason("kube") == "kube has the driver kubernetes")
        try write("new")
        #expect(try reason("new") == "new has never been seen to answer")
        try learn("new")
        #expect(try reason("new") == nil)
        // Somebody has changed it since.
        try write("new", endpoint: "unix://" + folder["elsewhere"])
        #expect(try reason("new") == "new has never been seen to answer")
        try folder.write("home/.docker/buildx/instances/odd", #"{"Name":"odd","Driver":"remote","Nodes":[1]}"#)
        #expect(try reason("odd") == "odd has no nodes")
        try folder.makeFolder("open", mode: 0o1777)
        try write("open", endpoint: "unix://" + folder["open/s"])
        #expect(try reason("open") == "open has its socket in a folder where others may put another")
        try write("none", endpoint: "unix://" + folder["none/s"])
        #expect(try reason("none") == "none has its socket in a folder where others may put another")
        // Of several the others do.
        let server = try serve("good")
        try write("good")
        try learn("good")
        #expect(try choose(["nobody", "good"]).get() == "good")
        _ = server
    }

    @Test("A TLS key that others can read, or a file that they can replace, keeps builds away")
    func openFiles() throws {
        func file(_ option: ByteString, _ path: ByteString) -> ByteString? {
            let node = BuilderInstance.Node(
                .object(["DriverOpts": .object([JSON.Member(name: option, value: .string(path))])]))
            return node?.openTLSFile
        }
        try folder.makeFolder("tls")
        let key = try folder.write("tls/key", "k", mode: 0o600)
        let cert = try folder.write("tls/cert", "c", mode: 0o644)
        #expect(file("key", key) == nil && file("cert", cert) == nil && file("cacert", cert) == nil)
        let read = try folder.write("tls/read", "k", mode: 0o640)
        #expect(file("key", read) == read && file("cert", read) == nil)
        let written = try folder.write("tls/written", "c", mode: 0o666)
        #expect(file("cacert", written) == written)
        #expect(file("key", "relative") == "relative" && file("key", folder["none"]) == folder["none"])
        #expect(file("key", folder["tls"]) == folder["tls"])
        #expect(symlink(key.lossy, folder["link"].lossy) == 0)
        #expect(file("cacert", folder["link"]) == folder["link"])
        try folder.makeFolder("open", mode: 0o777)
        let there = try folder.write("open/key", "k", mode: 0o600)
        #expect(file("key", there) == there)
    }

    @Test("A TLS server that goes on with a handshake answers; one that refuses does not")
    func tls() throws {
        let options: [JSON.Member] = [
            .init(name: "default-load", value: .string("true")), .init(name: "servername", value: .string("b.example")),
        ]
        try write("t", options: options)
        try learn("t")
        let good = try TestServer(at: folder["s-t"], .send(ByteString([22, 3, 3, 0, 0])))
        #expect(try choose(["t"]).get() == "t")
        let hello = try #require(good.received.first)
        #expect(hello.bytes.starts(with: [22, 3, 1]) && hello.range(of: "b.example") != nil)
        #expect(hello.range(of: "h2") != nil)
        try Files.remove(folder["s-t"])
        let bad = try TestServer(at: folder["s-t"], .send(ByteString([21, 3, 3, 0, 2, 2, 40])))
        #expect(try choose(["t"]).error?.note.reason == .sharedBuilderSilent)
        _ = bad
    }

    @Test("A container builder answers while its container runs on the command's engine")
    func container() throws {
        @Sendable func answer(_ running: ByteString) -> [TestServer.Step] {
            let body = #"{"State":{"Running":"# + running + "}}"
            return [.send("HTTP/1.1 200 OK\r\nContent-Length: " + ByteString(decimal: body.count) + "\r\n\r\n" + body)]
        }
        try write("dc", driver: "docker-container", endpoint: "default")
        try learn("dc")
        let server = try TestServer(at: folder["sock"]) { line in
            line == "GET /containers/buildx_buildkit_dc0/json" ? answer("true") : []
        }
        #expect(try choose(["dc"]).get() == "dc")
        try Files.remove(folder["sock"])
        let stopped = try TestServer(at: folder["sock"]) { _ in answer("false") }
        #expect(try choose(["dc"]).error?.note.reason == .sharedBuilderSilent)
        _ = (server, stopped)
    }

    @Test("An image may be on this engine alone unless it is missing, or came from a registry")
    func images() throws {
        func mayAloneHave(_ image: ByteString, _ steps: [TestServer.Step]) throws -> Result<Bool, EngineError> {
            try? Files.remove(folder["sock"])
            let server = try TestServer(at: folder["sock"]) { _ in steps }
            defer { _ = server.received }
            let route = try route()
            return Result { () throws(EngineError) in
                try route.engine.mayAloneHave(image, until: Clock.monotonic &+ 5_000_000_000)
            }
        }
        func json(_ body: ByteString) -> [TestServer.Step] {
            [.send("HTTP/1.1 200 OK\r\nContent-Length: " + ByteString(decimal: body.count) + "\r\n\r\n" + body)]
        }
        let missing: [TestServer.Step] = [.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]
        #expect(try mayAloneHave("a:1", missing).get() == false)
        #expect(try mayAloneHave("a", json(#"{"Id":"sha256:1","RepoDigests":[]}"#)).get())
        #expect(try mayAloneHave("a", json(#"{"Id":"sha256:1","RepoDigests":null}"#)).get())
        #expect(try mayAloneHave("a", json(#"{"Id":"sha256:1","RepoDigests":["a@sha256:2"]}"#)).get() == false)
        let own: ByteString = #"{"Id":"sha256:1","RepoDigests":["a@sha256:1"],"Manifests":[{"Available":true}"#
        #expect(try mayAloneHave("a", json(own + "]}")).get())
        #expect(try mayAloneHave("a", json(own + #",{"Available":false}]}"#)).get() == false)
        #expect(try mayAloneHave("a", json("[]")).error != nil)
        #expect(try mayAloneHave("a", [.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")]).error != nil)
        for odd in ["", "a/../b", "a?x", "a b", "a%2e"] as [ByteString] {
            #expect(try mayAloneHave(odd, missing).error != nil)
        }
    }
}

extension Result {
    fileprivate var error: Failure? { if case .failure(let error) = self { error } else { nil } }
}
