import Engine
import Formats
import Host
import Planning
import Synchronization
import Testing

@testable import Sandbox

/// An engine with containers in memory; it counts how many calls run at the same time.
private final class Engine: EngineClient, Sendable {
    struct State {
        var containers: [ByteString: JSON] = [:]
        var calls: [[ByteString]] = []
        var atWork = 0
        var mostAtWork = 0
    }

    let state: Mutex<State>
    /// Answers in place of the engine.
    let instead: @Sendable ([ByteString]) -> DockerAnswer?

    init(_ containers: [JSON] = [], instead: @escaping @Sendable ([ByteString]) -> DockerAnswer? = { _ in nil }) {
        var state = State()
        for container in containers { state.containers[container[key: "Id"]?.string ?? ""] = container }
        self.state = Mutex(state)
        self.instead = instead
    }

    var ids: [ByteString] { state.withLock { $0.containers.keys.sorted() } }
    var calls: [[ByteString]] { state.withLock { $0.calls } }
    var mostAtWork: Int { state.withLock { $0.mostAtWork } }

    func pause() {}

    func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer {
        state.withLock { state in
            state.calls.append(call.words)
            state.atWork += 1
            state.mostAtWork = max(state.mostAtWork, state.atWork)
        }
        defer { state.withLock { $0.atWork -= 1 } }
        if let answer = instead(call.words) { return answer }
        switch call.words.dropFirst().first {
        case "ls": return DockerAnswer(output: ids.joined(separator: "\n") + "\n")
        case "inspect":
            return state.withLock { state in
                let names = call.words.dropFirst(2)
                let found = names.compactMap { state.containers[$0] }
                return DockerAnswer(
                    output: JSON.array(found).text, error: "Error: No such container: x\n",
                    exitCode: found.count == names.count ? 0 : 1)
            }
        case "rm":
            Clock.sleep(nanoseconds: 5_000_000)
            return state.withLock { state in
                let id = call.words.last ?? ""
                guard let container = state.containers[id] else {
                    return DockerAnswer(error: "Error: No such container: " + id, exitCode: 1)
                }
                if container[key: "State"]?[key: "Status"]?.string == "running" {
                    return DockerAnswer(
                        error: "Error response from daemon: cannot remove container: container is running: stop it",
                        exitCode: 1)
                }
                state.containers[id] = nil
                return DockerAnswer(output: id + "\n")
            }
        default: return DockerAnswer(exitCode: 1)
        }
    }
}

@Suite("Sandboxed containers on an engine")
struct SandboxTests {
    private static let engine = SandboxEngine(processors: 4)

    private static func json(
        _ id: ByteString, state: ByteString = "exited", workspace: ByteString? = "/here", origin: ByteString? = "us",
        _ change: (inout SandboxSettings) -> Void = { _ in }, more: [ByteString: ByteString] = [:]
    ) -> JSON {
        var settings = SandboxSettings()
        change(&settings)
        let configuration = SandboxConfiguration(settings, on: engine)
        var labels: [ByteString: ByteString] = [
            "app": "slipway", SandboxLabels.hash: configuration.hash,
            SandboxLabels.shortHash: configuration.shortHash, SandboxLabels.configuration: configuration.text,
        ]
        if let workspace { labels[SandboxLabels.workspace] = workspace }
        if let origin { labels[SandboxLabels.origin] = origin }
        labels.merge(more) { $1 }
        return .object([
            "Id": .string(id), "Name": .string("/box-" + id), "State": .object(["Status": .string(state)]),
            "Config": .object([
                "Image": .string("img"),
                "Labels": .object(
                    labels.filter { $0.value != "-" }.map { JSON.Member(name: $0.key, value: .string($0.value)) }),
            ]),
        ])
    }

    private static func standard(
        all: Bool = false, _ change: (inout SandboxSettings) -> Void = { _ in }
    ) -> Verdict.Standard {
        var settings = SandboxSettings()
        change(&settings)
        return .init(
            SandboxConfiguration(settings, on: engine), origin: "us", includesOthers: all,
            isMissing: { $0.hasPrefix("/gone") })
    }

