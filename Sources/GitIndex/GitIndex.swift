public import Formats

/// git's index, read piece by piece: versions 2, 3 and 4, of SHA-1 and SHA-256 repositories. Nothing in it is believed:
/// what is torn, foreign or not understood is an `IndexError`, never a guess. Time grows with the file's length alone, and no more is
/// kept of it than a piece and a path: version 4 tells a path by what differs from the one before, so that all paths together
/// may be much longer than the file.
///
/// Source: git's gitformat-index(5).
public struct GitIndex {
    /// How long the names of objects are.
    public enum ObjectFormat: Int, Sendable {
        case sha1 = 20
        case sha256 = 32
    }

    /// Why an index cannot be used.
    public enum IndexError: Error, Equatable, Sendable {
        /// It does not begin as an index does.
        case notAnIndex
        /// A version that is not known here.
        case version(UInt32)
        /// It ends too early, or its parts do not fit together.
        case torn
        /// Its last bytes are not the digest of the others.
        case checksum
        /// A path that git would never check out: absolute, with "..", in ".git", too long, or out of order.
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
    public struct Entry: Equatable, Sendable {
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
        /// What git names its content.
        public let name: ObjectName
    }

    /// Where its bytes come from: leaves so many out, and gives the next ones. None at the end, or where it cannot be read.
    public typealias Source = (_ skipping: Int) -> [UInt8]

    private let size: Int
    private let format: ObjectFormat
    private let source: Source

    /// An index of so many bytes.
    public init(size: Int, format: ObjectFormat = .sha1, source: @escaping Source) {
        self.size = size
        self.format = format
        self.source = source
    }

    /// An index whose bytes are all there.
    public init(_ bytes: [UInt8], format: ObjectFormat = .sha1) {
        var at = 0
        self.init(size: bytes.count, format: format) { skipped in
            at = min(bytes.count, at + skipped)
            defer { at = bytes.count }
            return Array(bytes[at...])
        }
    }

    /// Calls `body` with every entry in turn, with its path as a C string, and with how many bytes at the path's beginning are
    /// directories that the entry before has, too: 0, or up to and with a slash. Ends early where `body` says false or the time is
    /// up, and returns whether it came to the end. Only then is all of it sound: what `body` was told before a doubt is none.
    /// `verifying` compares the checksum, too; git leaves it zero with index.skipHash.
    public func forEach(
        verifying: Bool = true, until deadline: Deadline = .never,
        _ body: (Entry, UnsafeBufferPointer<CChar>, _ shared: Int) -> Bool
    ) throws(IndexError) -> Bool {
        var reader = IndexReader(size: size, format: format, isHashing: verifying, source)
        return try reader.read(until: deadline, body)
    }
}
