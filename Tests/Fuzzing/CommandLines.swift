import Formats
import Notes
import PathMap
import Planning

@testable import DockerCommandLine

/// Command lines: arguments separated by NUL, without the program's name.
enum CommandLines {
    static func check(_ input: ByteString) {
        let words =
            ["docker"]
            + (input.isEmpty
                ? [] : input.bytes.split(separator: 0, omittingEmptySubsequences: false).map { ByteString($0) })
        switch Invocation.parse(words) {
        case .build(let build): check(build, words)
        case .container(let container): check(container, words)
        case .volume(let volume): check(volume, words)
        case .bake(let bake): check(bake, words)
        case .compose(let compose):
            checkPlaces(compose.scan, until: nil, words, from: compose.commandWordIndex)
        case .other, .notUnderstood: break
        }
    }

    /// Every argument after the command word is accounted for, and every value is at its reported place.
    private static func checkPlaces(_ scan: Scan, until end: Int?, _ words: [ByteString], from index: Int) {
        var covered = Set(scan.positionals)
        if let terminator = scan.terminator { covered.insert(terminator) }
        for occurrence in scan.occurrences {
            require(occurrence.arguments.upperBound <= end ?? .max, "an option behind the image")
            covered.formUnion(occurrence.arguments)
            if let offset = occurrence.valueOffset, let last = occurrence.arguments.last {
                require(words[last].dropFirst(offset) == occurrence.value, "a value stands elsewhere")
            }
        }
        require(covered == Set((index + 1)..<max(index + 1, words.count)), "words are left over")
    }

    /// The added options are in one place, directly after the command word, and without them the arguments are the
    /// user's.
    private static func checkRemoval(_ plan: Plan, _ words: [ByteString], after index: Int) {
        require(plan.isChanged == (plan.arguments != words), "isChanged lies")
        let count = plan.arguments.count - words.count
        require(count >= 0, "words were taken away")
        var restored = plan.arguments
        restored.removeSubrange((index + 1)..<(index + 1 + count))
        require(restored == words, "the user's words are not restored")
    }

    private static func offer(exportingTo key: ByteString) -> CacheOffer {
        let generation: ByteString = "/store/v1/u0/gen-000001"
        return CacheOffer(
            importing: .adding("type=local,src=" + generation + ",digest=sha256:0", Note(.importAdded)),
            exporting: .adding("type=local,dest=" + generation + "/exports/" + key + "/i", Note(.exportAdded)))
    }

    private static func check(_ build: BuildInvocation, _ words: [ByteString]) {
        checkPlaces(build.scan, until: nil, words, from: build.commandWordIndex)
        let isOurs: (ByteString) -> Bool = { $0.hasPrefix("/store/v1/u0/gen-000001") }
        let request = BuildCachePolicy.request(of: build, Settings(), isOurs: isOurs)
        let plan = BuildCachePolicy.plan(build, words, request: request, offer: offer(exportingTo: "k"))
        checkRemoval(plan, words, after: build.commandWordIndex)
        guard plan.isChanged else { return }
        guard case .build(let again) = Invocation.parse(plan.arguments) else {
            return require(false, "no build any more")
        }
        require(again.positionals == build.positionals && again.globals == build.globals, "another build")
        require(Array(again.cacheTo.suffix(build.cacheTo.count)) == build.cacheTo, "the user's exports")
        let second = BuildCachePolicy.request(of: again, Settings(), isOurs: isOurs)
        require(second.isEmpty, "a second shim adds something")
    }

    private static let definition: ByteString = """
        {"target": {"a": {"context": "."}, "b": {"context": "b", "cache-to": ["type=inline"]}}}
        """

    private static func check(_ bake: BakeInvocation, _ words: [ByteString]) {
        checkPlaces(bake.scan, until: nil, words, from: bake.commandWordIndex)
        let isOurs: (ByteString) -> Bool = { $0.hasPrefix("/store/v1/u0/gen-000001") }
        let request = BakeCachePolicy.request(of: bake, Settings(), isOurs: isOurs)
        let parts = (BakeDefinition(definition)?.targets ?? []).map { BakeCachePolicy.Part($0, isOurs: isOurs) }
        let offers = parts.map { offer(exportingTo: $0.target.name) }
        for form in [.appended, .whole, .everywhere] as [BakeCachePolicy.Form] {
            let plan = BakeCachePolicy.plan(bake, words, request: request, parts: parts, offers: offers, form)
            checkRemoval(plan, words, after: bake.commandWordIndex)
            guard plan.isChanged else { continue }
            guard case .bake(let again) = Invocation.parse(plan.arguments) else {
                return require(false, "no bake any more")
            }
            require(again.positionals == bake.positionals && again.globals == bake.globals, "another bake")
            let second = BakeCachePolicy.request(of: again, Settings(), isOurs: isOurs)
            require(second.isEmpty, "a second shim adds something")
        }
    }

