public import Formats
internal import GitIndex

/// What COPY could see of a build's context: small enough to be kept beside each export, enough to tell what two builds saw
/// differently. File contents are known by eight bytes of git's own digest.
public struct ContextRecord: Equatable, Sendable {
    /// What an entry is.
    public enum Kind: UInt8, Sendable {
        case file = 0x66
        case directory = 0x64
        case link = 0x6C
        case other = 0x6F
    }

    /// One path.
    public struct Entry: Equatable, Sendable {
        /// Seen from the context.
        public var path: ByteString
        /// What stands there.
        public var kind: Kind
        /// The twelve permission bits.
        public var mode: UInt32
        /// Bytes; 0 for what is no file.
        public var size: UInt64
        /// Of the content, or of what a link says; 0 when it was not read.
        public var digest: UInt64

        /// Everything by name.
        public init(path: ByteString, kind: Kind, mode: UInt32, size: UInt64 = 0, digest: UInt64 = 0) {
            self.path = path
            self.kind = kind
            self.mode = mode
            self.size = size
            self.digest = digest
        }
    }

    /// Why a record does not hold all.
    public enum Gap: ByteString, Sendable {
        /// More files than may be recorded.
        case files = "files"
        /// No more time.
        case time = "time"
        /// Something could not be read, or went away meanwhile.
        case unreadable = "unreadable"
        /// A .dockerignore that is not understood.
        case ignoreFile = "ignore"
    }

    /// In the order of their paths' bytes, as far as the record goes.
    public var entries: [Entry]
    /// nil when all is there.
    public var gap: Gap?

    /// Everything by name.
    public init(entries: [Entry], gap: Gap? = nil) {
        self.entries = entries
        self.gap = gap
    }

    private static let title = "slipway-context 1 "
    /// Linux takes no longer path, its NUL included. Each entry may keep so much of the one before: a record without that bound
    /// could be read into any multiple of its length.
    private static let longestPath = 4095

    /// As it is kept: a path is what differs from the one before, and the last bytes tell a torn record.
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

    /// nil for what is torn, or none of ours.
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
