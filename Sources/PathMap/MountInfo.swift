public import Formats

/// What the kernel says is mounted: /proc/self/mountinfo (proc_pid_mountinfo(5)).
public struct MountInfo: Equatable, Sendable {
    /// One mount.
    public struct Mount: Equatable, Sendable {
        /// The path in its file system that is mounted.
        public let root: ByteString
        /// Where.
        public let point: ByteString
    }

    /// Which container this is, as far as the mounts tell.
    public enum Container: Equatable, Sendable {
        /// None that Docker has made.
        case none
        /// The one with this ID, or, behind `--network container:`, the one whose network this one shares.
        case id(ByteString)
        /// The files disagree.
        case unclear
    }

    /// Every mount, in the kernel's order: a later one covers an earlier one at the same place.
    public let mounts: [Mount]

    /// Reads the file; a line that is none is left out.
    public init(_ text: ByteString) {
        mounts = text.bytes.split(separator: 0x0A).compactMap { line in
            let fields = line.split(separator: 0x20, maxSplits: 5, omittingEmptySubsequences: false)
            guard fields.count == 6 else { return nil }
            return Mount(root: Self.unescaped(fields[3]), point: Self.unescaped(fields[4]))
        }
    }

    /// Docker mounts three files of its own into each container, from a folder of the container's ID. Host names and cgroups do
    /// not tell: they may be the host's. A file that the user mounts there instead says nothing.
    public var container: Container {
        var found: ByteString?
        for name in ["hostname", "hosts", "resolv.conf"] as [ByteString] {
            guard let mount = mount(at: "/etc/" + name), mount.root.lastPathComponent == name else { continue }
            let id = mount.root.parentPath.lastPathComponent
            guard id.isContainerID, mount.root.hasPrefix("/") else { continue }
            if let found, found != id { return .unclear }
            found = id
        }
        return found.map(Container.id) ?? .none
    }

    /// What is seen at a mount point; nil where nothing is mounted.
    public func mount(at point: ByteString) -> Mount? { mounts.last { $0.point == point } }

    /// Whether a path without links lies in the root file system itself and not in a mount.
    public func isInRoot(_ path: ByteString) -> Bool {
        !mounts.contains { $0.point != "/" && path.relative(to: $0.point) != nil }
    }

    /// Whether these mounts of a container are this process's: each is mounted here, from a place that ends its source's path, and
    /// one at least from exactly that path. "/" ends every path and is no sign of anything. Mounts without a usable source
    /// only have to be there.
    public func matches(_ others: [ContainerMount]) -> Bool {
        var isCertain = false
        for other in others {
            guard let mount = mount(at: other.resolved) else { return false }
            guard other.isTranslatable else { continue }
            guard mount.root == "/" || other.source == mount.root || other.source.hasSuffix(mount.root) else {
                return false
            }
            if other.source == mount.root { isCertain = true }
        }
        return isCertain
    }

    /// A container's mounts as a table, where they are mounted here, with the mounts below that the engine does not know of.
    public func table(of others: [ContainerMount]) -> PathTable {
        let rows = others.filter { $0.isTranslatable && mount(at: $0.resolved) != nil }.map {
            PathTable.Row(from: $0.destination, to: $0.source, origin: .mounts, resolved: $0.resolved)
        }
        return PathTable(rows, holes: holes(below: rows))
    }

    /// The mount points below rows that no row is about: a tmpfs, what was mounted later, or a mount of the host's.
    public func holes(below rows: [PathTable.Row]) -> [ByteString] {
        mounts.map(\.point).filter { point in
            rows.contains { point != $0.resolved && point.relative(to: $0.resolved) != nil }
                && !rows.contains { point == $0.resolved }
        }
    }

    /// Space, tab, newline and backslash stand as three octal digits.
    static func unescaped(_ text: ArraySlice<UInt8>) -> ByteString {
        guard text.contains(0x5C) else { return ByteString(text) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == 0x5C, digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }),
                let value = UInt8(ByteString(digits).lossy, radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        return ByteString(bytes)
    }

    /// The opposite, for lines of our own.
    static func escaped(_ text: ByteString) -> ByteString {
        var bytes: [UInt8] = []
        for byte in text.bytes {
            if byte > 0x20 && byte != 0x5C && byte != 0x7F {
                bytes.append(byte)
            } else {
                bytes += [0x5C, 0x30 + byte >> 6, 0x30 + (byte >> 3) & 7, 0x30 + byte & 7]
            }
        }
        return ByteString(bytes)
    }
}

extension ByteString {
    /// 64 small hexadecimal digits.
    var isContainerID: Bool {
        count == 64 && bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