    private static func verdict(_ json: JSON, by standard: Verdict.Standard = standard()) throws -> Verdict {
        Verdict(try #require(SandboxContainer(json)), by: standard)
    }

    @Test("The engine's answer; anything but a container is skipped")
    func reading() throws {
        let box = try #require(SandboxContainer(Self.json("1", state: "running")))
        #expect(box.id == "1" && box.name == "box-1" && box.image == "img" && box.workspace == "/here")
        #expect(box.hash.count == 64 && !box.isStopped)
        for state in ["created", "exited", "dead"] as [ByteString] {
            #expect(SandboxContainer(Self.json("1", state: state))?.isStopped == true)
        }
        for state in ["running", "paused", "restarting", "removing", "stopping", "new"] as [ByteString] {
            #expect(SandboxContainer(Self.json("1", state: state))?.isStopped == false)
        }
        for text in [#"{"Id":"1"}"#, #"{"State":{"Status":"exited"}}"#, #"{"Id":"","State":{"Status":"x"}}"#, "[]"]
            as [ByteString]
        {
            #expect(JSON(text).flatMap(SandboxContainer.init) == nil)
        }
    }

    @Test("Listing: by label, in order, without one that disappears meanwhile; any other answer is an error")
    func listing() throws {
        let engine = Engine(
            [Self.json("3", workspace: "/a"), Self.json("1", workspace: "/b"), Self.json("2", workspace: "/b")])
        #expect(try SandboxContainer.list(engine).map(\.id) == ["3", "1", "2"])
        #expect(
            engine.calls == [
                [
                    "container", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=slipway.config-hash",
                ], ["container", "inspect", "1", "2", "3"],
            ])
        let racing = Engine([Self.json("1")]) { $0.contains("ls") ? DockerAnswer(output: "1\n9\n") : nil }
        #expect(try SandboxContainer.list(racing).map(\.id) == ["1"])
        #expect(try SandboxContainer.list(Engine()).isEmpty)
        for (word, answer): (ByteString, DockerAnswer) in [
            ("ls", DockerAnswer(error: "Cannot connect to the Docker daemon", exitCode: 1)),
            ("inspect", DockerAnswer(output: "[{}]")), ("inspect", DockerAnswer(output: "not JSON")),
            ("inspect", DockerAnswer(output: "[]", error: "permission denied", exitCode: 1)),
        ] {
            let broken = Engine([Self.json("1")]) { $0.contains(word) ? answer : nil }
            #expect(throws: DockerClientError.self) { try SandboxContainer.list(broken) }
        }
    }

    @Test("Verdicts: current, gone, changed, made elsewhere")
    func verdicts() throws {
        #expect(try Self.verdict(Self.json("1")) == .current)
        #expect(try Self.verdict(Self.json("1", workspace: "/gone/x")) == .workspaceGone("/gone/x"))
        #expect(try Self.verdict(Self.json("1", workspace: "gone")) == .current, "a name is no path")
        #expect(try Self.verdict(Self.json("1", workspace: nil)) == .current)
        #expect(try Self.verdict(Self.json("1", { $0.pids = 5 })) == .changed(["pids-limit 5, now 300"]))
        #expect(
            try Self.verdict(Self.json("1"), by: Self.standard { $0.pids = 5 }) == .changed(["pids-limit 300, now 5"]))
        let theirs = Self.json("1", workspace: "/gone", origin: "them")
        #expect(try Self.verdict(theirs) == .elsewhere)
        #expect(try Self.verdict(theirs, by: Self.standard(all: true)) == .workspaceGone("/gone"))
        // A container without an origin never counts as made here, nor does any if this place is unknown.
        let unknown = Self.json("1", workspace: "/gone", origin: nil)
        var nowhere = Self.standard()
        nowhere.origin = nil
        for json in [theirs, unknown, Self.json("1", workspace: "/gone")] {
            #expect(try Self.verdict(json, by: nowhere) == .elsewhere)
            nowhere.includesOthers = true
            #expect(try Self.verdict(json, by: nowhere) == .workspaceGone("/gone"))
            nowhere.includesOthers = false
        }
        #expect(try Self.verdict(unknown) == .elsewhere)
        #expect(try Self.verdict(unknown, by: Self.standard(all: true)) == .workspaceGone("/gone"))
    }

    @Test("If the engine does not report its limits, configurations are not judged")
    func unknownEngine() throws {
        let standard = Verdict.Standard(nil, origin: "us", includesOthers: false) { $0.hasPrefix("/gone") }
        #expect(try Self.verdict(Self.json("1", { $0.pids = 5 }), by: standard) == .current)
        #expect(try Self.verdict(Self.json("1", workspace: "/gone"), by: standard) == .workspaceGone("/gone"))
    }

