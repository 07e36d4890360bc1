public import Engine
public import Formats
public import Planning

/// The result of a run.
public struct Warmed: Equatable, Sendable {
    /// The name of the published generation, or the names of the shared volumes.
    public var volumes: [ByteString] = []
    /// The digest of its content.
    public var digest: ByteString = ""
    /// Its layers, the topmost first; empty in the shared modes.
    public var layers: [ByteString] = []
    /// The tools for which it has packages.
    public var tools: [PackageTool] = []
    /// The tools that fetched, "pip 23.0.1 (Python 3.11)".
    public var used: [ByteString] = []
    /// The number of its files.
    public var files = 0
    /// Its approximate size in bytes on the engine's disk.
    public var bytes = 0
    /// How views can be mounted; nil in the shared modes.
    public var view: ViewSupport?
    /// What the user should know.
    public var notes: [ByteString] = []
    /// What could not be removed.
    public var left: [ByteString] = []

    /// Empty.
    public init() {}

    /// Stable for programs.
    public var json: JSON {
        .object([
            "volumes": .array(volumes.map(JSON.string)), "digest": .string(digest),
            "layers": .array(layers.map(JSON.string)), "tools": .array(tools.map { .string($0.rawValue) }),
            "used": .array(used.map(JSON.string)), "files": .integer(files), "bytes": .integer(bytes),
            "view": view.map { .string($0.rawValue) } ?? .null, "notes": .array(notes.map(JSON.string)),
            "left": .array(left.map(JSON.string)),
        ])
    }
}

/// `slipway warm`: the only writer of generations and shared volumes.
public struct Warming {
    /// If there are more layers, they are merged into one.
    static let mostLayers = 4

    let docker: any EngineClient
    let request: WarmRequest
    let mode: Settings.PackageCache
    /// The directory that paths are relative to.
    let directory: ByteString
    /// Milliseconds since 1970.
    let now: () -> Int
    /// Sixteen hexadecimal digits that were never used before.
    let random: () -> ByteString
    let progress: (WarmProgress) -> Void

    /// A run on an engine.
    public init(
        _ docker: any EngineClient, _ request: WarmRequest, mode: Settings.PackageCache, directory: ByteString,
        now: @escaping () -> Int, random: @escaping () -> ByteString, progress: @escaping (WarmProgress) -> Void
    ) {
        self.docker = docker
        self.request = request
        self.mode = mode
        self.directory = directory
        self.now = now
        self.random = random
        self.progress = progress
    }

    /// Fetches and publishes. If it throws, nothing has been published, and the error's `left` tells what could not
    /// be removed.
    public func run() throws(DockerClientError) -> Warmed {
        try request.check()
        let inputs = try BuilderInputs(for: request, from: directory)
        var cleanup = CleanupList(docker)
        do throws(DockerClientError) {
            var warmed: Warmed
            switch mode {
            case .view: warmed = try fillGeneration(inputs, &cleanup)
            case .readOnly, .readWrite: warmed = try fillShared(inputs, &cleanup)
            case .off:
                throw DockerClientError(
                    .modeOff,
                    "the setting package-cache.mode is off, so no container would get any of it: set it to view")
            }
            progress(.step("tidying up"))
            warmed.left = cleanup.remove()
            return warmed
        } catch {
            var failure = error
            progress(.step("tidying up"))
            failure.left = cleanup.remove()
            throw failure
        }
    }

    /// The engine's ID.
    private func engine() throws(DockerClientError) -> ByteString {
        progress(.step("asking the engine"))
        let answer = try docker.call(DockerCall(["info", "--format", "{{json .}}"], .question))
        guard let json = JSON(answer.output.trimmed), let identifier = json[key: "ID"]?.string, !identifier.isEmpty
        else {
            let said = JSON(answer.output.trimmed)?[key: "ServerErrors"]?.array?.compactMap(\.string) ?? []
            throw DockerClientError(
                .engineSilent, "no engine answers: see whether `docker info` does",
                words: said.isEmpty ? answer.words : said.joined(separator: "\n"))
        }
        guard json[key: "OSType"]?.string == "linux" else {
            throw DockerClientError(.engineNotLinux, "the engine does not run Linux containers")
        }
        return identifier
    }

    /// The shim requires the same version: on an older engine containers could not use what was fetched.
    private func checkVersion() throws(DockerClientError) {
        let answer = try docker.call(DockerCall(["version", "--format", "{{.Server.APIVersion}}"], .question))
        guard answer.isGood else {
            throw DockerClientError(
                .engineSilent, "no engine answers: see whether `docker version` does", words: answer.words)
        }
        let numbers = answer.output.trimmed.split(".").compactMap(\.decimal)
        guard numbers.count == 2,
            numbers.lexicographicallyPrecedes([PackageView.leastAPI.major, PackageView.leastAPI.minor])
        else { return }
        throw DockerClientError(
            .engineTooOld,
            "the engine's API is " + answer.output.trimmed
                + ", and containers get views from 1.45 (Docker 26) on; nothing was fetched: package-cache.mode = read-only "
                + "works there, with its limits")
    }

