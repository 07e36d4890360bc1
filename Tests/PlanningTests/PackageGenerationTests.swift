import Formats
import Planning
import Testing

@Suite("Generations described by an engine's volumes")
struct PackageGenerationTests {
    private static let root: ByteString = "/var/lib/docker/volumes"

    private static func volume(
        _ name: ByteString, _ kind: VolumeKind, _ labels: [(ByteString, ByteString)] = [],
        at mountpoint: ByteString? = nil
    ) -> PackageVolume {
        let all = [("app", "slipway"), ("type", kind.rawValue)] + labels
        return PackageVolume(
            name: name, mountpoint: mountpoint ?? root + "/" + name + "/_data",
            labels: all.map { JSON.Member(name: $0.0, value: .string($0.1)) })
    }

    private static func generation(
        _ name: ByteString, created: ByteString = "5", layers: ByteString = "l2:l1", view: ByteString = "yes",
        tools: ByteString = "pip,npm", root: ByteString = root
    ) -> PackageVolume {
        volume(
            name, .generation,
            [
                ("slipway.created", created), ("slipway.layers", layers), ("slipway.view", view),
                ("slipway.tools", tools), ("slipway.volumes", root),
            ])
    }

    private static let layers = [volume("l1", .layer), volume("l2", .layer)]

    @Test("Docker 26 is the first engine that mounts a part of a volume (moby docs/api/version-history.md, v1.45)")
    func leastAPI() {
        #expect(PackageView.leastAPI == (1, 45))
    }

    @Test("A complete one, with its layers in order and without tools of a later Slipway")
    func whole() {
        let volumes = Self.layers + [Self.generation("g", tools: "pip,conda,go")]
        guard case .whole(let found) = PackageGeneration.current(among: volumes) else {
            Issue.record("not whole")
            return
        }
        #expect(found.name == "g" && found.tools == [.pip, .go] && found.view == .plain)
        #expect(found.lowerDirectories == [Self.root + "/l2/_data", Self.root + "/l1/_data"])
    }

