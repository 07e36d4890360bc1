public import Formats

/// The kernel's list of mounts: /proc/self/mountinfo (proc_pid_mountinfo(5)).
public struct MountInfo: Equatable, Sendable {
    /// One mount. It consists of slices of the text, because there are hundreds of mounts and few are used.
    struct Mount: Equatable, Sendable {
        /// The mounted path within its file system.
        let root: ArraySlice<UInt8>
        /// The mount point.
        let point: ArraySlice<UInt8>
    }

    /// Which container this is, according to the mounts.
    public enum Container: Equatable, Sendable {
        /// Not a container made by Docker.
        case none
        /// The container with this ID; with `--network container:`, the container whose network this one shares.
        case id(ByteString)
        /// The files disagree.
        case unclear
    }

    /// Every mount, in the kernel's order: a later one covers an earlier one at the same place.
    let mounts: [Mount]

    /// Reads the file; malformed lines are skipped.
    public init(_ text: ByteString) {
        var mounts: [Mount] = []
        let bytes = text.bytes
        var start = bytes.startIndex
        while start < bytes.endIndex {
            // The ends of the first five fields: root and mount point are the fourth and the fifth.
            var third = start
            var fourth = start
            var fifth = start
            var count = 0
            var index = start
            while index < bytes.endIndex, bytes[index] != 0x0A {
                if bytes[index] == 0x20 {
                    count += 1
                    if count == 3 { third = index }
                    if count == 4 { fourth = index }
                    if count == 5 { fifth = index }
                }
                index += 1
            }
            if count >= 5 {
                mounts.append(
                    Mount(
                        root: Self.unescaped(bytes[(third + 1)..<fourth]),
                        point: Self.unescaped(bytes[(fourth + 1)..<fifth])))
            }
            start = index + 1
        }
        self.mounts = mounts
    }

    /// Docker mounts three files of its own into each container, from a folder named after the container's ID. Host
    /// names and cgroups prove nothing: they may be the host's. If the user mounts another file there, that file proves
    /// nothing either.
    public var container: Container {
        var found: ByteString?
        for name in ["hostname", "hosts", "resolv.conf"] as [ByteString] {
            guard let root = root(at: "/etc/" + name), root.lastPathComponent == name else { continue }
            let id = root.parentPath.lastPathComponent
            guard id.isContainerID, root.hasPrefix("/") else { continue }
            if let found, found != id { return .unclear }
            found = id
        }
        return found.map(Container.id) ?? .none
    }

    /// The path within its file system of what is visible at a mount point; nil if nothing is mounted there.
    public func root(at point: ByteString) -> ByteString? {
        mounts.last { $0.point == point.bytes[...] }.map { ByteString($0.root) }
    }

    /// Whether a path without links lies in the root file system itself, not in a mount.
    public func isInRoot(_ path: ByteString) -> Bool {
        !mounts.contains { $0.point.count > 1 && path.isAtOrBelow($0.point) }
    }

    /// Whether these mounts of a container belong to this process: each is mounted here, from a place that is the end
    /// of its source's path, and at least one from exactly that path. "/" is the end of every path and proves nothing.
    /// Mounts without a usable source only have to exist.
    public func matches(_ others: [ContainerMount]) -> Bool {
        var isCertain = false
        for other in others {
            guard let root = root(at: other.resolved) else { return false }
            guard other.isTranslatable else { continue }
            guard root == "/" || other.source == root || other.source.hasSuffix(root) else { return false }
            if other.source == root { isCertain = true }
        }
        return isCertain
    }

    /// A table of a container's mounts that are also mounted here, and of mounts below them that the engine does not
    /// know.
    public func table(of others: [ContainerMount]) -> PathTable {
        let rows = others.filter { $0.isTranslatable && root(at: $0.resolved) != nil }.map {
            PathTable.Row(from: $0.destination, to: $0.source, origin: .mounts, resolved: $0.resolved)
        }
        return PathTable(rows, holes: holes(below: rows))
    }

    /// The mount points below rows that no row covers: a tmpfs, a later mount, or a mount of the host.
    public func holes(below rows: [PathTable.Row]) -> [ByteString] {
        var holes: [ByteString] = []
        for mount in mounts where rows.contains(where: { $0.resolved.isAbove(mount.point) }) {
            let point = ByteString(mount.point)
            if !rows.contains(where: { $0.resolved == point }) { holes.append(point) }
        }
        return holes
    }

    /// Space, tab, newline and backslash are written as three octal digits.
    static func unescaped(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard text.contains(0x5C) else { return text }
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
        return bytes[...]
    }

    /// The inverse, for our own lines.
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
    /// Whether an absolute, clean path lies strictly below this one; called for every mount and every row.
    fileprivate func isAbove(_ path: ArraySlice<UInt8>) -> Bool {
        guard path.count > count, path.starts(with: bytes) else { return false }
        return count == 1 || path[path.startIndex + count] == UInt8(ascii: "/")
    }

    /// Whether this absolute, clean path equals a mount point, or lies below it.
    fileprivate func isAtOrBelow(_ point: ArraySlice<UInt8>) -> Bool {
        guard count >= point.count, bytes.starts(with: point) else { return false }
        return count == point.count || point.count == 1 || bytes[point.count] == UInt8(ascii: "/")
    }

    /// 64 lower-case hexadecimal digits.
    var isContainerID: Bool {
        count == 64 && bytes.allSatisfy { $0.isDigit || (0x61...0x66).contains($0) }
    }
}
