public import Formats

/// One volume of an engine, as `GET /volumes` tells it (moby api/types/volume/volume.go).
public struct PackageVolume: Equatable, Sendable {
    /// Its name.
    public let name: ByteString
    /// Where the engine keeps its files.
    public let mountpoint: ByteString
    /// Its labels, in the engine's order.
    public let labels: [JSON.Member]

    /// Everything by name.
    public init(name: ByteString, mountpoint: ByteString, labels: [JSON.Member]) {
        self.name = name
        self.mountpoint = mountpoint
        self.labels = labels
    }

    /// Those in the body of an answer to `GET /volumes`; nil when it is not what an engine says.
    public static func list(in body: ByteString) -> [PackageVolume]? {
        guard let json = JSON(body) else { return nil }
        switch json[key: "Volumes"] {
        // Engines before 25 say null for none.
        case .null?: return []
        case .array(let entries)?:
            var volumes: [PackageVolume] = []
            for entry in entries {
                guard let name = entry[key: "Name"]?.string, let mountpoint = entry[key: "Mountpoint"]?.string else {
                    return nil
                }
                volumes.append(
                    PackageVolume(name: name, mountpoint: mountpoint, labels: entry[key: "Labels"]?.members ?? []))
            }
            return volumes
        default: return nil
        }
    }

    /// The value of a label; nil when it has none of that name.
    public func label(_ name: ByteString) -> ByteString? { labels.first { $0.name == name }?.value.string }

    /// What kind of Slipway's volumes it is; nil when it is not one.
    public var kind: VolumeKind? {
        guard label(PackageLabels.app.name) == PackageLabels.app.value else { return nil }
        return label(PackageLabels.kind).flatMap(VolumeKind.init(rawValue:))
    }
}
