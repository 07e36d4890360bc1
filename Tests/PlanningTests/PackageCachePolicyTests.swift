import DockerCommandLine
import Formats
import Notes
import Planning
import TestSupport
import Testing

@Suite("What a container gets of fetched packages")
struct PackageCachePolicyTests {
    private struct NotAContainer: Error { let line: ByteString }

    private static func container(_ line: ByteString) throws -> (ContainerInvocation, [ByteString]) {
        let arguments = line.split(" ")
        guard case .container(let container) = Invocation.parse(arguments) else { throw NotAContainer(line: line) }
        return (container, arguments)
    }

    private static func settings(_ mode: Settings.PackageCache) -> Settings {
        var settings = Settings()
        settings.packageCache = mode
        return settings
    }

    private static func request(
        _ line: ByteString, _ mode: Settings.PackageCache = .view, files: [ByteString]? = []
    ) throws -> PackageCachePolicy.Request {
        PackageCachePolicy.request(of: try container(line).0, settings(mode), fileVariables: files)
    }

    private static func volume(_ name: ByteString, _ labels: [(ByteString, ByteString)]) -> PackageVolume {
        PackageVolume(
            name: name, mountpoint: "/v/" + name + "/_data",
            labels: ([("app", "slipway")] + labels).map { JSON.Member(name: $0.0, value: .string($0.1)) })
    }

    private static func volumes(
        tools: ByteString = "pip,npm,uv,yarn,go", view: ByteString = "yes", layers: ByteString = "l"
    ) -> [PackageVolume] {
        [
            volume("l", [("type", "cache-layer")]),
            volume(
                "g",
                [
                    ("type", "cache"), ("slipway.created", "1"), ("slipway.layers", layers), ("slipway.tools", tools),
                    ("slipway.view", view), ("slipway.volumes", "/v"),
                ]),
        ]
    }

    private static func plan(
        _ line: ByteString, _ mode: Settings.PackageCache = .view, _ volumes: [PackageVolume]? = volumes()
    ) throws -> Plan {
        let (container, arguments) = try container(line)
        return PackageCachePolicy.plan(
            container, arguments, request: try request(line, mode),
            facts: .init(volumes: volumes, view: PackageView(random: "1"), now: 7))
    }

    @Test(
        "Nothing is requested, and no engine is asked",
        arguments: [
            ("docker run --help", .helpOrCheck), ("docker run", .commandNotUnderstood),
            ("docker run -v C:\\a:C:\\b img", .commandNotUnderstood),
            ("docker run --mount type=volume,src=a img", .commandNotUnderstood),
            ("docker run --privileged img", .containerSpecial), ("docker run --volume-driver x img", .containerSpecial),
            ("docker create --userns host img", .containerSpecial), ("docker run --runtime=x img", .containerSpecial),
            ("docker run --platform windows/amd64 img", .containerSpecial),
            ("docker run --isolation process img", .containerSpecial),
            ("docker run -v /dev:/dev img", .packagePlaceTaken),
            ("docker run -v /a:/dev/slipway img", .packagePlaceTaken),
            ("docker run --tmpfs /dev/slipway/pip img", .packagePlaceTaken),
            ("docker run --mount type=tmpfs,dst=/dev/.slipway-w img", .packagePlaceTaken),
            ("docker run -v /a:/root img", .packagePlaceTaken),
            ("docker run -v /a:/app/../dev/./slipway/ img", .packagePlaceTaken),
        ] as [(ByteString, Reason)])
    func nothing(_ line: ByteString, _ reason: Reason) throws {
        let request = try Self.request(line)
        #expect(request.tools.isEmpty)
        #expect(Set(request.notes.map(\.reason)) == [reason])
        let plan = try Self.plan(line)
        #expect(!plan.isChanged && plan.arguments == line.split(" "))
    }

    @Test("With the setting off, and with a file of variables that was not read")
    func off() throws {
        #expect(try Self.request("docker run img", .off).notes == [Note(.packageCacheOff)])
        #expect(try Self.request("docker run img", files: nil).notes == [Note(.environmentFileUnread)])
    }

    @Test(
        "A tool whose cache the user has placed elsewhere is left alone",
        arguments: [
            ("docker run img", PackageTool.allCases), ("docker run --privileged=false img", PackageTool.allCases),
            ("docker run -e PIP_CACHE_DIR=/x img", [.npm, .uv, .yarn, .go]),
            ("docker run -e PIP_NO_CACHE_DIR img", [.npm, .uv, .yarn, .go]),
            ("docker run -e npm_config_cache=/x img", [.pip, .uv, .yarn, .go]),
            ("docker run -v pip:/root/.cache/pip img", [.npm, .uv, .yarn, .go]),
            ("docker run -v c:/home/x/.cache img", [.npm]),
            ("docker run -e HOME=/tmp -v /w:/w img", PackageTool.allCases),
            ("docker run --platform linux/arm64 img", PackageTool.allCases),
        ] as [(ByteString, [PackageTool])])
    func tools(_ line: ByteString, _ expected: [PackageTool]) throws {
        #expect(try Self.request(line).tools == expected)
    }

