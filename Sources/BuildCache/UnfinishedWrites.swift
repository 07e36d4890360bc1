internal import Formats
internal import Host

/// What exports have partly written to their `ingest`. BuildKit moves each complete blob from there into the pool; a
/// build that is killed, or fails, leaves partial blobs behind, in a directory to which no index leads.
struct UnfinishedWrites {
    private(set) var bytes: UInt64 = 0
    /// The directories of the individual blobs.
    private(set) var folders: [ByteString] = []

    /// All of them in a generation, or those found before the deadline. Throws if they cannot be listed.
    init(of generation: Generation, until deadline: Deadline = .never) throws(Errno) {
        for key in try Self.names(in: generation.exportsPath) where KeyRecord.isName(key) {
            let home = generation.exportsPath.appending(path: key)
            for export in try Self.names(in: home) where ExportName(export) != nil {
                guard !deadline.hasPassed else { return }
                let ingest = home.appending(path: export).appending(path: "ingest")
                // Nearly all are empty, which a directory's link count tells: two, or one if the file system does not
                // count links.
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

    /// Empty if nothing exists there, or not a directory: a build may have ended meanwhile.
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
    /// Bytes that builds are writing, or have left unfinished; 0 if unknown.
    public var unfinishedBytes: UInt64 { unfinishedBytes(until: .never) }

    /// The same; if the deadline passes, only what was seen before.
    func unfinishedBytes(until deadline: Deadline) -> UInt64 {
        (try? UnfinishedWrites(of: self, until: deadline))?.bytes ?? 0
    }
}
