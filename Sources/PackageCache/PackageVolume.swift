public import Formats

/// One volume of an engine, as `GET /volumes` and `docker volume inspect` tell it.
public struct PackageVolume: Equatable, Sendable {
    /// Its name.
    public let name: ByteString
    /// "local" for all of Slipway's.
    public let driver: ByteString
    /// Where the engine keeps its files.
    public let mountpoint: ByteString
    /// Its labels, in the engine's order.
    public let labels: [JSON.Member]
    /// Its driver's options: of a view, what is mounted.
    public let options: [JSON.Member]

    /// Everything by name.
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

    /// From what an engine tells of one; nil when it is none.
    ///
    /// Source: moby api/types/volume/volume.go, Volume.
    public init?(_ json: JSON) {
        guard let name = json[key: "Name"]?.string, let mountpoint = json[key: "Mountpoint"]?.string else { return nil }
        self.init(
            name: name, driver: json[key: "Driver"]?.string ?? "", mountpoint: mountpoint,
            labels: json[key: "Labels"]?.members ?? [], options: json[key: "Options"]?.members ?? [])
    }

    /// Those in the body of an answer to `GET /volumes`; nil when it is not what an engine says.
    public static func list(in body: ByteString) -> [PackageVolume]? {
        guard let json = JSON(body) else { return nil }
        switch json[key: "Volumes"] {
        // Engines before 25 say null for none.
        case .null?: return []
        case .array(let entries)?:
            let volumes = entries.compactMap(PackageVolume.init)
            return volumes.count == entries.count ? volumes : nil
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

    /// When it was made, in milliseconds; 0 when its label does not tell.
    public var created: Int { label(PackageLabels.created)?.decimal ?? 0 }
}
