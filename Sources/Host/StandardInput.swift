internal import CLinux
public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// This process's standard input, read before the next program reads it.
public enum StandardInput {
    /// Reads it to its end and replaces it with a copy in memory, so that the program that this process becomes reads
    /// the very same bytes: there is no pipe to fill and no process to fill it. Nil if it is more than `limit` bytes,
    /// which are still passed on. If it throws `invalid` (a terminal), or throws because no copy can be made, nothing
    /// has been read. If reading or memory fails midway, a file is rewound to its former position; what was read from a
    /// pipe is lost, as it would be for any reader that has to keep it itself.
    public static func takeCopy(limit: Int) throws(Errno) -> ByteString? {
        guard isatty(0) == 0 else { throw .invalid }
        var status = stat()
        _ = try checked { fstat(0, &status) }
        let copy = try Descriptor(taking: checked { slipway_memfd_create("slipway") })
        let start = lseek(0, 0, SEEK_CUR)
        var content: [UInt8]? = []
        do throws(Errno) {
            while true {
                let piece = try readPiece()
                if piece.isEmpty { break }
                try copy.write(ByteString(piece))
                if let count = content?.count, piece.count <= limit - count {
                    content?.append(contentsOf: piece)
                } else {
                    content = nil
                }
            }
        } catch {
            if start >= 0 { lseek(0, start, SEEK_SET) }
            throw error
        }
        let number = copy.number
        _ = try checked { lseek(number, 0, SEEK_SET) }
        _ = try checked { dup2(number, 0) }
        return content.map { ByteString($0) }
    }

    /// Rewinds it to its beginning, after another program has read the copy.
    public static func rewind() { lseek(0, 0, SEEK_SET) }

    private static func readPiece() throws(Errno) -> [UInt8] {
        while true {
            var failure: Errno?
            let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                let taken = read(0, buffer.baseAddress, buffer.count)
                if taken < 0 { failure = .current }
                count = max(0, taken)
            }
            switch failure {
            case nil: return piece
            case .wouldBlock?: try Readiness.wait(for: 0, .read, until: .max)
            case .interrupted?: continue
            case let failure?: throw failure
            }
        }
    }
}
