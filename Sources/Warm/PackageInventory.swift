public import Engine
public import Formats
public import Planning

/// Slipway's volumes and containers on an engine.
public struct PackageInventory: Sendable {
    /// All of Slipway's volumes.
    public var volumes: [PackageVolume] = []
    /// The volumes that no container has, running or not.
    public var dangling: Set<ByteString> = []
    /// Containers that have a view.
    public var containers: [ByteString] = []
    /// The size of each volume in bytes, if docker reports it; it reports none for views.
    public var sizes: [ByteString: UInt64] = [:]

    /// From given volumes, for tests and tables.
    public init(volumes: [PackageVolume], dangling: Set<ByteString>) {
        self.volumes = volumes
        self.dangling = dangling
    }

    /// Asks an engine. A view that is listed as dangling never gets a container again, because its name was random.
    /// Dangling volumes are requested first: the shim removes views in the background, and a view that is removed
    /// between the two requests would otherwise seem to have a container.
    public init(_ docker: any EngineClient) throws(DockerClientError) {
        let list = try docker.call(
            DockerCall(
                ["volume", "ls", "--quiet", "--filter", "label=" + PackageLabels.mark, "--filter", "dangling=true"],
                .question))
        guard list.isGood else {
            throw DockerClientError(
                .engineSilent, "the engine does not tell which volumes are in use", words: list.words)
        }
        dangling = Set(list.lines)
        volumes = try docker.volumes()
    }

    /// Also asks for details that only people want to know. Answers that come too late are left out.
    public mutating func addDetails(_ docker: any EngineClient) {
        guard !volumes.isEmpty else { return }
        let list = try? docker.call(
            DockerCall(
                ["ps", "--all", "--filter", "volume=" + PackageView.place, "--format", "{{.Names}}"], .question))
        if let list, list.isGood { containers = list.lines.sorted() }
        let use = try? docker.call(
            DockerCall(["system", "df", "--verbose", "--format", "{{json .Volumes}}"], .question))
        if let use, use.isGood { sizes = Self.sizes(use.output) }
    }

    /// Docker writes sizes for people, "331.2kB" in powers of ten, and "N/A" if unknown.
    static func sizes(_ text: ByteString) -> [ByteString: UInt64] {
        var sizes: [ByteString: UInt64] = [:]
        for volume in JSON(text.trimmed)?.array ?? [] {
            guard let name = volume[key: "Name"]?.string, let size = volume[key: "Size"]?.string else { continue }
            let digits = ByteString(size.bytes.prefix { $0.isDigit || $0 == UInt8(ascii: ".") })
            let units: [ByteString: Double] = ["B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12]
            guard let number = Double(digits.lossy), let unit = units[size.dropFirst(digits.count)],
                number.isFinite, number >= 0, number * unit < 1e18
            else { continue }
            sizes[name] = UInt64(number * unit)
        }
        return sizes
    }

    /// Volumes of a kind, by name.
    public func volumes(_ kind: VolumeKind) -> [PackageVolume] {
        volumes.filter { $0.kind == kind }.sorted { $0.name < $1.name }
    }

    /// Generations whose labels are understood, the newest first.
    public var generations: [PackageGeneration] {
        volumes.compactMap(PackageGeneration.init).sorted {
            ($0.volume.created, $0.name) > ($1.volume.created, $1.name)
        }
    }

    /// The generation that containers get now.
    public var current: PackageGeneration.Current { PackageGeneration.current(among: volumes) }

    /// The volumes used by views that some container has, each with the view that uses it; ignores views with these
    /// names.
    func held(except names: Set<ByteString> = []) -> [ByteString: ByteString] {
        var held: [ByteString: ByteString] = [:]
        for view in volumes(.view) where !dangling.contains(view.name) && !names.contains(view.name) {
            for name in view.mounted { held[name] = view.name }
        }
        return held
    }
}
