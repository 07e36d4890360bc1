public import Formats
internal import Git

/// What COPY could see of a build's context: small enough to be stored beside each export, detailed enough to tell how
/// two builds differ. It identifies file contents by eight bytes of git's digest.
public struct ContextRecord: Equatable, Sendable {
    /// The kind of an entry.
    public enum Kind: UInt8, Sendable {
        case file = 0x66
        case directory = 0x64
        case link = 0x6C
        case other = 0x6F
    }

    /// One path.
    public struct Entry: Equatable, Sendable {
        /// Relative to the context.
        public var path: ByteString
        /// The kind of the entry.
        public var kind: Kind
        /// The twelve permission bits.
        public var mode: UInt32
        /// The size in bytes; 0 if it is not a file.
        public var size: UInt64
        /// The digest of the content, or of a link's target; 0 if it was not read.
        public var digest: UInt64

        /// From named values.
        public init(path: ByteString, kind: Kind, mode: UInt32, size: UInt64 = 0, digest: UInt64 = 0) {
            self.path = path
            self.kind = kind
            self.mode = mode
            self.size = size
            self.digest = digest
        }
    }

    /// Why a record is incomplete.
    public enum Gap: ByteString, Sendable {
        /// There are more files than may be recorded.
        case files = "files"
        /// The time was too short.
        case time = "time"
        /// Something could not be read, or vanished meanwhile.
        case unreadable = "unreadable"
        /// The .dockerignore file is not understood.
        case ignoreFile = "ignore"
    }

    /// Sorted by the bytes of their paths; incomplete if there is a `gap`.
    public var entries: [Entry]
    /// nil if the record is complete.
    public var gap: Gap?

    /// From named values.
    public init(entries: [Entry], gap: Gap? = nil) {
        self.entries = entries
        self.gap = gap
    }

    private static let title = "slipway-context 1 "
    /// The longest path in Linux, with its NUL. An entry may share that many bytes with the one before: without this
    /// limit a small record could expand to any multiple of its length.
    private static let longestPath = 4095

    /// The stored form: a path is stored as its difference from the one before, and the last bytes show whether the
    /// record is complete.
    public var bytes: ByteString {
        var out = Array(Self.title.utf8) + (gap?.rawValue.bytes ?? Array("whole".utf8)) + [0x0A]
        var last: [UInt8] = []
        for entry in entries {
            out.append(entry.kind.rawValue)
            out += [UInt8(truncatingIfNeeded: entry.mode >> 8), UInt8(truncatingIfNeeded: entry.mode)]
            if entry.kind == .file || entry.kind == .link {
                Self.append(entry.size, to: &out)
                for shift in stride(from: 56, through: 0, by: -8) {
                    out.append(UInt8(truncatingIfNeeded: entry.digest >> UInt64(shift)))
                }
            }
            let shared = zip(last, entry.path.bytes).prefix { $0 == $1 }.count
            Self.append(UInt64(shared), to: &out)
            Self.append(UInt64(entry.path.count - shared), to: &out)
            out += entry.path.bytes.dropFirst(shared)
            last = entry.path.bytes
        }
        out.append(0)
        return ByteString(out + SHA256.digest(of: ByteString(out)).prefix(8))
    }

    /// nil for an incomplete or foreign text.
    public init?(_ bytes: ByteString) {
        let content = bytes.dropLast(8)
        guard bytes.count > 8, bytes.suffix(8).bytes.elementsEqual(SHA256.digest(of: content).prefix(8)),
            let end = content.bytes.firstIndex(of: 0x0A)
        else { return nil }
        let title = content.prefix(end)
        guard title.hasPrefix(ByteString(Self.title)) else { return nil }
        let state = title.dropFirst(Self.title.utf8.count)
        gap = Gap(rawValue: state)
        guard state == "whole" || gap != nil else { return nil }
        var reader = Reader(bytes: content.bytes, at: end + 1)
        entries = []
        while let entry = reader.entry() { entries.append(entry) }
        guard reader.isAtEnd else { return nil }
    }

    private static func append(_ value: UInt64, to out: inout [UInt8]) {
        var rest = value
        while rest > 0x7F {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }

    private struct Reader {
        let bytes: [UInt8]
        var at: Int
        var last: [UInt8] = []

        init(bytes: [UInt8], at: Int) {
            self.bytes = bytes
            self.at = at
        }

        var isAtEnd: Bool { at == bytes.count - 1 && bytes[at] == 0 }

        private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard count >= 0, count <= bytes.count - at else { return nil }
            defer { at += count }
            return bytes[at..<(at + count)]
        }

        private mutating func number() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 63, by: 7) {
                guard let byte = take(1)?.first else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
            }
            return nil
        }

        mutating func entry() -> Entry? {
            guard at < bytes.count, let kind = Kind(rawValue: bytes[at]) else { return nil }
            at += 1
            guard let mode = take(2) else { return nil }
            var entry = Entry(path: "", kind: kind, mode: mode.reduce(0) { $0 << 8 | UInt32($1) })
            if kind == .file || kind == .link {
                guard let size = number(), let digest = take(8) else { return nil }
                entry.size = size
                entry.digest = digest.reduce(0) { $0 << 8 | UInt64($1) }
            }
            guard let shared = number().flatMap(Int.init(exactly:)), shared <= last.count,
                let count = number().flatMap(Int.init(exactly:)), let rest = take(count),
                shared + rest.count <= longestPath
            else { return nil }
            last.removeSubrange(shared...)
            last += rest
            entry.path = ByteString(last)
            return entry
        }
    }
}