    @Test("Variables in files count as the user's own")
    func files() throws {
        #expect(try Self.request("docker run img", files: ["A", "GOCACHE"]).tools == [.pip, .npm, .uv, .yarn])
    }

    @Test("The mounts and variables of a view, directly after the command word")
    func view() throws {
        let plan = try Self.plan("docker -D container run --rm img pip install x", .view, Self.volumes(tools: "pip,uv"))
        #expect(plan.isChanged && plan.notes == [Note(.viewAdded, "g")])
        #expect(Array(plan.arguments.prefix(4)) == ["docker", "-D", "container", "run"])
        #expect(plan.arguments[4].hasPrefix("--mount=type=volume,src=slipway-view-1-w,dst=/dev/.slipway-w,readonly,"))
        #expect(plan.arguments[5].hasPrefix("--mount=type=volume,src=slipway-view-1,dst=/dev/slipway,"))
        #expect(
            Array(plan.arguments[6...]) == [
                "--env=PIP_CACHE_DIR=/dev/slipway/pip", "--env=PIP_NO_CACHE_DIR=", "--env=UV_CACHE_DIR=/dev/slipway/uv",
                "--env=UV_LINK_MODE=copy", "--rm", "img", "pip", "install", "x",
            ])
        guard case .container(let again) = Invocation.parse(plan.arguments) else {
            Issue.record("no container any more")
            return
        }
        #expect(again.mountTargets == ["/dev/.slipway-w", "/dev/slipway"])
        #expect(
            PackageCachePolicy.request(of: again, Settings(), fileVariables: []).tools.isEmpty, "never added twice")
    }

    @Test(
        "What prevents a view",
        arguments: [
            ([], .noPackages), (volumes(layers: "gone"), .packagesDamaged), (volumes(view: "no"), .viewUnsupported),
        ] as [([PackageVolume], Reason)])
    func noView(_ volumes: [PackageVolume], _ reason: Reason) throws {
        let plan = try Self.plan("docker run img", .view, volumes)
        #expect(!plan.isChanged && plan.notes.map(\.reason) == [reason])
        #expect(plan.arguments == ["docker", "run", "img"])
    }

    @Test("An engine that was not asked, or that has nothing for the remaining tools")
    func unchanged() throws {
        #expect(try !Self.plan("docker run img", .view, nil).isChanged)
        #expect(try !Self.plan("docker run -e PIP_CACHE_DIR=/x img", .view, Self.volumes(tools: "pip")).isChanged)
        #expect(try !Self.plan("docker run img", .view, Self.volumes(tools: "conda")).isChanged)
    }

    @Test(
        "Shared volumes: those that Slipway made, unless another mount conflicts",
        arguments: [(.readOnly, ":ro,nocopy"), (.readWrite, ":nocopy")] as [(Settings.PackageCache, ByteString)])
    func shared(_ mode: Settings.PackageCache, _ options: ByteString) throws {
        let pip = Self.volume("slipway-pip-cache", [("type", "cache-shared")])
        let npm = Self.volume("slipway-npm-cache", [("type", "cache-shared")])
        let both = try Self.plan("docker run img", mode, [pip, npm])
        #expect(
            both.arguments == [
                "docker", "run", "--volume=slipway-pip-cache:/cache/pip" + options, "--env=PIP_CACHE_DIR=/cache/pip",
                "--env=PIP_NO_CACHE_DIR=", "--volume=slipway-npm-cache:/cache/npm" + options,
                "--env=NPM_CONFIG_CACHE=/cache/npm", "img",
            ])
        #expect(both.notes.map(\.reason) == [.sharedCachesAdded])
        let one = try Self.plan("docker run img", mode, [npm])
        #expect(one.arguments.contains("--env=NPM_CONFIG_CACHE=/cache/npm"))
        #expect(!one.arguments.contains("--env=PIP_CACHE_DIR=/cache/pip"), "nothing for a volume that is not there")
        let foreign = Self.volume("slipway-pip-cache", [("type", "other")])
        #expect(try Self.plan("docker run img", mode, [foreign]).notes.map(\.reason) == [.noPackages])
        let above = try Self.plan("docker run -v x:/cache img", mode, [pip, npm])
        #expect(!above.isChanged && Set(above.notes.map(\.reason)) == [.packagePlaceTaken])
        let place = try Self.plan("docker run -v x:/cache/pip/ img", mode, [pip, npm])
        #expect(place.isChanged && !place.arguments.contains("--env=PIP_CACHE_DIR=/cache/pip"))
    }
}
