import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

@Suite("Finding out what an engine is") struct EngineQuestionTests {
    private typealias Text = BuildKitText

    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// Waits far longer than a command does: where the machine stands still, the server does, too. What tests the time
    /// sets it.
    private func ask(
        within nanoseconds: Int64 = 30_000_000_000, meanwhile: (EngineWait) -> Void = { _ in }
    ) -> Result<EngineInfo, EngineError> {
        let question = EngineQuestion(
            endpoint: .unix(folder["s"]), hostTable: "", memory: EngineMemory(file: folder["memory"]),
            patience: nanoseconds)
        return Result { () throws(EngineError) in try question.ask(meanwhile: meanwhile) }
    }

    /// An engine whose BuildKit answers with these frames; without frames it has no BuildKit. It always answers
    /// `/info`.
    private func engine(
        greeting: ByteString = Text.greeting, _ frames: ByteString?
    ) throws -> TestServer {
        try TestServer(at: folder["s"]) { line in
            guard line == "HEAD /_ping" else { return [.answer(infoText())] }
            guard let frames else { return [.send(greeting + "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")] }
            return [.send(greeting + Text.upgrade), .receive, .send(frames)]
        }
    }

    /// The requests that an engine got: the first line, or the filter.
    private func questions(_ server: TestServer) -> [ByteString] {
        server.received.map { text in
            if let range = text.range(of: "id!=") { return text.dropFirst(range.lowerBound) }
            return text.hasPrefix("PRI") ? "all" : text.split("\r")[0]
        }
    }

    private var memory: ByteString { (try? Files.read(folder["memory"], limit: 4096)) ?? "" }

    @Test("By its BuildKit, and the next time without the known worker") func known() throws {
        let server = try engine(Text.frames(Text.worker()))
        let first = try ask().get()
        #expect(first.identifier == "sppm0a4si6n32hjbq7uzvw9ou" && first.usesContainerdStore)
        #expect(questions(server) == ["HEAD /_ping HTTP/1.1", "all"])
        #expect(memory.hasSuffix(" worker sppm0a4si6n32hjbq7uzvw9ou containerd amd64\n"))
        #expect(memory.range(of: folder.path) == nil)

        try Files.remove(folder["s"])
        let same = try engine(greeting: Text.greeting("Docker/29.1.0 (linux)"), Text.frames([]))
        let second = try ask().get()
        #expect(questions(same) == ["HEAD /_ping HTTP/1.1", "id!=\"sppm0a4si6n32hjbq7uzvw9ou\""])
        // What may have changed is not remembered.
        #expect(second.version == Version(29, 1) && second.identifier == first.identifier)
    }

    @Test("An engine that now has another worker is noticed") func changed() throws {
        _ = try ask(after: Text.frames(Text.worker()))
        let other = Text.worker("713a1e2a", Text.label("moby.host-gateway-ip", "1"), Text.platform("arm64"))
        let info = try ask(after: Text.frames(other)).get()
        #expect(info.identifier == "713a1e2a" && !info.usesContainerdStore && info.architecture == "arm64")
        #expect(memory.hasSuffix(" worker 713a1e2a classic arm64\n"))
        #expect(memory.split("\n").count == 2)
    }

    /// Replaces an engine's former answer.
    private func ask(after frames: ByteString) throws -> Result<EngineInfo, EngineError> {
        try? Files.remove(folder["s"])
        let server = try engine(frames)
        defer { withExtendedLifetime(server) {} }
        return ask()
    }

    @Test(
        "An engine without such a BuildKit is asked by `/info`, and the next time at once",
        arguments: [
            nil, Text.settings + Text.trailer, Text.frames(Text.worker("moby", [])), Text.frames([0xFF]),
            Text.frames([]),
            "garbage", "",
        ] as [ByteString?])
    func refused(frames: ByteString?) throws {
        let server = try engine(frames)
        #expect(ask() == .success(try #require(EngineInfo(infoText()))))
        #expect(questions(server).last == "GET /info HTTP/1.1")
        let count = server.received.count
        #expect(ask() == .success(try #require(EngineInfo(infoText()))))
        #expect(server.received.count == count + 1)
        #expect(questions(server).last == "GET /info HTTP/1.1")
    }

