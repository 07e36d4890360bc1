internal import Formats

/// A .dockerignore file: which parts of a context are not sent.
///
/// Source: moby/patternmatcher ignorefile.ReadAll and PatternMatcher.MatchesUsingParentResults.
struct IgnoreRules: Equatable, Sendable {
    private let patterns: [IgnorePattern]
    /// Whether a later line may re-include what an earlier one excluded, so that excluded directories must be
    /// searched.
    let hasExceptions: Bool

    /// Excludes nothing.
    static let none = IgnoreRules(patterns: [])

    private init(patterns: [IgnorePattern]) {
        self.patterns = patterns
        hasExceptions = patterns.contains(where: \.isException)
    }

    /// Reads a file; nil if docker refuses it, or if it contains a pattern that cannot be expressed here.
    init?(_ text: ByteString) {
        var patterns: [IgnorePattern] = []
        let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst(3) : text
        for line in text.split("\n") {
            if line.hasPrefix("#") { continue }
            guard let cleaned = Self.cleaned(line.trimmed) else { continue }
            guard let pattern = IgnorePattern(cleaned) else { return nil }
            patterns.append(pattern)
        }
        self.init(patterns: patterns)
    }

    /// A pattern as docker normalizes it: without blanks, double slashes and a leading slash; nil for an empty line.
    private static func cleaned(_ line: ByteString) -> ByteString? {
        guard !line.isEmpty else { return nil }
        let isException = line.hasPrefix("!")
        var pattern = isException ? line.dropFirst(1).trimmed : line
        if !pattern.isEmpty {
            pattern = pattern.cleanedPath
            if pattern.count > 1, pattern.hasPrefix("/") { pattern = pattern.dropFirst(1) }
        }
        return isException ? "!" + pattern : pattern
    }

    /// Which patterns match a directory, or one above it, so that paths below need not check again.
    struct Above {
        fileprivate var matched: [Bool]
    }

    /// For the context's own files.
    var top: Above { Above(matched: [Bool](repeating: false, count: patterns.count)) }

    /// Whether a path relative to the context is excluded, and what that means for everything below it.
    func leavesOut(_ path: ByteString, below above: Above) -> (Bool, Above) {
        var isOut = false
        var own = above
        for (index, pattern) in patterns.enumerated() {
            if !own.matched[index] {
                guard pattern.isException == isOut else { continue }
                own.matched[index] = pattern.matches(path.bytes[...])
            }
            if own.matched[index] { isOut = !pattern.isException }
        }
        return (isOut, own)
    }

    /// Whether a path relative to the context is excluded.
    func leavesOut(_ path: ByteString) -> Bool {
        var above = top
        var isOut = false
        let parts = path.split("/")
        for count in parts.indices {
            (isOut, above) = leavesOut(parts[...count].joined(separator: "/"), below: above)
        }
        return isOut
    }
}
