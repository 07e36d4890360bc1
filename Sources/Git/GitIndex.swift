public import Formats

/// git's index, read piece by piece: versions 2, 3 and 4, in SHA-1 and SHA-256 repositories. It trusts nothing: an
/// incomplete, foreign or unknown part is an `IndexError`, never a guess. The time depends only on the file's length,
/// and it keeps only a piece and a path in memory: version 4 stores a path as its difference from the one before, so
/// that all paths together may be much longer than the file.
///
/// Source: git's gitformat-index(5).
public struct GitIndex {
    /// The length of object names.
    public enum ObjectFormat: Int, Sendable {
        case sha1 = 20
        case sha256 = 32
    }

    /// Why an index cannot be used.
    public enum IndexError: Error, Equatable, Sendable {
        /// It does not start like an index.
        case notAnIndex
        /// An unsupported version.
        case version(UInt32)
        /// It ends too early, or its parts do not fit together.
        case torn
        /// Its last bytes are not the digest of the rest.
        case checksum
        /// A path that git would never check out: absolute, containing "..", inside ".git", too long, or out of
        /// order.
        case path
        /// Most entries are in another file (core.splitIndex).
        case split
        /// It has a mandatory extension that is not supported.
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
        /// Mode 040000: everything below it is missing from the working tree and from the index.
        case sparseDirectory
    }

    /// One path.
    public struct Entry: Equatable, Sendable {
        /// The kind of entry.
        public let kind: Kind
        /// Bytes, modulo 2^32; also 0 if git does not know the size.
        public let size: UInt32
        /// When the content was last changed: seconds since 1970, modulo 2^32.
        public let modifiedSeconds: UInt32
        /// The nanoseconds of that time; 0 if git's writer does not store them.
        public let modifiedNanoseconds: UInt32
        /// 0, or 1 to 3 for the sides of an unresolved merge.
        public let stage: UInt8
        /// Not in the working tree, because of a sparse checkout.
        public let isSkipped: Bool
        /// `git add --intent-to-add`: there is no content yet.
        public let isIntended: Bool
        /// git's name for its content.
        public let name: ObjectName
    }

    /// The source of the bytes: skips as many bytes as requested, and returns the next ones. Returns none at the end,
    /// or if reading fails.
    public typealias Source = (_ skipping: Int) -> [UInt8]

    private let size: Int
    private let format: ObjectFormat
    private let source: Source

    /// An index with this size in bytes.
    public init(size: Int, format: ObjectFormat = .sha1, source: @escaping Source) {
        self.size = size
        self.format = format
        self.source = source
    }

    /// An index that is completely in memory.
    public init(_ bytes: [UInt8], format: ObjectFormat = .sha1) {
        // All at once, so nothing of it is ever to be left out.
        var rest = bytes
        self.init(size: bytes.count, format: format) { _ in
            defer { rest = [] }
            return rest
        }
    }

    /// Calls `body` with each entry, its path as a C string, and the number of bytes at the start of the path that are
    /// directories which the previous entry shares: 0, or up to and including a slash. Stops if `body` returns false or
    /// the time is up; returns whether it reached the end. Only then is the whole index sound: entries passed to `body`
    /// before an error must not be used. `verifying` also checks the checksum, which git leaves zero with
    /// index.skipHash.
    public func forEach(
        verifying: Bool = true, until deadline: Deadline = .never,
        _ body: (Entry, UnsafeBufferPointer<CChar>, _ shared: Int) -> Bool
    ) throws(IndexError) -> Bool {
        var reader = IndexReader(size: size, format: format, isHashing: verifying, source)
        return try reader.read(until: deadline, body)
    }
}
