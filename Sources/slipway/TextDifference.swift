import Formats

/// The difference between two texts, line by line.
struct TextDifference {
    private struct Change {
        let mark: UInt8
        let line: ByteString
    }

    private var changes: [Change] = []
    private static let context = 3
    // How far to search for a line that both texts have.
    private static let reach = 64

    /// Lines keep their line ends.
    init(_ old: ByteString, _ new: ByteString) {
        let (old, new) = (Self.lines(of: old), Self.lines(of: new))
        var (here, there) = (0, 0)
        while here < old.count || there < new.count {
            if here < old.count, there < new.count, old[here] == new[there] {
                changes.append(Change(mark: UInt8(ascii: " "), line: old[here]))
                here += 1
                there += 1
                continue
            }
            let (gone, come) = Self.nextCommon(old[here...], new[there...])
            changes += old[here..<here + gone].map { Change(mark: UInt8(ascii: "-"), line: $0) }
            changes += new[there..<there + come].map { Change(mark: UInt8(ascii: "+"), line: $0) }
            here += gone
            there += come
        }
    }

    private static func lines(of text: ByteString) -> [ByteString] {
        var lines = text.bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { ByteString($0) + "\n" }
        if let last = lines.popLast(), last != "\n" { lines.append(last.dropLast(1)) }
        return lines
    }

    /// How many lines of each text come before the next line that both have.
    private static func nextCommon(_ old: ArraySlice<ByteString>, _ new: ArraySlice<ByteString>) -> (Int, Int) {
        for distance in 1...(2 * reach) {
            for gone in max(0, distance - reach)...min(distance, reach) {
                let come = distance - gone
                let (left, right) = (old.startIndex + gone, new.startIndex + come)
                if left == old.endIndex, right == new.endIndex { return (gone, come) }
                if left < old.endIndex, right < new.endIndex, old[left] == new[right] { return (gone, come) }
            }
        }
        return (old.count, new.count)
    }

    /// In the format of `diff -u` and `patch`; empty if both are equal.
    func unified(_ path: ByteString) -> ByteString {
        var text: ByteString = ""
        var start = 0
        while let first = changes[start...].firstIndex(where: { $0.mark != UInt8(ascii: " ") }) {
            var end = first
            var same = 0
            var last = first
            while end < changes.count, same <= 2 * Self.context {
                if changes[end].mark == UInt8(ascii: " ") {
                    same += 1
                } else {
                    same = 0
                    last = end
                }
                end += 1
            }
            let range = max(start, first - Self.context)..<min(changes.count, last + 1 + Self.context)
            text += hunk(range)
            start = range.upperBound
        }
        if text.isEmpty { return text }
        return "--- " + path + "\n+++ " + path + "\n" + text
    }

    private func hunk(_ range: Range<Int>) -> ByteString {
        func count(_ mark: Character, _ range: Range<Int>) -> Int {
            changes[range].count { $0.mark == UInt8(ascii: " ") || $0.mark == mark.asciiValue }
        }
        func place(_ mark: Character) -> ByteString {
            let lines = count(mark, range)
            let before = count(mark, 0..<range.lowerBound)
            return ByteString(decimal: lines == 0 ? before : before + 1) + "," + ByteString(decimal: lines)
        }
        var text: ByteString = "@@ -" + place("-") + " +" + place("+") + " @@\n"
        for change in changes[range] {
            text += ByteString([change.mark]) + change.line
            if !change.line.hasSuffix("\n") { text += "\n\\ No newline at end of file\n" }
        }
        return text
    }
}
