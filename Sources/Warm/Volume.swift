public import Formats
public import PackageCache

/// A volume as its engine tells it.
public struct Volume: Equatable, Sendable {
    /// Its name.
    public let name: ByteString
    /// "local" for all of ours.
    public let driver: ByteString
    /// Where its files lie on the engine.
    public let mountpoint: ByteString
    /// Its labels.
    public let labels: [ByteString: ByteString]
    /// Its driver's options: of a view, what is mounted.
    public let options: [ByteString: ByteString]

    /// From an element of `docker volume inspect`; nil when it is not one.
    ///
    /// Source: moby api/types/volume/volume.go, Volume.
    init?(_ json: JSON) {
        guard let name = json[key: "Name"]?.string, !name.isEmpty, let driver = json[key: "Driver"]?.string else {
            return nil
        }
        self.name = name
        self.driver = driver
        mountpoint = json[key: "Mountpoint"]?.string ?? ""
        labels = Self.map(json[key: "Labels"])
        options = Self.map(json[key: "Options"])
    }

    private static func map(_ json: JSON?) -> [ByteString: ByteString] {
        var map: [ByteString: ByteString] = [:]
        for member in json?.members ?? [] { map[member.name] = member.value.string ?? "" }
        return map
    }

    /// What it is to us; nil for a volume that is not ours.
    public var kind: VolumeKind? {
        guard labels[PackageLabels.app.name] == PackageLabels.app.value else { return nil }
        return labels[PackageLabels.kind].flatMap(VolumeKind.init(rawValue:))
    }

    /// When it was made, in milliseconds; nil when its label does not tell.
    public var created: Int? { labels[PackageLabels.created]?.decimal }

    /// The engine's directory of volumes; nil when this one does not lie in it as local ones do.
    var directory: ByteString? {
        let tail = "/" + name + "/_data"
        guard mountpoint.hasPrefix("/"), mountpoint.hasSuffix(tail) else { return nil }
        return mountpoint.dropLast(tail.count)
    }

    /// Volumes that a mount of this one lies on: of a view its layers, its upper and its work directory.
    ///
    /// Source: what `PackageView` writes, "lowerdir=V/A/_data:V/B/_data,upperdir=V/N/_data,workdir=V/N-w/_data".
    var mounted: Set<ByteString> {
        var names: Set<ByteString> = []
        for option in (options["o"] ?? "").split(",") {
            guard let (_, paths) = option.cut(at: "=") else { continue }
            for path in paths.split(":") where path.lastPathComponent == "_data" {
                names.insert(path.parentPath.lastPathComponent)
            }
        }
        return names
    }

    /// Its labels and options, for people.
    var description: ByteString {
        func text(_ map: [ByteString: ByteString]) -> ByteString {
            map.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value }.joined(separator: ",")
        }
        return name + ": driver " + driver + ", labels " + text(labels) + ", options " + text(options)
    }
}

/// A published generation.
public struct PublishedGeneration: Equatable, Sendable {
    /// The volume whose labels tell all of it.
    public let volume: Volume
    /// When it was published, in milliseconds.
    public let created: Int
    /// Its layers, the uppermost first.
    public let layers: [ByteString]
    /// The tools that it has packages for.
    public let tools: [PackageTool]
    /// Whether and how views of it mount.
    public let view: ViewSupport
    /// Of its contents.
    public let digest: ByteString

    /// From a volume; nil when that is no generation, or one that does not tell all.
    public init?(_ volume: Volume) {
        guard volume.kind == .generation, let created = volume.created,
            let layers = volume.labels[PackageLabels.layers]?.split(":"), !layers.contains(where: \.isEmpty),
            let view = volume.labels[PackageLabels.view].flatMap(ViewSupport.init(rawValue:))
        else { return nil }
        self.volume = volume
        self.created = created
        self.layers = layers
        self.view = view
        tools = (volume.labels[PackageLabels.tools] ?? "").split(",").compactMap(PackageTool.init(rawValue:))
        digest = volume.labels[PackageLabels.digest] ?? ""
    }

    /// The newest, as `PackageGeneration.current` has it; of two made in the same millisecond the one whose name is later.
    public static func current(among volumes: [Volume]) -> PublishedGeneration? {
        volumes.compactMap(PublishedGeneration.init).max { ($0.created, $0.volume.name) < ($1.created, $1.volume.name) }
    }
}

extension EngineClient {
    /// All volumes of ours. One that is removed meanwhile is left out.
    func volumes() throws(WarmFailure) -> [Volume] {
        let label = PackageLabels.app.name + "=" + PackageLabels.app.value
        let list = try call(DockerCall(["volume", "ls", "--quiet", "--filter", "label=" + label], .question))
        guard list.isGood else {
            throw WarmFailure(
                .engineSilent, "the engine does not list its volumes: see whether `docker version` answers",
                words: list.words)
        }
        let names = list.output.split("\n").map(\.trimmed).filter { !$0.isEmpty }
        guard !names.isEmpty else { return [] }
        var found: [Volume] = []
        // A command line has room for a few thousand names.
        for start in stride(from: 0, to: names.count, by: 500) {
            let some = Array(names[start..<min(start + 500, names.count)])
            found += try inspect(some)
        }
        return found.filter { $0.kind != nil }
    }

    /// What the engine says of some volumes; those that are not there are left out.
    func inspect(_ names: [ByteString]) throws(WarmFailure) -> [Volume] {
        let answer = try call(DockerCall(["volume", "inspect"] + names, .question))
        guard let found = JSON(answer.output)?.array else {
            throw WarmFailure(
                .engineSilent, "the engine does not tell what its volumes are: see whether `docker version` answers",
                words: answer.words)
        }
        // Docker prints what it found, and fails when something is missing.
        if !answer.isGood, answer.error.lowercasedASCII.range(of: "no such volume") == nil,
            answer.error.lowercasedASCII.range(of: "not found") == nil
        {
            throw WarmFailure(
                .engineSilent, "the engine does not tell what its volumes are: see whether `docker version` answers",
                words: answer.words)
        }
        return found.compactMap(Volume.init)
    }

    /// Makes a volume and looks whether it is what was wanted: docker answers 0 for a name that exists, whatever its labels.
    func make(_ name: ByteString, labels: [(ByteString, ByteString)]) throws(WarmFailure) -> Volume {
        var words: [ByteString] = ["volume", "create", "--driver", "local"]
        for (label, value) in labels { words += ["--label", label + "=" + value] }
        let answer = try call(DockerCall(words + [name], .deed))
        guard answer.isGood else {
            throw WarmFailure(
                .volumeNotMade, "the engine did not make the volume " + name + ": see its disk and `docker info`",
                words: answer.words)
        }
        guard let volume = try inspect([name]).first(where: { $0.name == name }) else {
            throw WarmFailure(
                .volumeNotMade, "docker volume create answered well, but there is no volume " + name,
                words: answer.words)
        }
        guard volume.driver == "local", volume.options.isEmpty,
            labels.allSatisfy({ volume.labels[$0.0] == $0.1 })
        else {
            throw WarmFailure(
                .volumeForeign,
                "the volume " + name + " exists with other labels or options: remove it with `docker volume rm " + name
                    + "`",
                words: volume.description)
        }
        return volume
    }
}

/// The labels of a new volume of ours.
func labels(
    _ kind: VolumeKind, created: Int, engine: ByteString, _ more: [(ByteString, ByteString)] = []
) -> [(ByteString, ByteString)] {
    [
        PackageLabels.app, (PackageLabels.kind, kind.rawValue),
        (PackageLabels.created, ByteString(decimal: created)), (PackageLabels.engine, engine),
    ] + more
}
