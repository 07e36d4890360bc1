public import Formats

/// git's index, read from its bytes: versions 2, 3 and 4, of SHA-1 and SHA-256 repositories. Nothing in it is believed:
/// what is torn, foreign or not understood is a `Doubt`, never a guess.
///
/// Source: git's gitformat-index(5).
public struct GitIndex: Sendable {
    /// How long the names of objects are.
    public enum ObjectFormat: Int, Sendable {
        case sha1 = 20
        case sha256 = 32
    }

    /// Why an index cannot be used.
    public enum Doubt: Error, Equatable, Sendable {
        /// It does not begin as an index does.
        case notAnIndex
        /// A version that is not known here.
        case version(UInt32)
        /// It ends too early, or its parts do not fit together.
        case torn
        /// Its last bytes are not the digest of the others.
        case checksum
        /// A path that git would never check out: absolute, with "..", in ".git", or out of order.
        case path
        /// Most entries stand in another file (core.splitIndex).
        case split
        /// It holds something that must be understood, and is not.
        case `extension`(ByteString)

        /// For people.
        public var text: ByteString {
            switch self {
            case .notAnIndex: "the file is no index of git's"
            case .version(let number): "version " + ByteString(decimal: number) + " of the index is not known"
            case .torn: "the index is torn"
            case .checksum: "the index has not the checksum that it should have"
            case .path: "the index names a path that git would not check out"
            case .split: "the index is split: git update-index --no-split-index"
            case .extension(let name): "the index has an extension that is not known: " + name
            }
        }
    }

    /// What an entry is in the working tree.
    public enum Kind: Equatable, Sendable {
        /// Modes 100644 and 100755; very old repositories have 100664, which git reads as 100644.
        case file(isExecutable: Bool)
        /// Mode 120000.
        case symbolicLink
        /// Mode 160000: a commit of another repository.
        case submodule
        /// Mode 040000: everything below it is left out of the working tree and of the index.
        case sparseDirectory
    }

    /// One path.
    public struct Entry: Sendable {
        /// What it is.
        public let kind: Kind
        /// Bytes, modulo 2^32; 0 also where git does not know.
        public let size: UInt32
        /// When the content was changed last: seconds since 1970, modulo 2^32.
        public let modifiedSeconds: UInt32
        /// And nanoseconds; 0 where git's writer does not keep them.
        public let modifiedNanoseconds: UInt32
        /// 0; 1 to 3 for the sides of a merge that is not resolved.
        public let stage: UInt8
        /// Not in the working tree: a sparse checkout.
        public let isSkipped: Bool
        /// `git add --intent-to-add`: there is no content yet.
        public let isIntended: Bool
        fileprivate let id: Int
        fileprivate let path: Range<Int>
    }

    /// 2, 3 or 4.
    public let version: UInt32
    /// The length of the names of objects.
    public let format: ObjectFormat
    /// All paths in the order of their bytes.
    public let entries: [Entry]
    private let bytes: [UInt8]
    /// Every path with a NUL behind it.
    private let paths: [UInt8]

    /// Reads an index. `verifying` compares the checksum at its end, too; git leaves it zero with index.skipHash.
    public init(_ bytes: [UInt8], format: ObjectFormat = .sha1, verifying: Bool = true) throws(Doubt) {
        guard bytes.count >= 12 + format.rawValue, bytes.starts(with: Array("DIRC".utf8)) else {
            throw bytes.starts(with: Array("DIRC".utf8)) ? .torn : .notAnIndex
        }
        var reader = IndexReader(bytes: bytes, end: bytes.count - format.rawValue, at: 4)
        version = try reader.number()
        guard (2...4).contains(version) else { throw .version(version) }
        let count = Int(try reader.number())
        // The least that an entry takes: what promises more is torn, and nothing is set aside for it.
        guard count <= (reader.end - 12) / (42 + format.rawValue) else { throw .torn }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var paths: [UInt8] = []
        paths.reserveCapacity(bytes.count / 2)
        for _ in 0..<count {
            let entry = try reader.entry(version: version, format: format, after: entries.last, paths: &paths)
            entries.append(entry)
        }
        // A split index has entries without names, so its extension is looked for first.
        try reader.extensions()
        if reader.hasBadPath { throw .path }
        if verifying { try Self.verify(bytes, format) }
        self.format = format
        self.entries = entries
        self.bytes = bytes
        self.paths = paths
    }

