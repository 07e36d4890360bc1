public import Formats

/// A published generation, as described by its labels.
public struct PackageGeneration: Equatable, Sendable {
    /// The volume whose labels describe it.
    public let volume: PackageVolume
    /// Its layers, the topmost first.
    public let layers: [ByteString]
    /// The tools for which it has packages.
    public let tools: [PackageTool]
    /// Whether and how a view of it can be mounted.
    public let view: ViewSupport
    /// The digest of its content.
    public let digest: ByteString
    /// The engine's directory of volumes.
    public let directory: ByteString

    /// The newest generation on an engine.
    public enum Current: Equatable, Sendable {
        /// There is none.
        case none
        /// Its labels are not understood, or a layer is missing.
        case damaged(ByteString)
        /// It is complete.
        case whole(PackageGeneration)
    }

    /// From a volume; nil if it is not a generation, or if its labels are incomplete.
    public init?(_ volume: PackageVolume) {
        guard volume.kind == .generation, let view = volume.label(PackageLabels.view).flatMap(ViewSupport.init),
            let tools = volume.label(PackageLabels.tools), let layers = volume.label(PackageLabels.layers)?.split(":"),
            !layers.contains(where: \.isEmpty)
        else { return nil }
        self.volume = volume
        self.layers = layers
        // A tool that only a later version of Slipway knows is skipped.
        self.tools = tools.split(",").compactMap(PackageTool.init)
        self.view = view
        digest = volume.label(PackageLabels.digest) ?? ""
        directory = volume.label(PackageLabels.directory) ?? ""
    }

    /// The volume's name.
    public var name: ByteString { volume.name }

    /// The directories of its layers on the engine's machine, the topmost first.
    public var lowerDirectories: [ByteString] { layers.map { Self.files(of: $0, in: directory) } }

    /// The newest generation among Slipway's volumes on an engine; of two made in the same millisecond, the one whose
    /// name sorts later. It never falls back to an older one, so that a problem with the newest is noticed.
    public static func current(among volumes: [PackageVolume]) -> Current {
        let all = volumes.filter { $0.kind == .generation }
        guard let newest = all.max(by: { ($0.created, $0.name) < ($1.created, $1.name) }) else { return .none }
        guard let generation = PackageGeneration(newest), generation.isWhole(among: volumes) else {
            return .damaged(newest.name)
        }
        return .whole(generation)
    }

    /// Whether its layers exist and are where views look for them.
    private func isWhole(among volumes: [PackageVolume]) -> Bool {
        func isThere(_ volume: PackageVolume) -> Bool {
            view == .none
                || Self.isPlain(volume.mountpoint) && volume.mountpoint == Self.files(of: volume.name, in: directory)
        }
        return isThere(volume)
            && layers.allSatisfy { name in
                volumes.contains { $0.name == name && $0.kind == .layer && isThere($0) }
            }
    }

    /// The directory with the files of a volume of the local driver.
    public static func files(of volume: ByteString, in directory: ByteString) -> ByteString {
        directory.appending(path: volume).appending(path: "_data")
    }

    /// Whether a path can be used in the options of an overlay: the kernel splits them at commas and colons.
    public static func isPlain(_ path: ByteString) -> Bool {
        path.hasPrefix("/") && path.isPrintableASCII && !path.bytes.contains { ",:\\\"".utf8.contains($0) }
    }
}

/// A private copy-on-write view of a generation, mounted by the container that uses it. The volume's own directory is
/// the overlay's upper directory: it is resolved before the mount covers it, so that nothing needs to be created in
/// advance.
public struct PackageView: Equatable, Sendable {
    /// Where it is mounted. Directories below /dev leave no trace in a container's files.
    public static let place: ByteString = "/dev/slipway"
    /// Where the volume with the work directory is mounted: the kernel requires it to be separate from the upper
    /// directory.
    public static let workPlace: ByteString = "/dev/.slipway-w"
    /// The oldest API version of an engine that supports views: an older one silently ignores unknown parts of a
    /// mount.
    public static let leastAPI = (major: 1, minor: 45)
    /// The prefix of views' names.
    public static let prefix: ByteString = "slipway-view-"

    /// The volume's name.
    public let name: ByteString

    /// The name of the volume with its work directory.
    public var workName: ByteString { name + "-w" }

    /// A view from the random part of its name. Names must never be shared: otherwise containers would see each
    /// other's files.
    public init(random: ByteString) { name = Self.prefix + random }

    /// The values of the two `--mount` options. `created` is in milliseconds since 1970.
    public func mounts(of generation: PackageGeneration, created: Int) -> [ByteString] {
        mounts(
            over: generation.lowerDirectories, in: generation.directory, as: generation.view, at: Self.place,
            created: created)
    }

    /// The same for layers that no generation names yet, and for any place. If `upper` is given, writes go there
    /// instead of to the view's own volume.
    public func mounts(
        over lowerDirectories: [ByteString], in directory: ByteString, as view: ViewSupport, at place: ByteString,
        upper: ByteString? = nil, created: Int
    ) -> [ByteString] {
        let labels =
            [
                PackageLabels.app, (PackageLabels.kind, VolumeKind.view.rawValue),
                (PackageLabels.created, ByteString(decimal: created)),
            ].map { "volume-label=" + $0.0 + "=" + $0.1 }
        var options =
            "lowerdir=" + lowerDirectories.joined(separator: ":") + ",upperdir="
            + PackageGeneration.files(of: upper ?? name, in: directory) + ",workdir="
            + PackageGeneration.files(of: workName, in: directory)
        if view == .userAttributes { options += ",userxattr" }
        return [
            CSV.record(
                of: ["type=volume", "src=" + workName, "dst=" + Self.workPlace, "readonly", "volume-nocopy"] + labels),
            CSV.record(
                of: ["type=volume", "src=" + name, "dst=" + place, "volume-nocopy", "volume-driver=local"] + labels
                    + ["volume-opt=type=overlay", "volume-opt=device=overlay", "volume-opt=o=" + options]),
        ]
    }
}
