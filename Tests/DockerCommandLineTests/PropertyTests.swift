import DockerCommandLine
import Formats
import Testing

@Suite("For all arguments")
struct PropertyTests {
    private static let injected: [ByteString] = ["--cache-to", "type=local,dest=/c", "--cache-from=type=local,src=/c"]

    /// The same numbers in every run (SplitMix64), so that a failure can be repeated.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private static let pieces: [ByteString] = [
        "", "-", "--", "---", "-=", "--=", ".", "x", "build", "image", "builder", "buildx", "b", "run", "-t", "-tq",
        "-qt", "-q", "-qD", "-D", "-f", "-f=", "-f=x", "-c", "-H", "-l", "-h", "-x", "-test.v", "--tag", "--tag=",
        "--tag=a=b", "--builder", "--builder=x", "--no-cache", "--no-cache=0", "--no-cache=x", "--pull", "--check",
        "--check=false", "--call", "--call=build", "--help", "--tls", "--tls=0", "--config", "--debug", "--nope", "-v",
        "-v/a:/b", "-e", "-e=A=1", "--mount", "--mount=type=bind,src=/a,dst=/b", "--tmpfs=/t", "-itv",
        "--cache-to", "true", "false", ByteString([0xFF]), ByteString([0x2D, 0xFF]), ByteString([0x2D, 0x74, 0]),
        ByteString([0x2D, 0x2D, 0xC3]),
    ]

    /// Mostly lines that reach the build's own options, and some of any form.
    private static func line(_ generator: inout Generator) -> [ByteString] {
        let beginnings: [[ByteString]] = [
            ["docker", "build"], ["docker", "-D", "image", "build"], ["docker", "buildx", "--builder", "x", "b"],
            ["docker", "--", "builder", "build"], ["docker", "run"], ["docker", "-D", "container", "create"],
            ["docker", "buildx"], ["docker"], [],
        ]
        var line = beginnings.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 0...7, using: &generator) {
            if Int.random(in: 0..<8, using: &generator) == 0 {
                let length = Int.random(in: 0...4, using: &generator)
                line.append(ByteString((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }))
            } else {
                line.append(pieces.randomElement(using: &generator) ?? "")
            }
        }
        return line
    }

    private static func check(_ arguments: [ByteString]) -> Bool {
        if case .container(let container) = Invocation.parse(arguments) {
            checkPlaces(container.scan, until: container.scan.positionals.first, arguments, container.commandWordIndex)
            checkInsertion(container, arguments)
            return false
        }
        guard case .build(let build) = Invocation.parse(arguments) else { return false }
        checkPlaces(build.scan, until: nil, arguments, build.commandWordIndex)
        checkInsertion(build, arguments)
        return true
    }

    /// Every argument after the command word is accounted for, and every value is at its reported place.
    private static func checkPlaces(
        _ scan: Scan, until end: Int?, _ arguments: [ByteString], _ commandWordIndex: Int
    ) {
        var covered = Set(scan.positionals)
        if let terminator = scan.terminator { covered.insert(terminator) }
        for occurrence in scan.occurrences {
            #expect(occurrence.arguments.upperBound <= end ?? .max, "an option behind the image")
            covered.formUnion(occurrence.arguments)
            if let offset = occurrence.valueOffset, let last = occurrence.arguments.last {
                #expect(arguments[last].dropFirst(offset) == occurrence.value)
            } else {
                #expect(occurrence.value == "true")
            }
        }
        #expect(covered == Set((commandWordIndex + 1)..<arguments.count))
    }

    private static func checkInsertion(_ container: ContainerInvocation, _ arguments: [ByteString]) {
        let longer = arguments.inserting(
            ["--mount=type=volume,src=x,dst=/dev/slipway", "--env=A="], after: container.commandWordIndex)
        guard case .container(let again) = Invocation.parse(longer) else {
            Issue.record("no container any more: \(longer)")
            return
        }
        #expect(again.variables == ["A"] + container.variables)
        #expect(again.mountTargets == container.mountTargets.map { ["/dev/slipway"] + $0 })
        #expect(again.image == container.image && again.globals == container.globals)
        #expect(again.isPassThrough == container.isPassThrough)
    }

    /// Injected options come before the user's own, change nothing else, and can be removed again.
    private static func checkInsertion(_ build: BuildInvocation, _ arguments: [ByteString]) {
        let longer = arguments.inserting(injected, after: build.commandWordIndex)
        let place = (build.commandWordIndex + 1)..<(build.commandWordIndex + 1 + injected.count)
        var restored = longer
        restored.removeSubrange(place)
        #expect(restored == arguments)
        guard case .build(let again) = Invocation.parse(longer) else {
            Issue.record("no build any more: \(longer)")
            return
        }
        #expect(again.cacheTo == ["type=local,dest=/c"] + build.cacheTo)
        #expect(again.cacheFrom == ["type=local,src=/c"] + build.cacheFrom)
        #expect(again.scan.occurrences.dropFirst(2).map(\.value) == build.scan.occurrences.map(\.value))
        #expect(again.globals == build.globals)
        #expect(again.builder == build.builder)
        #expect(again.positionals == build.positionals)
        #expect(again.isPassThrough == build.isPassThrough)
    }

    @Test("Random lines", arguments: 1...8 as ClosedRange<UInt64>)
    func randomLines(seed: UInt64) {
        var generator = Generator(state: seed)
        let builds = (0..<3_000).count { _ in Self.check(Self.line(&generator)) }
        #expect(builds > 200)
    }

    @Test("The corpus", arguments: Corpus.entries)
    func corpus(_ entry: Corpus.Entry) {
        _ = Self.check(Corpus.words(of: entry.line))
    }

    @Test("Inserting after an index that does not exist changes nothing")
    func insertingOutside() {
        let arguments: [ByteString] = ["docker", "build"]
        #expect(arguments.inserting(["x"], after: 0) == ["docker", "x", "build"])
        #expect(arguments.inserting(["x"], after: 1) == ["docker", "build", "x"])
        #expect(arguments.inserting(["x"], after: 2) == arguments)
        #expect(arguments.inserting(["x"], after: -1) == arguments)
        #expect([ByteString]().inserting(["x"], after: 0).isEmpty)
    }
}
