public import Formats

/// A published generation, as its labels tell it.
public struct PackageGeneration: Equatable, Sendable {
    /// The volume whose labels tell all of it.
    public let volume: PackageVolume
    /// Its layers, the uppermost first.
    public let layers: [ByteString]
    /// The tools that it has packages for.
    public let tools: [PackageTool]
    /// Whether and how a view of it mounts.
    public let view: ViewSupport
    /// Of its contents.
    public let digest: ByteString
    /// The engine's directory of volumes.
    public let directory: ByteString

    /// The newest of an engine's generations.
    public enum Current: Equatable, Sendable {
        /// There is none.
        case none
        /// Its labels are not understood, or a layer is missing.
        case damaged(ByteString)
        /// It can be used.
        case whole(PackageGeneration)
    }

    /// From a volume; nil when that is no generation, or one that does not tell all.
    public init?(_ volume: PackageVolume) {
        guard volume.kind == .generation, let view = volume.label(PackageLabels.view).flatMap(ViewSupport.init),
            let tools = volume.label(PackageLabels.tools), let layers = volume.label(PackageLabels.layers)?.split(":"),
            !layers.contains(where: \.isEmpty)
        else { return nil }
        self.volume = volume
        self.layers = layers
        // A tool that only a later Slipway knows is none of ours.
        self.tools = tools.split(",").compactMap(PackageTool.init)
        self.view = view
        digest = volume.label(PackageLabels.digest) ?? ""
        directory = volume.label(PackageLabels.directory) ?? ""
    }

    /// The volume's name.
    public var name: ByteString { volume.name }

    /// The directories of its layers on the engine's machine, the uppermost first.
    public var lowerDirectories: [ByteString] { layers.map { Self.files(of: $0, in: directory) } }

    /// The newest generation among an engine's volumes that are Slipway's; of two made in the same millisecond the one whose name
    /// is later. An older one is never fallen back to: what is wrong with the newest should be seen.
    public static func current(among volumes: [PackageVolume]) -> Current {
        let all = volumes.filter { $0.kind == .generation }
        guard let newest = all.max(by: { ($0.created, $0.name) < ($1.created, $1.name) }) else { return .none }
        guard let generation = PackageGeneration(newest), generation.isWhole(among: volumes) else {
            return .damaged(newest.name)
        }
        return .whole(generation)
    }

    /// Whether its layers are there, and lie where views would look for them.
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

    /// Where a volume of the local driver has its files.
    public static func files(of volume: ByteString, in directory: ByteString) -> ByteString {
        directory.appending(path: volume).appending(path: "_data")
    }

    /// Whether a path can stand in the options of an overlay: the kernel divides them at commas and colons.
    public static func isPlain(_ path: ByteString) -> Bool {
        path.hasPrefix("/") && path.isPrintableASCII && !path.bytes.contains { ",:\\\"".utf8.contains($0) }
    }
}

/// A private copy-on-write view of a generation, made by the mounts of the container that uses it. The volume's own directory is
/// the upper one: it is resolved before the mount covers it, so that nothing needs to be made beforehand.
public struct PackageView: Equatable, Sendable {
    /// Where it is mounted. Directories below /dev leave no trace in a container's files.
    public static let place: ByteString = "/dev/slipway"
    /// Where the volume of the work directory is mounted, which the kernel wants apart from the upper one.
    public static let workPlace: ByteString = "/dev/.slipway-w"
    /// The least version of an engine's API for views: an older one ignores what it does not know of a mount, without a word.
    public static let leastAPI = (major: 1, minor: 45)
    /// How the names of views begin.
    public static let prefix: ByteString = "slipway-view-"

    /// The volume's name.
    public let name: ByteString

    /// The name of the volume that has its work directory.
    public var workName: ByteString { name + "-w" }

    /// A view by the random part of its name. No two may ever share a name: their containers would see each other's files.
    public init(random: ByteString) { name = Self.prefix + random }

    /// The values of the two `--mount` options. `created` is in milliseconds since 1970.
    public func mounts(of generation: PackageGeneration, created: Int) -> [ByteString] {
        mounts(
            over: generation.lowerDirectories, in: generation.directory, as: generation.view, at: Self.place,
            created: created)
    }

    /// The same for layers that no generation names yet, and at any place. What is written goes to `upper` instead of the view's
    /// own volume, if that is given.
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