    private func builder(_ cleanup: inout CleanupList) -> Builder {
        let name = "slipway-builder-" + random()
        cleanup.willMake(container: name)
        return Builder(docker: docker, request: request, name: name, created: now(), progress: progress)
    }

    // MARK: - A generation

    private func fillGeneration(_ inputs: BuilderInputs, _ cleanup: inout CleanupList) throws(DockerClientError)
        -> Warmed
    {
        let engine = try engine()
        try checkVersion()
        let base = try request.isAddition ? base() : nil
        let layer = "slipway-layer-" + random()
        cleanup.willMake(volume: layer)
        let volume = try docker.make(layer, labels: labels(.layer, created: now(), engine: engine))
        var builder = builder(&cleanup)
        let isStacked = try prepare(&builder, layer: volume, on: base, &cleanup)
        let result = try builder.run(inputs)
        let layers = [layer] + (isStacked ? base?.layers ?? [] : [])

        var warmed = Warmed(result)
        warmed.layers = layers
        progress(.step("trying a view"))
        var directory: ByteString = ""
        if let found = volume.directory {
            directory = found
            let probe = Probe(
                docker: docker, request: request, directory: found, layers: layers, created: now(), random: random)
            let answer = try probe.run(&cleanup)
            warmed.view = answer.support
            if answer.support == .none { warmed.notes.append(Self.noView(answer.words)) }
        } else {
            warmed.view = ViewSupport.none
            warmed.notes.append(Self.noView(volume.mountpoint + " is not where local volumes lie"))
        }
        progress(.step("publishing"))
        let name = try publish(warmed, engine: engine, directory: directory, &cleanup)
        try checkWhole(name, over: layers, &cleanup)
        cleanup.retain(volume: name)
        cleanup.retain(volume: layer)
        warmed.volumes = [name]
        return warmed
    }

    private static func noView(_ words: ByteString) -> ByteString {
        "this engine cannot mount views, so containers get nothing of this; package-cache.mode = read-only has its limits "
            + "but works: " + words
    }

    /// The generation that `--add` extends; nil if there is none.
    private func base() throws(DockerClientError) -> PackageGeneration? {
        switch try PackageGeneration.current(among: docker.volumes()) {
        case .none: return nil
        case .whole(let generation): return generation
        case .damaged(let name):
            throw DockerClientError(
                .volumeForeign,
                "the current generation " + name + " is not whole, it has lost a layer perhaps: warm without --add")
        }
    }

    /// Whether the fetched packages form a layer of their own; otherwise the layer gets a copy of the existing
    /// packages.
    private func prepare(
        _ builder: inout Builder, layer: PackageVolume, on base: PackageGeneration?, _ cleanup: inout CleanupList
    ) throws(DockerClientError) -> Bool {
        let plain = "type=volume,src=" + layer.name + ",dst="
        guard let base else {
            builder.mounts = [plain + PackageView.place + ",volume-nocopy"]
            return false
        }
        if base.view != .none {
            let view = PackageView(random: random())
            cleanup.willMake(volume: view.name)
            cleanup.willMake(volume: view.workName)
            if base.layers.count < Self.mostLayers {
                // The layer is mounted, so that nobody removes it meanwhile.
                builder.mounts =
                    view.mounts(
                        over: base.lowerDirectories, in: base.directory, as: base.view, at: PackageView.place,
                        upper: layer.name, created: builder.created) + [
                        plain + "/dev/.slipway-upper,readonly,volume-nocopy"
                    ]
                return true
            }
            builder.mounts = view.mounts(
                over: base.lowerDirectories, in: base.directory, as: base.view, at: Builder.from,
                created: builder.created)
        } else if let only = base.layers.first, base.layers.count == 1 {
            builder.mounts = ["type=volume,src=" + only + ",dst=" + Builder.from + ",readonly,volume-nocopy"]
        } else {
            throw DockerClientError(
                .volumeForeign, "the current generation has several layers, and views do not mount: warm without --add")
        }
        builder.mounts.append(plain + PackageView.place + ",volume-nocopy")
        builder.copiesFrom = Builder.from
        return false
    }

