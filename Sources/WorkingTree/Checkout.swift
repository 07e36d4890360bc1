public import Formats
public import Git
public import Host

/// A working tree and its index, read from git's files without running git.
public struct Checkout: Sendable {
    /// The repository.
    public let repository: GitRepository
    /// When the index was written, in nanoseconds since 1970.
    public let written: Int64
    private let path: ByteString

    /// The number of bytes to read at once.
    private static let piece = 65_536

    /// Why there is no usable index.
    public enum CheckoutError: Error, Equatable, Sendable {
        /// There is no repository.
        case noRepository
        /// There is a repository, but this part of it belongs to another user.
        case foreign(ByteString)
        /// It has no index yet, or none that may be read.
        case noIndex(ByteString, Errno)
        /// Its index is not understood.
        case doubt(ByteString, GitIndex.IndexError)

        /// For people: what is wrong, and where.
        public var text: ByteString {
            switch self {
            case .noRepository: "no git repository"
            case .foreign(let path): path + " is another user's, so the repository is not read"
            case .noIndex(let path, let error):
                "no index that can be read at " + path + " (" + ByteString(error.description) + ")"
            case .doubt(let path, let doubt): path + ": " + doubt.text
            }
        }
    }

    /// The checkout of a repository that has an index.
    public init(of repository: GitRepository) throws(CheckoutError) {
        self.repository = repository
        path = repository.directory.appending(path: "index")
        do throws(Errno) {
            // Checked before the index is read: a file that changes meanwhile does not count as clean.
            written = try Files.status(path).modified
        } catch {
            throw .noIndex(path, error)
        }
    }

    /// Iterates over the index like `GitIndex.forEach`. Without `verifying` it does not check the checksum: for
    /// callers that have little time.
    public func forEach(
        verifying: Bool = true, until deadline: Deadline = .never,
        _ body: (GitIndex.Entry, UnsafeBufferPointer<CChar>, _ shared: Int) -> Bool
    ) throws(CheckoutError) -> Bool {
        let isLong = repository.configured("extensions", "objectformat")?.lowercasedASCII == "sha256"
        let file: OpenFile
        do throws(Errno) {
            file = try OpenFile(path)
        } catch {
            throw .noIndex(path, error)
        }
        let index = GitIndex(size: file.size, format: isLong ? .sha256 : .sha1) { skipped in
            file.piece(upTo: Self.piece, skipping: skipped)
        }
        do throws(GitIndex.IndexError) {
            return try index.forEach(verifying: verifying, until: deadline, body)
        } catch {
            throw .doubt(path, error)
        }
    }

    /// Whether git trusts the file system's modes (core.fileMode).
    var trustsModes: Bool {
        repository.isConfigured("core", "filemode") ?? true
    }
}

/// A regular file that is read in pieces: never mapped, because truncating a mapped file would end this process.
private final class OpenFile {
    let size: Int
    private let file: Descriptor

    init(_ path: ByteString) throws(Errno) {
        file = try Descriptor.open(path)
        let status = try file.status()
        guard status.kind == .regular else { throw .invalid }
        size = status.size
    }

    func piece(upTo count: Int, skipping skipped: Int) -> [UInt8] {
        if skipped > 0, (try? file.skip(skipped)) == nil { return [] }
        return (try? file.read(upTo: count)) ?? []
    }
}