    private static let volumes: [PackageVolume] = {
        func volume(_ name: ByteString, _ labels: [(ByteString, ByteString)]) -> PackageVolume {
            PackageVolume(
                name: name, mountpoint: "/v/" + name + "/_data",
                labels: ([("app", "slipway")] + labels).map { JSON.Member(name: $0.0, value: .string($0.1)) })
        }
        return [
            volume("l", [("type", "cache-layer")]),
            volume(
                "g",
                [
                    ("type", "cache"), ("slipway.created", "1"), ("slipway.layers", "l"),
                    ("slipway.tools", "pip,npm,uv,yarn,go"), ("slipway.view", "yes"), ("slipway.volumes", "/v"),
                ]),
        ]
    }()

    private static func packages(_ container: ContainerInvocation, _ words: [ByteString]) -> Plan {
        let request = PackageCachePolicy.request(of: container, Settings(), fileVariables: [])
        return PackageCachePolicy.plan(
            container, words, request: request, facts: .init(volumes: volumes, view: PackageView(random: "1"), now: 7))
    }

    private static func check(_ container: ContainerInvocation, _ words: [ByteString]) {
        checkPlaces(container.scan, until: container.scan.positionals.first, words, from: container.commandWordIndex)
        let plan = packages(container, words)
        checkRemoval(plan, words, after: container.commandWordIndex)
        if plan.isChanged {
            guard case .container(let again) = Invocation.parse(plan.arguments) else {
                return require(false, "no container any more")
            }
            require(again.image == container.image && again.globals == container.globals, "another container")
            require(!packages(again, plan.arguments).isChanged, "a second shim mounts something")
        }
        checkPaths(container.mountSources, words) {
            PathPolicy.plan(container, words, facts: $0)
        } again: { words, facts in
            guard case .container(let again) = Invocation.parse(words) else { return nil }
            return PathPolicy.plan(again, words, facts: facts(again.mountSources))
        }
    }

    private static func check(_ volume: VolumeInvocation, _ words: [ByteString]) {
        checkPlaces(volume.scan, until: nil, words, from: volume.commandWordIndex)
        checkPaths(volume.mountSources, words) {
            PathPolicy.plan(volume, words, facts: $0)
        } again: { words, facts in
            guard case .volume(let again) = Invocation.parse(words) else { return nil }
            return PathPolicy.plan(again, words, facts: facts(again.mountSources))
        }
    }

    private static let table = PathTable([
        PathTable.Row(from: "/ws", to: "/srv/ws", origin: .settings),
        PathTable.Row(from: "/ws/sub", to: "/srv/s,\"ub", origin: .settings),
        PathTable.Row(from: "/a", to: "/a:b", origin: .settings),
    ])

    private static func facts(_ sources: [MountSource]) -> PathPolicy.Facts {
        PathPolicy.Facts(
            table: table,
            sources: sources.map { source in
                let path = (source.path.hasPrefix("/") ? source.path : "/ws/cwd/" + source.path).cleanedPath
                return PathPolicy.Source(source, path: path, resolved: path)
            })
    }

    /// The same number of arguments, the same sources in the same order, and nothing left to translate.
    private static func checkPaths(
        _ sources: [MountSource], _ words: [ByteString], _ make: (PathPolicy.Facts) -> Plan,
        again: ([ByteString], ([MountSource]) -> PathPolicy.Facts) -> Plan?
    ) {
        let plan = make(facts(sources))
        require(plan.isChanged == (plan.arguments != words), "isChanged lies of paths")
        require(plan.arguments.count == words.count, "a path became words")
        guard plan.isChanged else { return }
        guard let second = again(plan.arguments, facts) else { return require(false, "another command") }
        require(!second.isChanged, "a path is translated twice")
    }
}
