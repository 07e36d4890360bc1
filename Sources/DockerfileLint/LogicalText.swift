/// The text of an instruction as BuildKit sees it, without continuations and the comments inside them; the position in
/// the file is known for every byte.
struct LogicalText: Equatable, Sendable {
    /// A run of bytes that are adjacent in the file.
    struct Segment: Equatable, Sendable {
        let logical: Int
        let source: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var segments: [Segment] = []

    /// An empty text.
    init() {}

    /// The bytes in `range` of a file, unchanged.
    init(_ source: [UInt8], _ range: Range<Int>) { append(source, range) }

    /// Appends another run of bytes.
    mutating func append(_ source: [UInt8], _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        segments.append(Segment(logical: bytes.count, source: range.lowerBound))
        bytes += source[range]
    }

    /// The position of a byte in the file; for one beyond the end, the position after the last byte.
    func source(of position: Int) -> Int {
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].logical <= position { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return segments.first?.source ?? 0 }
        let segment = segments[low - 1]
        return segment.source + min(position, bytes.count) - segment.logical
    }

    /// The range in the file from the first byte of a range to its last one, including continuations between them.
    func source(of range: Range<Int>) -> Range<Int> {
        let start = source(of: range.lowerBound)
        guard !range.isEmpty else { return start..<start }
        return start..<max(start, source(of: range.upperBound - 1) + 1)
    }

    /// Whether a range is contiguous in the file.
    func isUnbroken(_ range: Range<Int>) -> Bool { source(of: range).count == range.count }
}
