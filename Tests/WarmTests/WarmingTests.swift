import Engine
import Formats
import Planning
import TestSupport
import Testing

@testable import Warm

@Suite("Fetching and publishing")
struct WarmingTests {
    private func warm(
        _ engine: FakeEngine, mode: Settings.PackageCache = .view, _ change: (inout WarmRequest) -> Void = { _ in }
    ) throws(DockerClientError) -> Warmed {
        var request = WarmRequest(image: "python:3")
        request.values[.pip] = ["six $(touch x)"]
        change(&request)
        var count = 0
        return try Warming(
            engine, request, mode: mode, directory: "/", now: { 1000 },
            random: {
                count += 1
                return ByteString(decimal: engine.calls.count * 100 + count)
            }, progress: { _ in }
        ).run()
    }

    private func kinds(_ engine: FakeEngine) -> [ByteString] {
        engine.volumes.values.map { $0.labels["type"] ?? "none" }.sorted()
    }

    @Test("The generation is made last and names its layer; nothing else remains")
    func publishes() throws {
        let engine = FakeEngine()
        let warmed = try warm(engine)
        #expect(kinds(engine) == ["cache", "cache-layer"] && engine.containers.isEmpty && warmed.left.isEmpty)
        let name = try #require(warmed.volumes.first)
        #expect(name == "slipway-generation-1000-abcdef012345")
        let labels = try #require(engine.volumes[name]?.labels)
        #expect(labels["slipway.digest"] == "sha256:abcdef0123456789" && labels["slipway.tools"] == "pip")
        #expect(
            labels["slipway.view"] == "yes" && labels["slipway.volumes"] == "/v" && labels["slipway.engine"] == "engine"
        )
        #expect(labels["slipway.layers"].map { engine.volumes[$0]?.labels["type"] } == "cache-layer")
        let makes = engine.calls.map(\.words).filter { $0.first == "create" || $0.starts(with: ["volume", "create"]) }
        #expect(makes.last?.last == name)
    }

    @Test("Names are passed in files, never in arguments")
    func namesAreData() throws {
        let engine = FakeEngine()
        _ = try warm(engine)
        #expect(engine.calls.allSatisfy { $0.words.allSatisfy { $0.range(of: "$(touch") == nil } })
        let archive = try #require(engine.calls.first { $0.words.first == "cp" }?.input)
        #expect(archive.range(of: "six\n$(touch\nx)\n") != nil)
    }

    /// As many calls as a successful run makes, and some more.
    @Test(
        "Whichever call fails or is interrupted, nothing is published and nothing is left behind", arguments: 0..<28,
        [false, true])
    func fails(_ broken: Int, _ interrupts: Bool) {
        let engine = FakeEngine()
        var isReached = false
        var isTidying = false
        engine.instead = { (index, call) throws(DockerClientError) in
            guard index == broken else { return nil }
            isReached = true
            isTidying = call.patience == .tidying
            if interrupts { throw .interrupted(by: 15) }
            return DockerAnswer(error: "Error response from daemon: no space left on device", exitCode: 1)
        }
        do throws(DockerClientError) {
            let warmed = try warm(engine)
            #expect(!isReached || isTidying, "call \(broken) failed, and nobody noticed")
            // A refused call is repeated; an engine that is gone is not asked again.
            #expect(warmed.left.isEmpty != (isTidying && interrupts))
        } catch {
            #expect(!kinds(engine).contains("cache"), "\(error.line)")
            #expect(error.left.isEmpty && engine.volumes.isEmpty && engine.containers.isEmpty, "\(error.line)")
            if interrupts { #expect(error.exitCode == 143) }
        }
    }

    // A purge mistakes a builder that has not started, or has ended, for one that a killed run has left.
    @Test(
        "A generation whose layer is removed meanwhile is not published, and nothing is left behind",
        arguments: ["slipway-probe-", "slipway-generation-"] as [ByteString], [false, true])
    func purgedMeanwhile(_ next: ByteString, _ isAddition: Bool) throws {
        let engine = FakeEngine()
        if isAddition { _ = try warm(engine) }
        var isPurged = false
        engine.instead = { (_, call) throws(DockerClientError) in
            if !isPurged, call.words.contains("create"), call.words.contains(where: { $0.hasPrefix(next) }) {
                isPurged = true
                engine.containers = [:]
                engine.volumes = [:]
            }
            return nil
        }
        let failure = #expect(throws: DockerClientError.self) { try warm(engine) { $0.isAddition = isAddition } }
        #expect(isPurged && failure?.code == .volumeForeign && failure?.left == [])
        #expect(failure?.message.range(of: "slipway-generation-") != nil)
        #expect(engine.volumes.isEmpty && engine.containers.isEmpty, "\(engine.volumes.keys)")
    }

    @Test("If a purge is already removing a container, that is awaited for a while", arguments: [1, 5, 1000])
    func goingContainer(refusals: Int) throws {
        let engine = FakeEngine()
        var rest = refusals
        engine.instead = { (_, call) throws(DockerClientError) in
            guard let name = call.words.last, call.words.first == "rm", name.hasPrefix("slipway-b") else { return nil }
            rest -= 1
            if rest < 0 { engine.containers[name] = nil }
            return rest < 0 ? nil : FakeEngine.isGoing(name)
        }
        let warmed = try warm(engine)
        #expect(warmed.left.isEmpty == (refusals < 1000) && engine.pauses < 20)
    }

    @Test("A newer generation that another run publishes at the same time does not affect this one")
    func overtaken() throws {
        let engine = FakeEngine()
        var isFirst = true
        engine.instead = { (_, call) throws(DockerClientError) in
            if isFirst, call.words.starts(with: ["volume", "create"]), call.words.last?.hasPrefix("slipway-g") == true {
                isFirst = false
                engine.volumes["slipway-generation-9"] = .init(labels: [
                    "app": "slipway", "type": "cache", "slipway.created": "9000",
                ])
            }
            return nil
        }
        let warmed = try warm(engine)
        #expect(!isFirst && warmed.left.isEmpty && kinds(engine) == ["cache", "cache", "cache-layer"])
    }

    @Test("A volume that exists with other labels is reported, and stays")
    func foreign() {
        let engine = FakeEngine()
        engine.volumes["slipway-generation-1000-abcdef012345"] = .init(labels: ["app": "slipway", "type": "other"])
        let failure = #expect(throws: DockerClientError.self) { try warm(engine) }
        #expect(failure?.code == .volumeForeign && failure?.words.range(of: "type=other") != nil)
        #expect(kinds(engine) == ["other"])
    }

    @Test("A generation is later than any other, whatever the clock says")
    func clock() throws {
        let engine = FakeEngine()
        engine.volumes["later"] = .init(labels: ["app": "slipway", "type": "cache", "slipway.created": "5000"])
        #expect(try warm(engine).volumes == ["slipway-generation-5001-abcdef012345"])
    }

    @Test("--add stacks up to four layers, then copies them into one")
    func stacks() throws {
        let engine = FakeEngine()
        for count in 1...5 {
            let warmed = try warm(engine) { $0.isAddition = true }
            #expect(warmed.layers.count == (count < 5 ? count : 1))
        }
        let builders = engine.calls.map(\.words).filter { $0.contains("slipway-warm") || $0.last == Builder.from }
        #expect(builders.count == 1)
        let stacked = engine.calls.map(\.words).last {
            $0.contains { $0.range(of: ",upperdir=/v/slipway-layer-") != nil }
        }
        let mount = try #require(stacked?.first { $0.range(of: "lowerdir") != nil })
        #expect(mount.split(":").count == 3 && mount.range(of: "dst=/dev/slipway,") != nil)
    }

    @Test("--add never uses a generation before an incomplete newest one, because no container gets that")
    func damagedBase() throws {
        let engine = FakeEngine()
        let good = try warm(engine)
        for labels: [ByteString: ByteString] in [
            ["slipway.layers": good.layers.joined(separator: ":"), "slipway.view": "perhaps"],
            ["slipway.layers": "gone", "slipway.view": "yes"],
        ] {
            var labels = labels
            labels["app"] = "slipway"
            labels["type"] = "cache"
            labels["slipway.created"] = "5000"
            labels["slipway.tools"] = "pip"
            labels["slipway.volumes"] = "/v"
            engine.volumes["newest"] = .init(labels: labels)
            #expect(try PackageInventory(engine).current == .damaged("newest"))
            let failure = #expect(throws: DockerClientError.self) { try warm(engine) { $0.isAddition = true } }
            #expect(failure?.code == .volumeForeign && failure?.message.range(of: "newest") != nil)
            #expect(kinds(engine) == ["cache", "cache", "cache-layer"] && engine.containers.isEmpty)
        }
        let next = try warm(engine)
        guard case .whole(let current) = try PackageInventory(engine).current else {
            Issue.record("not whole")
            return
        }
        #expect([current.name] == next.volumes && current.layers == next.layers)
    }

    @Test("Mounting views is tested, and without an answer there is no label")
    func probe() throws {
        let refused = DockerAnswer(error: "failed to mount local volume: invalid argument", exitCode: 1)
        let engine = FakeEngine()
        engine.probe = { $0.range(of: "userxattr") == nil ? refused : DockerAnswer(output: "begun\ngood\n") }
        #expect(try warm(engine).view == .userAttributes)
        engine.probe = { _ in DockerAnswer(output: "begun\nbad removing a directory from below\n", exitCode: 1) }
        let warmed = try warm(engine)
        #expect(
            warmed.view == ViewSupport.none && warmed.notes.contains { $0.range(of: "removing a directory") != nil })
        engine.probe = { _ in DockerAnswer(error: "unexpected EOF", exitCode: 125) }
        #expect(throws: DockerClientError.self) { try warm(engine) }
    }

    @Test(
        "The builder's output",
        arguments: [
            ("fail\ttool-missing\tgo\n", DockerClientError.Code.toolMissing),
            ("fail\ttool-failed\tpip 25.3\t1\n", .toolFailed),
            ("fail\tno-room\t/dev/slipway\n", .noRoom), ("fail\tprogram-missing\tsha256sum\n", .programMissing),
            ("", .builderFailed), ("files\t0\nfinished\n", .nothingKept),
        ] as [(ByteString, DockerClientError.Code)])
    func builderFails(_ says: ByteString, _ code: DockerClientError.Code) {
        let engine = FakeEngine()
        engine.builderSays = says
        let failure = #expect(throws: DockerClientError.self) { try warm(engine) }
        #expect(failure?.code == code && engine.volumes.isEmpty)
    }

    @Test("The shared volumes are made once, filled again, and kept if a later run fails")
    func shared() throws {
        let engine = FakeEngine()
        #expect(try warm(engine, mode: .readOnly).volumes == ["slipway-pip-cache"])
        #expect(kinds(engine) == ["cache-shared"])
        #expect(try warm(engine, mode: .readWrite).view == nil)
        engine.builderSays = "fail\ttool-failed\tpip\t1\n"
        #expect(throws: DockerClientError.self) { try warm(engine, mode: .readOnly) }
        #expect(kinds(engine) == ["cache-shared"])
        let quick = FakeEngine()
        quick.instead = { (_, call) throws(DockerClientError) in
            if call.words.starts(with: ["volume", "create"]), quick.volumes.isEmpty {
                let labels: [ByteString: ByteString] = [
                    "app": "slipway", "type": "cache-shared", "slipway.created": "1",
                ]
                quick.volumes["slipway-pip-cache"] = .init(labels: labels)
            }
            return nil
        }
        #expect(try warm(quick, mode: .readWrite).volumes == ["slipway-pip-cache"])
        let other = FakeEngine()
        other.volumes["slipway-pip-cache"] = .init()
        #expect(throws: DockerClientError.self) { try warm(other, mode: .readOnly) }
        #expect(other.volumes.count == 1)
    }

    @Test(
        "Refused before any docker runs",
        arguments: [
            { $0.image = "-x" }, { $0.image = "" }, { $0.values = [:] }, { $0.values[.pip] = ["-e ."] },
            { $0.values[.npm] = ["a --registry=x"] }, { $0.values[.pip] = ["six\nidna"] },
            { $0.values[.go] = ["a\u{1B}[1m"] },
            { $0.values[.npm] = ["/nonesuch/package-lock.json"] }, { $0.requirements = ["/nonesuch/requirements.txt"] },
        ] as [@Sendable (inout WarmRequest) -> Void])
    func refused(_ change: @Sendable (inout WarmRequest) -> Void) {
        let engine = FakeEngine()
        let failure = #expect(throws: DockerClientError.self) { try warm(engine, change) }
        #expect(failure?.exitCode == 2 && engine.calls.isEmpty)
    }

    @Test(
        "If an engine's containers would get nothing, that is reported before anything is made",
        arguments: ["1.41", "1.44", "1.45", "1.51", "2.0", ""])
    func old(_ version: ByteString) throws {
        let engine = FakeEngine()
        engine.instead = { (_, call) throws(DockerClientError) in
            call.words.first == "version" ? DockerAnswer(output: version + "\n") : nil
        }
        let isOld = ["1.41", "1.44"].contains(version)
        do throws(DockerClientError) {
            _ = try warm(engine)
            #expect(!isOld)
        } catch {
            #expect(isOld && error.code == .engineTooOld && !engine.calls.contains { $0.words.contains("create") })
        }
    }

    @Test("The mode off")
    func off() {
        let failure = #expect(throws: DockerClientError.self) { try warm(FakeEngine(), mode: .off) }
        #expect(failure?.code == .modeOff)
    }
}