    /// Creates the generation's volume, which publishes it atomically. Its time is later than that of any other,
    /// whatever the clock says.
    private func publish(
        _ warmed: Warmed, engine: ByteString, directory: ByteString, _ cleanup: inout CleanupList
    ) throws(DockerClientError) -> ByteString {
        let newest = try docker.volumes().filter { $0.kind == .generation }.map(\.created).max() ?? 0
        let created = max(now(), newest + 1)
        let digest = warmed.digest.cut(at: ":")?.after ?? warmed.digest
        let name = "slipway-generation-" + ByteString(decimal: created) + "-" + digest.prefix(12)
        let labels = labels(
            .generation, created: created, engine: engine,
            [
                (PackageLabels.digest, warmed.digest), (PackageLabels.layers, warmed.layers.joined(separator: ":")),
                (PackageLabels.tools, warmed.tools.map(\.rawValue).joined(separator: ",")),
                (PackageLabels.view, (warmed.view ?? .none).rawValue), (PackageLabels.directory, directory),
            ])
        cleanup.willMake(volume: name)
        do throws(DockerClientError) {
            _ = try docker.make(name, labels: labels)
        } catch {
            // A foreign volume with the same name must not be removed.
            if error.code == .volumeForeign { cleanup.retain(volume: name) }
            throw error
        }
        return name
    }

    /// Until a generation names it, only containers hold a layer, and a purge, or a trim with little grace, takes those
    /// for containers of a killed run. Newer generations of other runs do not matter: this one must be complete all the
    /// same.
    private func checkWhole(
        _ name: ByteString, over layers: [ByteString], _ cleanup: inout CleanupList
    ) throws(DockerClientError) {
        let volumes = try docker.volumes().filter { $0.kind != .generation || $0.name == name }
        if case .whole = PackageGeneration.current(among: volumes) { return }
        // If a volume is gone, docker creates it again for a mount: empty, without labels, and nothing would ever
        // remove it.
        for volume in try docker.volumes(layers) where volume.kind == nil { cleanup.willMake(volume: volume.name) }
        throw DockerClientError(
            .volumeForeign,
            "the generation " + name + " has lost a layer while it was made, to `slipway purge --packages` or "
                + "`slipway trim --packages` perhaps; nothing was published: warm again when they are done")
    }

    // MARK: - The volumes of the modes read-only and read-write

    private func fillShared(_ inputs: BuilderInputs, _ cleanup: inout CleanupList) throws(DockerClientError) -> Warmed {
        let tools = request.tools
        if let other = tools.first(where: { SharedVolume.name(of: $0) == nil }) {
            throw DockerClientError(
                .badRequest, "package-cache.mode = " + mode.rawValue + " knows pip and npm only, not " + other.rawValue)
        }
        let engine = try engine()
        var builder = builder(&cleanup)
        builder.root = Builder.sharedPlace
        var names: [ByteString] = []
        var made: [ByteString] = []
        for tool in tools {
            guard let name = SharedVolume.name(of: tool) else { continue }
            let labels = labels(.shared, created: now(), engine: engine)
            if try docker.volumes([name]).isEmpty {
                cleanup.willMake(volume: name)
                made.append(name)
                do throws(DockerClientError) {
                    _ = try docker.make(name, labels: labels)
                } catch {
                    guard error.code == .volumeForeign else { throw error }
                    // Another process was faster, perhaps another run.
                    cleanup.retain(volume: name)
                    made.removeLast()
                }
            }
            if let volume = try docker.volumes([name]).first, !SharedVolume.isOurs(volume) {
                throw DockerClientError(
                    .volumeForeign,
                    "the volume " + name + " exists with other labels or options, so it is not Slipway's: "
                        + "remove it with `docker volume rm " + name + "`", words: volume.description)
            }
            names.append(name)
            builder.mounts.append(
                "type=volume,src=" + name + ",dst=" + Builder.sharedPlace + "/" + tool.rawValue + ",volume-nocopy"
                    + labels.map { ",volume-label=" + $0.0 + "=" + $0.1 }.joined(separator: ""))
        }
        let result = try builder.run(inputs)
        for name in made { cleanup.retain(volume: name) }
        var warmed = Warmed(result)
        warmed.volumes = names
        return warmed
    }
}

extension Warmed {
    /// From a builder's report.
    fileprivate init(_ result: Builder.Result) {
        digest = result.digest
        tools = result.tools
        files = result.files
        bytes = result.kibibytes * 1024
        used = result.used.map {
            $0.tool + " " + $0.version + ($0.python.isEmpty ? "" : " (Python " + $0.python + ")")
        }
        notes = result.notes.map {
            $0 == "pip-not-cacheable"
                ? "pip kept no downloads: the package index forbids caching, so containers will download them again"
                : $0
        }
    }
}

/// The volumes that containers mount directly in the modes `read-only` and `read-write`.
enum SharedVolume {
    /// The volume of a tool; nil if the tool has none.
    static func name(of tool: PackageTool) -> ByteString? {
        PackageCachePolicy.sharedVolumes.first { $0.tool == tool }?.name
    }

    static func isOurs(_ volume: PackageVolume) -> Bool {
        volume.kind == .shared && volume.driver == "local" && volume.options.isEmpty
    }
}
