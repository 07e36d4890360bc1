public import Formats
internal import Host

/// How far a file of lines has been read that is moved aside when it is full, as `Files.append` does.
public struct LinePosition: Equatable, Sendable {
    /// Where the last line that was read ended; 0 before the first.
    public let offset: Int
    /// That line's digest: a file may have been moved or replaced, and its inode taken by another.
    public let digest: ByteString

    // As long as either file may become.
    private static let largest = 16 << 20

    /// Before the first line.
    public static let start = LinePosition(offset: 0, digest: "")

    /// As it was kept.
    public init(offset: Int, digest: ByteString) {
        self.offset = offset
        self.digest = digest
    }

    /// The whole lines of an older and a newer file, in their order: those that were read before, those that were appended since, and
    /// where they end. All are new where the last one that was read is gone.
    public func lines(of files: [ByteString]) -> (known: [ByteString], new: [ByteString], end: LinePosition) {
        // The newer one first: if it is moved meanwhile it is the older one, too, and read once.
        var seen: [FileStatus] = []
        var texts: [ByteString] = []
        for path in files.reversed() {
            // Looked at first: opening a FIFO waits for its other end.
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
            // What has no line end yet is still being written, or torn for ever.
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