    @Test("The newest one counts, by number and not by name, complete or not")
    func newest() {
        let older = Self.generation("z", created: "9")
        #expect(
            PackageGeneration.current(
                among: Self.layers + [older, Self.generation("a", created: "10", layers: "gone")])
                == .damaged("a"))
        #expect(older.created == 9 && Self.layers[0].created == 0)
        #expect(PackageGeneration.current(among: Self.layers) == .none)
        #expect(PackageGeneration.current(among: []) == .none)
    }

    @Test(
        "Damaged: missing and foreign layers, empty or false labels, paths that an overlay would split",
        arguments: [
            [generation("g", layers: "l2:l3")], [generation("g", layers: "")], [generation("g", view: "perhaps")],
            [generation("g", root: "/elsewhere")], [generation("g", layers: "v"), volume("v", .view)],
            [volume("g", .generation)], [generation("g", layers: "m"), volume("m", .layer, at: "/other/m/_data")],
            [
                generation("g", layers: "a,b", root: root),
                volume("a,b", .layer, at: "/var/lib/docker/volumes/a,b/_data"),
            ],
        ])
    func damaged(_ volumes: [PackageVolume]) {
        #expect(PackageGeneration.current(among: Self.layers + volumes) == .damaged("g"))
    }

    @Test("If views cannot be mounted, the directories of the layers do not matter")
    func withoutViews() {
        let volumes = [Self.volume("l", .layer, at: "/odd")]
        let found = PackageGeneration.current(
            among: volumes + [Self.generation("g", layers: "l", view: "no", root: "")])
        guard case .whole(let generation) = found else {
            Issue.record("not whole")
            return
        }
        #expect(generation.view == ViewSupport.none && generation.layers == ["l"])
        #expect(PackageGeneration.current(among: [Self.generation("g", layers: "l", view: "no")]) == .damaged("g"))
    }

    @Test("Valid and invalid answers of an engine")
    func list() {
        let body: ByteString =
            #"{"Volumes":[{"Name":"g","Mountpoint":"/m","Labels":{"app":"slipway","type":"cache"},"Options":null},"#
            + #"{"Name":"other","Mountpoint":"/o","Labels":null}],"Warnings":null}"#
        let volumes = PackageVolume.list(in: body)
        #expect(volumes?.map(\.name) == ["g", "other"])
        #expect(volumes?.map(\.kind) == [.generation, nil])
        #expect(PackageVolume.list(in: #"{"Volumes":null}"#) == [])
        // Of two values docker has the last.
        let twice = #"{"Volumes":[{"Name":"g","Mountpoint":"/m","Labels":{"a":"1","a":"2"}}]}"# as ByteString
        #expect(PackageVolume.list(in: twice)?.first?.label("a") == "2")
        for wrong in ["", "[]", "{}", #"{"Volumes":[{}]}"#, #"{"Volumes":7}"#, #"{"message":"x"}"#] as [ByteString] {
            #expect(PackageVolume.list(in: wrong) == nil)
        }
    }

    @Test("The options that mount a view")
    func mounts() {
        guard
            case .whole(let found) = PackageGeneration.current(
                among: Self.layers + [Self.generation("g", view: "userxattr")])
        else {
            Issue.record("not whole")
            return
        }
        let labels: ByteString = "volume-label=app=slipway,volume-label=type=cache-view,volume-label=slipway.created=7"
        #expect(
            PackageView(random: "00ff").mounts(of: found, created: 7) == [
                "type=volume,src=slipway-view-00ff-w,dst=/dev/.slipway-w,readonly,volume-nocopy," + labels,
                "type=volume,src=slipway-view-00ff,dst=/dev/slipway,volume-nocopy,volume-driver=local," + labels
                    + ",volume-opt=type=overlay,volume-opt=device=overlay,\"volume-opt=o=lowerdir=" + Self.root
                    + "/l2/_data:" + Self.root + "/l1/_data,upperdir=" + Self.root + "/slipway-view-00ff/_data,workdir="
                    + Self.root + "/slipway-view-00ff-w/_data,userxattr\"",
            ])
    }

    @Test(
        "Mounts that may be the user's own cache of a tool",
        arguments: [
            ("/root/.cache/pip", [.pip]), ("/root/.cache/pip/http", [.pip]), ("/home/node/.npm", [.npm]),
            ("/home/node/.npm/_cacache", [.npm]), ("/x/.cache", [.pip, .uv, .yarn, .go]),
            ("/usr/local/share/.cache/yarn", [.yarn]), ("/go", [.go]), ("/go/pkg/mod/cache", [.go]),
            ("/root", PackageTool.allCases), ("/home", PackageTool.allCases), ("/home/node", PackageTool.allCases),
            ("/home/node/app", []), ("/app", []), ("/workspace/.npmrc", []), ("/cache/pip", []), ("/srv/cargo", []),
        ] as [(ByteString, [PackageTool])])
    func kept(_ path: ByteString, _ tools: [PackageTool]) {
        #expect(PackageTool.allCases.filter { $0.isKept(at: path) } == tools)
    }

    @Test(
        "Variables that concern a tool's cache",
        arguments: [
            ("PIP_CACHE_DIR", [.pip]), ("PIP_NO_CACHE_DIR", [.pip]), ("pip_cache_dir", []),
            ("npm_config_cache", [.npm]), ("NPM_CONFIG_CACHE", [.npm]), ("NPM_CONFIG_REGISTRY", []),
            ("UV_LINK_MODE", [.uv]), ("GOPATH", [.go]), ("XDG_CACHE_HOME", [.pip, .uv, .yarn, .go]), ("HOME", []),
        ] as [(ByteString, [PackageTool])])
    func led(_ variable: ByteString, _ tools: [PackageTool]) {
        #expect(PackageTool.allCases.filter { $0.isLed(by: variable) } == tools)
    }
}
