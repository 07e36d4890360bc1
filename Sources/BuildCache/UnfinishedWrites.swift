internal import Formats
internal import Host

/// What exports have begun to write into their `ingest` and not finished. BuildKit moves each blob from there into the pool when it is
/// whole; a build that is killed, or fails, leaves it behind, in a directory that no index leads to.
struct UnfinishedWrites {
    private(set) var bytes: UInt64 = 0
    /// The directories of the single blobs.
    private(set) var folders: [ByteString] = []

    /// All there are in a generation, or that are seen in time. Throws where that cannot be told.
    init(of generation: Generation, until deadline: Deadline = .never) throws(Errno) {
        for key in try Self.names(in: generation.exportsPath) where KeyRecord.isName(key) {
            let home = generation.exportsPath.appending(path: key)
            for export in try Self.names(in: home) where ExportName(export) != nil {
                guard !deadline.hasPassed else { return }
                let ingest = home.appending(path: export).appending(path: "ingest")
                // Nearly all are empty, and a directory's links tell: two, or one where the file system does not count them.
                guard let status = try? Files.status(ingest, followLinks: false), status.kind == .directory,
                    status.links != 2
                else { continue }
                for name in try Self.names(in: ingest) { try add(ingest.appending(path: name)) }
            }
        }
    }

    private mutating func add(_ folder: ByteString) throws(Errno) {
        folders.append(folder)
        for name in try Self.names(in: folder) {
            let size = (try? Files.status(folder.appending(path: name), followLinks: false).size) ?? 0
            bytes &+= UInt64(max(0, size))
        }
    }

    /// None where nothing stands, or no directory: a build may have ended meanwhile.
    private static func names(in path: ByteString) throws(Errno) -> [ByteString] {
        do throws(Errno) {
            return try Files.names(in: path, limit: .max)
        } catch {
            guard error == .noSuchFile || error == .notDirectory || error == .symbolicLink else { throw error }
            return []
        }
    }
}

extension Generation {
    /// Bytes of what builds are writing, or have left unfinished; 0 where that cannot be told.
    public var unfinishedBytes: UInt64 { unfinishedBytes(until: .never) }

    /// The same; of what has been seen where the time is up.
    func unfinishedBytes(until deadline: Deadline) -> UInt64 {
        (try? UnfinishedWrites(of: self, until: deadline))?.bytes ?? 0
    }
}
