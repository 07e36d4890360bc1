public import BuildCache
public import Formats
public import GitIndex
public import Host

/// A working tree and its index, read from git's files without git.
public struct Checkout: Sendable {
    /// The repository.
    public let repository: GitRepository
    /// Its index.
    public let index: GitIndex
    /// When the index was written, in nanoseconds since 1970.
    public let written: Int64

    /// Bytes: 100 000 files take about ten million.
    public static let largestIndex = 512 << 20

    /// Why there is no index to go by.
    public enum Obstacle: Error, Equatable, Sendable {
        /// No repository lies there.
        case noRepository
        /// One lies there, and this part of it is another user's.
        case foreign(ByteString)
        /// It has no index yet, or none that may be read.
        case noIndex(ByteString, Errno)
        /// It has one that is not understood.
        case doubt(ByteString, GitIndex.Doubt)

        /// For people: what and where.
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

    /// Reads the index of a repository. Without `verifying`, its checksum is not compared: for who has no time.
    public init(
        of repository: GitRepository, verifying: Bool = true, largestIndex: Int = Self.largestIndex
    ) throws(Obstacle) {
        self.repository = repository
        let path = repository.directory.appending(path: "index")
        let content: ByteString
        do throws(Errno) {
            // Looked at before it is read: a file that changes meanwhile counts as not clean.
            written = try Files.status(path).modified
            content = try Files.read(path, limit: largestIndex)
        } catch {
            throw .noIndex(path, error)
        }
        let isLong = repository.configured("extensions", "objectformat")?.lowercasedASCII == "sha256"
        do throws(GitIndex.Doubt) {
            index = try GitIndex(content.bytes, format: isLong ? .sha256 : .sha1, verifying: verifying)
        } catch {
            throw .doubt(path, error)
        }
    }

    /// Whether git believes what modes the file system tells (core.fileMode).
    var trustsModes: Bool {
        repository.isConfigured("core", "filemode") ?? true
    }
}
