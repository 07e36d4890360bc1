import Engine
import Formats
import Planning
import Testing

@testable import Warm

@Suite("Trimming and purging package caches")
struct SweepTests {
    private let hour = 3_600_000

    private func add(
        _ engine: FakeEngine, generation name: ByteString, created: Int, layers: ByteString,
        on id: ByteString = "engine"
    ) {
        engine.volumes[name] = .init(labels: [
            "app": "slipway", "type": "cache", "slipway.created": ByteString(decimal: created), "slipway.engine": "e",
            "slipway.layers": layers, "slipway.tools": "pip", "slipway.view": "yes", "slipway.digest": "sha256:1",
            "slipway.volumes": "/v",
        ])
    }

    private func add(_ engine: FakeEngine, layer name: ByteString, created: Int = 0) {
        engine.volumes[name] = .init(labels: [
            "app": "slipway", "type": "cache-layer", "slipway.created": ByteString(decimal: created),
        ])
    }

    private func add(_ engine: FakeEngine, view name: ByteString, over layers: [ByteString], container: ByteString?) {
        let lower = layers.map { "/v/" + $0 + "/_data" }.joined(separator: ":")
        engine.volumes[name] = .init(
            labels: ["app": "slipway", "type": "cache-view", "slipway.created": "1"],
            options: ["o": "lowerdir=" + lower + ",upperdir=/v/" + name + "/_data,workdir=/v/" + name + "-w/_data"])
        if let container { engine.containers[container] = ["src=" + name + ",dst=/dev/slipway"] }
    }

    /// Three generations an hour apart, of which the newest two share a layer; a view over the oldest that a
    /// container has, and an idle one.
    private func engine() -> FakeEngine {
        let engine = FakeEngine()
        for name in ["a", "b", "c", "d"] as [ByteString] { add(engine, layer: name) }
        add(engine, generation: "g1", created: hour, layers: "a")
        add(engine, generation: "g2", created: 2 * hour, layers: "b")
        add(engine, generation: "g3", created: 3 * hour, layers: "c:b")
        add(engine, view: "used", over: ["a"], container: "box")
        add(engine, view: "idle", over: ["d"], container: nil)
        add(engine, layer: "young", created: 100 * hour)
        engine.volumes["alien"] = .init(labels: ["type": "cache-layer"])
        return engine
    }

    private func names(_ items: [Sweep.Item]) -> [ByteString] { items.map(\.name).sorted() }

    @Test("Unneeded ones are removed; current, used, young and foreign ones stay")
    func trim() throws {
        let engine = engine()
        let dry = try Sweep(engine, now: 100 * hour, dryRun: true).trim(grace: 24 * hour)
        #expect(names(dry.removed) == ["d", "g2", "idle"] && engine.volumes.count == 11)
        let report = try Sweep(engine, now: 100 * hour, dryRun: false).trim(grace: 24 * hour)
        #expect(report.removed == dry.removed && report.kept.isEmpty && report.failed.isEmpty)
        #expect(engine.volumes.keys.sorted() == ["a", "alien", "b", "c", "g1", "g3", "used", "young"])
        #expect(try Sweep(engine, now: 100 * hour, dryRun: false).trim(grace: 24 * hour) == Sweep.Report())
    }

    @Test("A generation stays for the grace time after the next one was published")
    func grace() throws {
        let report = try Sweep(engine(), now: 3 * hour + 10, dryRun: true).trim(grace: hour)
        #expect(names(report.removed) == ["d", "idle"])
        let later = try Sweep(engine(), now: 4 * hour, dryRun: true).trim(grace: hour)
        #expect(names(later.removed) == ["d", "g2", "idle"])
    }

    @Test("Leftovers of a killed run are removed after a day, regardless of a generation's grace time")
    func leftovers() throws {
        let early = try Sweep(engine(), now: 23 * hour, dryRun: true).trim(grace: Sweep.usualGrace)
        #expect(names(early.removed) == ["idle"])
        let late = try Sweep(engine(), now: 100 * hour, dryRun: true).trim(grace: Sweep.usualGrace)
        #expect(names(late.removed) == ["d", "idle"])
    }

    @Test("The current generation stays, however old it is")
    func current() throws {
        let engine = FakeEngine()
        add(engine, layer: "a")
        add(engine, generation: "g", created: 1, layers: "a")
        #expect(try Sweep(engine, now: 100_000 * hour, dryRun: false).trim(grace: 0) == Sweep.Report())
    }

    @Test("When a damaged newest generation is removed, the one before it stays, because it is then the current one")
    func damaged() throws {
        let engine = engine()
        engine.volumes["g4"] = .init(labels: ["app": "slipway", "type": "cache", "slipway.created": "99999999"])
        #expect(try PackageInventory(engine).current == .damaged("g4"))
        _ = try Sweep(engine, now: 100 * hour, dryRun: false).trim(grace: 24 * hour)
        guard case .whole(let current) = try PackageInventory(engine).current else {
            Issue.record("not whole")
            return
        }
        #expect(current.name == "g3" && engine.volumes["g4"] == nil)
    }

