public import Formats
internal import Host

/// How far a file of lines has been read; the file is renamed when it is full, as in `Files.append`.
public struct LinePosition: Equatable, Sendable {
    /// The end of the last line read; 0 before the first.
    public let offset: Int
    /// The digest of that line: a file may have been renamed or replaced, and its inode reused.
    public let digest: ByteString

    // The size to which either file may grow.
    private static let largest = 16 << 20

    /// Before the first line.
    public static let start = LinePosition(offset: 0, digest: "")

    /// From stored values.
    public init(offset: Int, digest: ByteString) {
        self.offset = offset
        self.digest = digest
    }

    /// The complete lines of an older and a newer file, in order: those read before, those appended since, and where
    /// they end. If the last line read is gone, all are new.
    public func lines(of files: [ByteString]) -> (known: [ByteString], new: [ByteString], end: LinePosition) {
        // The newer one first: if it is renamed meanwhile, it is also the older one, and is read only once.
        var seen: [FileStatus] = []
        var texts: [ByteString] = []
        for path in files.reversed() {
            // Checked first: opening a FIFO waits for its other end.
            guard (try? Files.status(path, followLinks: false).kind) == .regular,
                let file = try? Descriptor.open(path, followLinks: false), let status = try? file.status(),
                status.kind == .regular, !seen.contains(where: { $0.isSameFile(as: status) }),
                let text = try? file.readAll(limit: Self.largest)
            else { continue }
            seen.append(status)
            texts.insert(text, at: 0)
        }
        var (known, new) = ([ByteString](), [ByteString]())
        var end = self
        for text in texts {
            // A line without an end is still being written, or will never be complete.
            guard let last = text.bytes.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            let from = isEnd(in: text) ? min(offset, last) : 0
            if from > 0 {
                known += new + Self.lines(text.bytes[..<from])
                new = []
            }
            new += Self.lines(text.bytes[from..<last])
            end = Self.end(of: text.prefix(last + 1))
        }
        return (known, new, end)
    }

    private static func lines(_ text: ArraySlice<UInt8>) -> [ByteString] {
        ByteString(text).split("\n").filter { !$0.isEmpty }
    }

    private func isEnd(in text: ByteString) -> Bool {
        offset > 0 && offset <= text.count && text.bytes[offset - 1] == UInt8(ascii: "\n")
            && Self.end(of: text.prefix(offset)) == self
    }

    private static func end(of text: ByteString) -> LinePosition {
        let line = text.dropLast(1).cutLast(at: "\n")?.after ?? text.dropLast(1)
        return LinePosition(offset: text.count, digest: SHA256.hexDigest(of: line).prefix(16))
    }
}