    private static func verify(_ bytes: [UInt8], _ format: ObjectFormat) throws(Doubt) {
        let content = ByteString(bytes.dropLast(format.rawValue))
        let kept = bytes.suffix(format.rawValue)
        guard kept.contains(where: { $0 != 0 }) else { return }
        let digest = format == .sha1 ? SHA1.digest(of: content) : SHA256.digest(of: content)
        guard digest.elementsEqual(kept) else { throw .checksum }
    }

    /// The path of an entry, seen from the top of the working tree.
    public func path(of entry: Entry) -> ByteString { ByteString(paths[entry.path]) }

    /// The name of an entry's content: 20 or 32 bytes.
    public func id(of entry: Entry) -> [UInt8] { Array(bytes[entry.id..<(entry.id + format.rawValue)]) }

    /// Calls `body` with each entry and its path as a C string, without a copy, until it says false. `shared` is how many
    /// bytes at the beginning are directories that the entry before has, too: 0, or up to and with a slash.
    public func forEachPath(_ body: (Entry, UnsafeBufferPointer<CChar>, _ shared: Int) -> Bool) {
        paths.withUnsafeBytes { raw in
            let all = raw.bindMemory(to: CChar.self)
            var last = 0..<0
            for entry in entries {
                var shared = 0
                let both = min(last.count, entry.path.count)
                var index = 0
                while index < both, all[last.lowerBound + index] == all[entry.path.lowerBound + index] {
                    if all[entry.path.lowerBound + index] == 0x2F { shared = index + 1 }
                    index += 1
                }
                last = entry.path
                // With the NUL.
                let path = UnsafeBufferPointer(rebasing: all[entry.path.lowerBound...entry.path.upperBound])
                guard body(entry, path, shared) else { return }
            }
        }
    }
}

/// A place in an index. Every read is checked against the end.
private struct IndexReader {
    let bytes: [UInt8]
    let end: Int
    var at: Int
    /// The path before, which version 4 builds on.
    private var last: Range<Int> = 0..<0
    private(set) var hasBadPath = false

    init(bytes: [UInt8], end: Int, at: Int) {
        self.bytes = bytes
        self.end = end
        self.at = at
    }

    mutating func number() throws(GitIndex.Doubt) -> UInt32 {
        guard end - at >= 4 else { throw .torn }
        defer { at += 4 }
        return UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8
            | UInt32(bytes[at + 3])
    }

    private mutating func half() throws(GitIndex.Doubt) -> UInt16 {
        guard end - at >= 2 else { throw .torn }
        defer { at += 2 }
        return UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
    }

    mutating func entry(
        version: UInt32, format: GitIndex.ObjectFormat, after previous: GitIndex.Entry?, paths: inout [UInt8]
    ) throws(GitIndex.Doubt) -> GitIndex.Entry {
        let start = at
        guard end - at >= 42 + format.rawValue else { throw .torn }
        at += 8
        let (seconds, nanoseconds) = (try number(), try number())
        at += 8
        let kind = try Self.kind(ofMode: try number())
        at += 8
        let size = try number()
        let id = at
        at += format.rawValue
        let flags = try half()
        var more: UInt16 = 0
        if flags & 0x4000 != 0 {
            guard version >= 3 else { throw .torn }
            more = try half()
        }
        let path = try path(compressed: version == 4, into: &paths)
        if version < 4 {
            // One to eight NULs, up to a multiple of eight from the entry's start.
            let next = start + (at - start + 8) / 8 * 8
            guard next <= end, bytes[at..<next].allSatisfy({ $0 == 0 }) else { throw .torn }
            at = next
        }
        let entry = GitIndex.Entry(
            kind: kind, size: size, modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds,
            stage: UInt8(flags >> 12 & 3), isSkipped: more & 0x4000 != 0, isIntended: more & 0x2000 != 0, id: id,
            path: path)
        if !Self.isSound(entry, after: previous, paths) { hasBadPath = true }
        return entry
    }

