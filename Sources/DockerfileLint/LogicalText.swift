/// The text of an instruction as BuildKit sees it, without continuations and the comments inside them; every byte knows where it
/// stands in the file.
struct LogicalText: Equatable, Sendable {
    /// One run of bytes that stand together in the file.
    struct Segment: Equatable, Sendable {
        let logical: Int
        let source: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var segments: [Segment] = []

    /// Nothing.
    init() {}

    /// What stands at `range` of a file, as it is.
    init(_ source: [UInt8], _ range: Range<Int>) { append(source, range) }

    /// Takes in one more run of bytes.
    mutating func append(_ source: [UInt8], _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        segments.append(Segment(logical: bytes.count, source: range.lowerBound))
        bytes += source[range]
    }

    /// Where a byte stands in the file; the place after the last byte for one beyond the end.
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

    /// The bytes of the file from the first byte of a range to its last one, continuations between them included.
    func source(of range: Range<Int>) -> Range<Int> {
        let start = source(of: range.lowerBound)
        guard !range.isEmpty else { return start..<start }
        return start..<max(start, source(of: range.upperBound - 1) + 1)
    }

    /// Whether a range stands in the file just as it does here.
    func isUnbroken(_ range: Range<Int>) -> Bool { source(of: range).count == range.count }
}
