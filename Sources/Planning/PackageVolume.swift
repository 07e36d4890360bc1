public import Formats

/// A volume of an engine, as reported by `GET /volumes` and `docker volume inspect`.
public struct PackageVolume: Equatable, Sendable {
    /// Its name.
    public let name: ByteString
    /// "local" for all of Slipway's volumes.
    public let driver: ByteString
    /// Where the engine keeps its files.
    public let mountpoint: ByteString
    /// Its labels, in the engine's order.
    public let labels: [JSON.Member]
    /// Its driver's options: for a view, what is mounted.
    public let options: [JSON.Member]

    /// From named values.
    public init(
        name: ByteString, driver: ByteString = "local", mountpoint: ByteString, labels: [JSON.Member],
        options: [JSON.Member] = []
    ) {
        self.name = name
        self.driver = driver
        self.mountpoint = mountpoint
        self.labels = labels
        self.options = options
    }

    /// From an engine's description; nil if it is not one.
    ///
    /// Source: moby api/types/volume/volume.go, Volume.
    public init?(_ json: JSON) {
        guard let name = json[key: "Name"]?.string, let mountpoint = json[key: "Mountpoint"]?.string else { return nil }
        self.init(
            name: name, driver: json[key: "Driver"]?.string ?? "", mountpoint: mountpoint,
            labels: json[key: "Labels"]?.members ?? [], options: json[key: "Options"]?.members ?? [])
    }

    /// The volumes in the body of an answer to `GET /volumes`; nil if it is not an engine's answer.
    public static func list(in body: ByteString) -> [PackageVolume]? {
        guard let json = JSON(body) else { return nil }
        switch json[key: "Volumes"] {
        // Engines before 25 return null if there are none.
        case .null?: return []
        case .array(let entries)?:
            let volumes = entries.compactMap(PackageVolume.init)
            return volumes.count == entries.count ? volumes : nil
        default: return nil
        }
    }

    /// The value of a label, and the last one as Go's encoding/json reads a map; nil if there is none with this name.
    public func label(_ name: ByteString) -> ByteString? { labels.last { $0.name == name }?.value.string }

    /// Which kind of Slipway volume it is; nil if it is not one.
    public var kind: VolumeKind? {
        guard label(PackageLabels.app.name) == PackageLabels.app.value else { return nil }
        return label(PackageLabels.kind).flatMap(VolumeKind.init(rawValue:))
    }

    /// When it was made, in milliseconds; 0 if its label does not tell.
    public var created: Int { label(PackageLabels.created)?.decimal ?? 0 }
}