    @Test(
        "BuildKit is not asked if the name is not that of a Docker since 24",
        arguments: ["Docker/20.10.24+dfsg1 (linux)", "Docker/23.0.6 (linux)", "Libpod/5.4.1 (linux)", ""]
            as [ByteString])
    func names(server name: ByteString) throws {
        let server = try engine(greeting: Text.greeting(name), Text.frames(Text.worker()))
        #expect(try ask().get().identifier == "4f0c")
        #expect(questions(server) == ["HEAD /_ping HTTP/1.1", "GET /info HTTP/1.1"])
    }

    @Test("With another version, or after a day, BuildKit is asked again") func again() throws {
        let server = try engine(nil)
        _ = ask()
        let line = memory
        try write(line.trimmed.split(" "), version: "28.4")
        // `/info` shows that the engine has changed, which takes effect the next time.
        _ = ask()
        #expect(questions(server).suffix(1) == ["GET /info HTTP/1.1"])
        #expect(memory.isEmpty)
        _ = ask()
        #expect(questions(server).suffix(2) == ["HEAD /_ping HTTP/1.1", "GET /info HTTP/1.1"])
        try write(memory.trimmed.split(" "), until: "1")
        _ = ask()
        #expect(questions(server).suffix(2) == ["HEAD /_ping HTTP/1.1", "GET /info HTTP/1.1"])
    }

    private func write(_ words: [ByteString], version: ByteString? = nil, until: ByteString? = nil) throws {
        #expect(words.count == 4 && words[1] == "info")
        let line = [words[0], "info", version ?? words[2], until ?? words[3]].joined(separator: " ") + "\n"
        try Files.replace(folder["memory"], with: line, mode: 0o600)
    }

    @Test("A silent BuildKit takes a third of the time at most, and does not change what is remembered")
    func silent() throws {
        _ = try ask(after: Text.frames(Text.worker()))
        let known = memory
        try Files.remove(folder["s"])
        let server = try TestServer(at: folder["s"]) { line in
            // The second receives the end: the client has given up.
            line == "HEAD /_ping"
                ? [.send(Text.greeting + Text.upgrade), .receive, .receive] : [.answer(infoText())]
        }
        let (start, patience) = (Clock.monotonic, 3_000_000_000 as Int64)
        #expect(try ask(within: patience).get().identifier == "4f0c")
        #expect(Clock.monotonic - start >= patience / 3)
        #expect(memory == known)
        withExtendedLifetime(server) {}
    }

    @Test("Meanwhile work runs once for the greeting and once for the answer, whoever answers")
    func meanwhile() throws {
        for frames in [Text.frames(Text.worker()), nil, Text.settings + Text.trailer] as [ByteString?] {
            try? Files.remove(folder["s"])
            try? Files.remove(folder["memory"])
            let server = try engine(frames)
            var waits: [EngineWait] = []
            // Longer than the time that BuildKit gets, and in all longer than what the engine gets.
            let answer = ask(within: 1_500_000_000) {
                waits.append($0)
                usleep(800_000)
            }
            #expect(try answer.get().version == Version(28, 5))
            #expect(waits == [.greeting, .answer])
            withExtendedLifetime(server) {}
        }
        // Now it is known that `/info` must be asked.
        let server = try {
            try Files.remove(folder["s"])
            return try engine(nil)
        }()
        var waits: [EngineWait] = []
        #expect(try ask { waits.append($0) }.get().version == Version(28, 5))
        #expect(waits == [.answer])
        withExtendedLifetime(server) {}
        try Files.remove(folder["s"])
        waits = []
        #expect(ask { waits.append($0) }.reason == .engineSilent)
        #expect(waits == [])
    }

    @Test(
        "A foreign memory is not used",
        arguments: [
            "worker a\"b containerd amd64", "worker a containerd arm", "worker a other amd64", "info 28.5",
            "info 28.5 never", "",
        ] as [ByteString])
    func malformed(words: ByteString) throws {
        let server = try engine(Text.frames(Text.worker()))
        _ = ask()
        let key = memory.prefix(16)
        try Files.replace(folder["memory"], with: key + " " + words + "\n", mode: 0o600)
        _ = ask()
        #expect(questions(server).suffix(2) == ["HEAD /_ping HTTP/1.1", "all"])
    }
}
