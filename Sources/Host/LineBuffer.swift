internal import Formats

/// What came on a stream, by lines. Each byte is looked at once, however small the pieces and however long the lines.
struct LineBuffer {
    private(set) var text: [UInt8] = []
    private var pending: [UInt8] = []

    /// Takes in a piece; of all that was said `limit` bytes are kept, or up to twice as many before the older half goes.
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

    /// Takes note of the stream's end; of all that was said `limit` bytes are left.
    mutating func end(keeping limit: Int = .max, _ line: (ByteString) -> Void) {
        if text.count > limit { text.removeFirst(text.count - limit) }
        if !pending.isEmpty { line(ByteString(pending)) }
        pending = []
    }
}