    private static func kind(ofMode mode: UInt32) throws(GitIndex.Doubt) -> GitIndex.Kind {
        switch mode & 0o170000 {
        case 0o100000: .file(isExecutable: mode & 0o100 != 0)
        case 0o120000: .symbolicLink
        case 0o160000: .submodule
        case 0o040000: .sparseDirectory
        default: throw .torn
        }
    }

    /// Appends the path and its NUL; returns where it stands, without the NUL. The place is left on the NUL in versions that
    /// pad with more of them, behind it in version 4.
    private mutating func path(compressed: Bool, into paths: inout [UInt8]) throws(GitIndex.Doubt) -> Range<Int> {
        let start = paths.count
        if compressed {
            let removed = try variableNumber()
            guard removed <= last.count else { throw .torn }
            paths.append(contentsOf: paths[last.lowerBound..<(last.upperBound - removed)])
        }
        guard at < end, let length = bytes[at..<end].firstIndex(of: 0).map({ $0 - at }) else { throw .torn }
        paths.append(contentsOf: bytes[at..<(at + length)])
        at += compressed ? length + 1 : length
        last = start..<paths.count
        paths.append(0)
        return last
    }

    /// Source: git varint.c, decode_varint.
    private mutating func variableNumber() throws(GitIndex.Doubt) -> Int {
        var value = 0
        for place in 0..<5 {
            guard at < end else { throw .torn }
            let byte = bytes[at]
            at += 1
            value = (place == 0 ? 0 : value + 1) << (place == 0 ? 0 : 7) | Int(byte & 0x7F)
            if byte & 0x80 == 0 { return value }
        }
        throw .torn
    }

    /// Paths are joined to a directory and files there are changed, so none may lead out of it.
    private static func isSound(_ entry: GitIndex.Entry, after previous: GitIndex.Entry?, _ paths: [UInt8]) -> Bool {
        // Bytes in place: with slices and their pieces this took more time than all the rest.
        paths.withUnsafeBufferPointer { all in
            var end = entry.path.upperBound
            if entry.kind == .sparseDirectory, end > entry.path.lowerBound, all[end - 1] == 0x2F { end -= 1 }
            var start = entry.path.lowerBound
            for index in entry.path.lowerBound...end where index == end || all[index] == 0x2F {
                guard isName(all[start..<index]) else { return false }
                start = index + 1
            }
            guard let previous else { return true }
            var (left, right) = (previous.path.lowerBound, entry.path.lowerBound)
            while left < previous.path.upperBound, right < entry.path.upperBound, all[left] == all[right] {
                left += 1
                right += 1
            }
            if right == entry.path.upperBound {
                return left == previous.path.upperBound && previous.stage < entry.stage
            }
            return left == previous.path.upperBound || all[left] < all[right]
        }
    }

    private static func isName(_ name: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        switch name.count {
        case 0: false
        case 1: name.first != 0x2E
        case 2: !name.allSatisfy { $0 == 0x2E }
        case 4: name.first != 0x2E || ByteString(name).lowercasedASCII != ".git"
        default: true
        }
    }

    /// Those with a small first letter must be understood.
    mutating func extensions() throws(GitIndex.Doubt) {
        while at < end {
            guard end - at >= 8 else { throw .torn }
            let name = ByteString(bytes[at..<(at + 4)])
            at += 4
            let length = Int(try number())
            guard length <= end - at else { throw .torn }
            at += length
            if name == "link" { throw .split }
            let isOptional = (0x41...0x5A).contains(name.bytes.first ?? 0)
            guard isOptional || name == "sdir" else { throw .extension(name) }
        }
    }
}