    @Test("What the command decided is not a difference; labels that do not match the hash are ignored")
    func ownDecisions() throws {
        var json = Self.json("1", { $0.memory = 1 << 30 }, more: [SandboxLabels.own: "memory"])
        #expect(try Self.verdict(json) == .current)
        #expect(try Self.verdict(json, by: Self.standard { $0.pids = 5 }) == .changed(["pids-limit 300, now 5"]))
        json = Self.json("1", { $0.memory = 1 << 30 }, more: [SandboxLabels.configuration: "-"])
        #expect(try Self.verdict(json) == .changed([]))
        json = Self.json("1", more: [SandboxLabels.configuration: "-"])
        #expect(try Self.verdict(json) == .current, "by the hash alone")
        json = Self.json("1", more: [SandboxLabels.configuration: "-", SandboxLabels.hash: "-"])
        #expect(try Self.verdict(json) == .current, "by its first digits")
        json = Self.json("1", more: [SandboxLabels.hash: ByteString(String(repeating: "0", count: 64))])
        #expect(try Self.verdict(json) == .changed([]))
    }

    @Test("Only stopped ones are removed, a limited number at a time, never by force")
    func removing() throws {
        let many = (0..<12).map { Self.json(ByteString("old\($0)"), workspace: "/gone") }
        let engine = Engine(
            many + [
                Self.json("fine"), Self.json("busy", state: "running", workspace: "/gone"),
                Self.json("paused", state: "paused", { $0.pids = 1 }),
                Self.json("theirs", workspace: "/gone", origin: "them"),
            ])
        let plan = Reconciliation(try SandboxContainer.list(engine), by: Self.standard())
        #expect(plan.outdated.count == 12 && plan.elsewhere == 1)
        #expect(engine.ids.count == 16, "listing removes nothing")
        let report = plan.remove(engine)
        #expect(report.removed.count == 12 && report.failed.isEmpty)
        #expect(report.kept.map(\.container.id) == ["busy", "paused"])
        #expect(engine.ids == ["busy", "fine", "paused", "theirs"])
        #expect((2...Reconciliation.bound).contains(engine.mostAtWork))
        let words = Set(engine.calls.flatMap { $0 })
        #expect(words.isDisjoint(with: ["--force", "-f", "stop", "kill", "--volumes"]))
    }

    @Test("One started since the listing stays, a missing one is done, and a failure is reported")
    func races() throws {
        let listed = ["started", "gone", "stuck", "taken"].map { Self.json(ByteString($0), workspace: "/gone") }
        let containers = listed.compactMap(SandboxContainer.init)
        let engine = Engine([
            Self.json("started", state: "running", workspace: "/gone"), Self.json("stuck", workspace: "/gone"),
            Self.json("taken", workspace: "/gone"),
        ]) { words in
            switch words.last {
            case "stuck": DockerAnswer(error: "Error response from daemon: driver failed to remove", exitCode: 1)
            case "taken":
                DockerAnswer(error: "Error: removal of container taken is already in progress", exitCode: 1)
            default: nil
            }
        }
        let report = Reconciliation(containers, by: Self.standard()).remove(engine)
        #expect(report.removed.map(\.container.id) == ["gone", "taken"])
        #expect(report.kept.map(\.container.id) == ["started"] && report.kept[0].said.range(of: "is running") != nil)
        #expect(report.failed.map(\.container.id) == ["stuck"])
        #expect(report.failed[0].said.range(of: "driver failed") != nil)
    }

    @Test("With nothing to do, nothing is done")
    func nothing() {
        let engine = Engine()
        #expect(Reconciliation([], by: Self.standard()).remove(engine) == .init())
        #expect(engine.calls.isEmpty)
    }

    @Test("A path that cannot be examined does not count as missing")
    func paths() throws {
        let standard = Verdict.Standard(SandboxConfiguration(.init(), on: nil), origin: nil)
        #expect(standard.isMissing("/nonexistent/x") && standard.isMissing("/etc/passwd/x"))
        #expect(!standard.isMissing("/") && !standard.isMissing("/" + ByteString(String(repeating: "x", count: 300))))
    }
}