    @Test("A generation that cannot be removed keeps its layers")
    func refused() throws {
        let engine = engine()
        engine.instead = { (_, call) throws(DockerClientError) in
            call.words == ["volume", "rm", "g3"] ? DockerAnswer(error: "Error: permission denied", exitCode: 1) : nil
        }
        let report = try Sweep(engine, now: 100 * hour, dryRun: false).purge()
        #expect(names(report.failed) == ["g3"])
        #expect(engine.volumes.keys.sorted() == ["a", "alien", "b", "c", "g3", "used"])
        #expect(names(report.kept) == ["a", "b", "c", "used"])
    }

    @Test("Purging removes everything except what a container uses and the layers below that")
    func purge() throws {
        let engine = engine()
        let report = try Sweep(engine, now: 100 * hour, dryRun: false).purge()
        #expect(engine.volumes.keys.sorted() == ["a", "alien", "used"])
        #expect(report.kept.first { $0.name == "used" }?.cause.range(of: "volume is in use") != nil)
        #expect(report.kept.first { $0.name == "a" }?.cause == "in use by used")
    }

    // docker ends, and in the background the shim removes the view, at any time.
    @Test("A view that disappears during a purge holds nothing, at any moment", arguments: [false, true])
    func goingView(isRemoved: Bool) throws {
        var kept: Set<[ByteString]> = []
        for moment in 0..<14 {
            let engine = engine()
            engine.instead = { (index, _) throws(DockerClientError) in
                if index == moment {
                    engine.containers["box"] = nil
                    if isRemoved { engine.volumes["used"] = nil }
                }
                return nil
            }
            let report = try Sweep(engine, now: 100 * hour, dryRun: false).purge()
            #expect(engine.calls.count >= 13 && report.failed.isEmpty)
            #expect(report.kept.isEmpty == (engine.volumes["a"] == nil), "at call \(moment)")
            kept.insert(names(report.kept))
        }
        #expect(kept == [[], ["a", "used"]])
    }

    @Test("A view that disappears during a trim holds nothing")
    func goingViewOfATrimming() throws {
        for moment in 0..<4 {
            let engine = engine()
            engine.instead = { (index, _) throws(DockerClientError) in
                if index == moment { engine.volumes["idle"] = nil }
                return nil
            }
            _ = try Sweep(engine, now: 100 * hour, dryRun: false).trim(grace: 24 * hour)
            #expect(engine.volumes["d"] == nil, "at call \(moment)")
        }
    }

    @Test("Builders of killed runs are removed, and active ones stay")
    func builders() throws {
        let engine = FakeEngine()
        engine.instead = { (_, call) throws(DockerClientError) in
            guard call.words.first == "ps" else { return nil }
            return DockerAnswer(
                output: "old\tExited (137) 2 days ago\t1\nnew\tCreated\t999\nbusy\tUp 2 days\t1\nhangs\tUp 3 days\t1\n")
        }
        engine.containers = ["old": [], "new": [], "busy": [], "hangs": []]
        let report = try Sweep(engine, now: 1000, dryRun: false).trim(grace: 500)
        #expect(names(report.removed) == ["old"] && engine.containers.keys.sorted() == ["busy", "hangs", "new"])
        let later = try Sweep(engine, now: 24 * hour + 1, dryRun: false).trim(grace: 500)
        #expect(names(later.removed) == ["busy", "hangs", "new", "old"] && engine.containers.isEmpty)
    }

    // A run that cleans up, or another purge.
    @Test("If a builder is already being removed, that is awaited for a while", arguments: [1, 5, 1000])
    func goingBuilder(refusals: Int) throws {
        let engine = FakeEngine()
        add(engine, layer: "a")
        engine.containers["slipway-builder-1"] = ["src=a,dst=/dev/slipway"]
        var rest = refusals
        engine.instead = { (_, call) throws(DockerClientError) in
            if call.words.first == "ps" { return DockerAnswer(output: "slipway-builder-1\tCreated\t1\n") }
            guard call.words.first == "rm" else { return nil }
            rest -= 1
            if rest < 0 { engine.containers = [:] }
            return rest < 0 ? nil : FakeEngine.isGoing("slipway-builder-1")
        }
        let report = try Sweep(engine, now: 100 * hour, dryRun: false).purge()
        if refusals < 1000 {
            #expect(names(report.removed) == ["a", "slipway-builder-1"] && engine.volumes.isEmpty)
            #expect(report.kept.isEmpty && report.failed.isEmpty)
        } else {
            #expect(names(report.failed) == ["slipway-builder-1"] && names(report.kept) == ["a"])
            #expect((5...20).contains(engine.pauses))
        }
    }

    @Test("Docker's sizes")
    func sizes() {
        let text: ByteString =
            #"[{"Name":"a","Size":"331.2kB"},{"Name":"b","Size":"N/A"},{"Name":"c","Size":"1.5GB"},{"Size":"1B"}]"#
        #expect(PackageInventory.sizes(text) == ["a": 331_200, "c": 1_500_000_000])
        #expect(PackageInventory.sizes("").isEmpty)
    }
}
