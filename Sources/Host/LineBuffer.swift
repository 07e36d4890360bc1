internal import Formats

/// Splits a stream into lines. It looks at each byte once, however small the pieces and however long the lines.
struct LineBuffer {
    private(set) var text: [UInt8] = []
    private var pending: [UInt8] = []

    /// Adds a piece. Of the whole stream it keeps the last `limit` bytes, or up to twice as many until it drops the
    /// older half.
    mutating func add(_ piece: [UInt8], keeping limit: Int = .max, _ line: (ByteString) -> Void) {
        text += piece
        if text.count / 2 > limit { text.removeFirst(text.count - limit) }
        var start = 0
        // A progress bar ends its lines with a carriage return.
        for (index, byte) in piece.enumerated() where byte == 0x0A || byte == 0x0D {
            line(ByteString(pending + piece[start..<index]))
            pending = []
            start = index + 1
        }
        pending += piece[start...]
    }

    /// Marks the end of the stream, and keeps the last `limit` bytes of it.
    mutating func end(keeping limit: Int = .max, _ line: (ByteString) -> Void) {
        if text.count > limit { text.removeFirst(text.count - limit) }
        if !pending.isEmpty { line(ByteString(pending)) }
        pending = []
    }
}
