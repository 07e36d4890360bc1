public import Formats

/// A mount of a container, as an engine describes it.
public struct ContainerMount: Equatable, Sendable {
    /// The engine's path of what is mounted; empty for a tmpfs.
    public let source: ByteString
    /// Where, as the user wrote it.
    public let destination: ByteString
    /// Where, without the image's links.
    public var resolved: ByteString
    /// Whether it is a bind mount or a volume, with paths that survived JSON: Go writes U+FFFD for what is no UTF-8.
    public let isTranslatable: Bool

    /// From one element of `.Mounts`; nil when it is none.
    public init?(_ json: JSON) {
        guard let type = json[field: "Type"]?.string, let destination = json[field: "Destination"]?.string,
            destination.hasPrefix("/")
        else { return nil }
        let source = json[field: "Source"]?.string ?? ""
        // A volume that is no bind mount has its folder here, which can be mounted as any other.
        self.source = source.hasPrefix("/") ? source.cleanedPath : source
        self.destination = destination.cleanedPath
        resolved = self.destination
        isTranslatable =
            (type == "bind" || type == "volume") && source.hasPrefix("/")
            && !(source + destination).bytes.contains(0) && (source + destination).range(of: "\u{FFFD}") == nil
    }

    /// All of a container's; nil when one is not understood.
    public static func list(in json: JSON) -> [ContainerMount]? {
        guard let elements = json[field: "Mounts"]?.array else { return nil }
        let mounts = elements.compactMap { ContainerMount($0) }
        return mounts.count == elements.count ? mounts : nil
    }
}

/// What was learned of one container on one engine, as a line of a file.
public struct RememberedTable: Equatable, Sendable {
    /// The ID that the mounts tell, and the engine's socket: device, inode and time of change.
    public let key: [ByteString]
    /// The rows; none where the engine does not know the container.
    public let rows: [PathTable.Row]
    /// Whether the engine knows the container.
    public let isKnown: Bool

    /// What is to be remembered.
    public init(key: [ByteString], rows: [PathTable.Row], isKnown: Bool) {
        self.key = key
        self.rows = rows
        self.isKnown = isKnown
    }

    /// Reads a line; nil for one that is damaged.
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

    /// The line, without its end.
    public var line: ByteString {
        let paths = rows.flatMap { [$0.from, $0.to, $0.resolved] }
        return (key + [isKnown ? "known" : "unknown"] + paths).map(MountInfo.escaped).joined(separator: " ")
    }
}
