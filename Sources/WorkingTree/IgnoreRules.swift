internal import Formats

/// A .dockerignore file: what of a context is not sent.
///
/// Source: moby/patternmatcher ignorefile.ReadAll and PatternMatcher.MatchesUsingParentResults.
struct IgnoreRules: Equatable, Sendable {
    private let patterns: [IgnorePattern]
    /// Whether a later line may take back what an earlier one left out, so that directories left out are looked into.
    let hasExceptions: Bool

    /// Nothing is left out.
    static let none = IgnoreRules(patterns: [])

    private init(patterns: [IgnorePattern]) {
        self.patterns = patterns
        hasExceptions = patterns.contains(where: \.isException)
    }

    /// Reads a file; nil when docker refuses it, or when a pattern in it cannot be told here.
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

    /// As docker writes a pattern anew: blanks, doubled slashes and a slash in front taken away; nil for an empty line.
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

    /// Which patterns match a directory, or one above it: what is below need not ask again.
    struct Above {
        fileprivate var matched: [Bool]
    }

    /// Above the context's own files.
    var top: Above { Above(matched: [Bool](repeating: false, count: patterns.count)) }

    /// Whether a path, seen from the context, is left out, and what that means for all below it.
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

    /// Whether a path, seen from the context, is left out.
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
