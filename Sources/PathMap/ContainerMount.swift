public import Formats

/// A mount of a container, as an engine describes it.
public struct ContainerMount: Equatable, Sendable {
    /// The engine's path of the source; empty for a tmpfs.
    public let source: ByteString
    /// The mount point as the user wrote it.
    public let destination: ByteString
    /// The mount point with the image's links resolved.
    public var resolved: ByteString
    /// Whether it is a bind mount or a volume whose paths survived JSON: Go writes U+FFFD for invalid UTF-8.
    public let isTranslatable: Bool

    /// From one element of `.Mounts`; nil if it is not one.
    public init?(_ json: JSON) {
        guard let type = json[field: "Type"]?.string, let destination = json[field: "Destination"]?.string,
            destination.hasPrefix("/")
        else { return nil }
        let source = json[field: "Source"]?.string ?? ""
        // The folder of a volume, which can be mounted like any other.
        self.source = source.hasPrefix("/") ? source.cleanedPath : source
        self.destination = destination.cleanedPath
        resolved = self.destination
        isTranslatable =
            (type == "bind" || type == "volume") && source.hasPrefix("/")
            && !(source + destination).bytes.contains(0) && (source + destination).range(of: "\u{FFFD}") == nil
    }

    /// All mounts of a container; nil if one is not understood.
    public static func list(in json: JSON) -> [ContainerMount]? {
        guard let elements = json[field: "Mounts"]?.array else { return nil }
        let mounts = elements.compactMap { ContainerMount($0) }
        return mounts.count == elements.count ? mounts : nil
    }
}

/// What was learned about one container on one engine, as a line of a file.
public struct RememberedTable: Equatable, Sendable {
    /// The ID from the mounts, and the engine's socket: device, inode and change time.
    public let key: [ByteString]
    /// The rows; none if the engine does not know the container.
    public let rows: [PathTable.Row]
    /// Whether the engine knows the container.
    public let isKnown: Bool

    /// From named values.
    public init(key: [ByteString], rows: [PathTable.Row], isKnown: Bool) {
        self.key = key
        self.rows = rows
        self.isKnown = isKnown
    }

    /// Reads a line; nil if it is damaged.
    public init?(line: ByteString) {
        let fields = line.bytes.split(separator: 0x20, omittingEmptySubsequences: false).map {
            ByteString(MountInfo.unescaped($0))
        }
        guard fields.count >= 5, fields.count % 3 == 2, fields[4] == "known" || fields[4] == "unknown" else {
            return nil
        }
        key = Array(fields[..<4])
        isKnown = fields[4] == "known"
        var rows: [PathTable.Row] = []
        for index in stride(from: 5, to: fields.count, by: 3) {
            let paths = fields[index..<(index + 3)]
            guard paths.allSatisfy({ $0.hasPrefix("/") }) else { return nil }
            rows.append(
                PathTable.Row(
                    from: fields[index], to: fields[index + 1], origin: .mounts, resolved: fields[index + 2]))
        }
        self.rows = rows
    }

    /// The line without a newline.
    public var line: ByteString {
        let paths = rows.flatMap { [$0.from, $0.to, $0.resolved] }
        return (key + [isKnown ? "known" : "unknown"] + paths).map(MountInfo.escaped).joined(separator: " ")
    }
}
