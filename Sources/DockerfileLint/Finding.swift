public import Formats

/// A finding of a rule.
public struct Finding: Sendable {
    /// The rule.
    public let rule: Rule
    /// The byte offset in the file where it starts.
    public let offset: Int
    /// Counted from 1.
    public let line: Int
    /// Counted from 1, in bytes.
    public let column: Int
    /// What it concerns; may be empty.
    public let detail: ByteString
    /// The edits that would fix it; nil if people have to decide.
    let fix: Fix?

    /// Whether `--fix` fixes it.
    public var isFixable: Bool { fix != nil }

    /// The edits that `--fix` makes for it: ranges of the file, and their replacements.
    public var edits: [(range: Range<Int>, replacement: ByteString)] {
        fix?.edits.map { ($0.range, $0.replacement) } ?? []
    }

    /// How bad it is.
    public var severity: Severity { rule.row.severity }

    /// One line for people: the finding, what it concerns, and its measured cost.
    public var message: ByteString {
        let row = rule.row
        let title = ByteString(row.title)
        return (detail.isEmpty ? title : title + " (" + detail + ")") + ": " + ByteString(row.consequence)
    }
}

/// Changes of a file's bytes that belong together. Only safe ones: the build does the same, except for caching.
struct Fix: Equatable, Sendable {
    struct Edit: Equatable, Sendable {
        let range: Range<Int>
        let replacement: ByteString
    }

    var edits: [Edit]

    init(_ range: Range<Int>, _ replacement: ByteString = "") { edits = [Edit(range: range, replacement: replacement)] }

    /// Applies as many as do not overlap, in order.
    static func apply(_ fixes: [Fix], to source: ByteString) -> ByteString {
        let edits = fixes.flatMap(\.edits).enumerated().sorted {
            ($0.element.range.lowerBound, $0.element.range.upperBound, $0.offset)
                < ($1.element.range.lowerBound, $1.element.range.upperBound, $1.offset)
        }.map(\.element)
        var result: [UInt8] = []
        var position = 0
        var last: Edit?
        for edit in edits where edit.range.upperBound <= source.count {
            guard edit.range.lowerBound >= position, edit != last else { continue }
            // The order of two insertions at one place would be uncertain.
            if let last, last.range == edit.range { continue }
            result += source.bytes[position..<edit.range.lowerBound] + edit.replacement.bytes
            position = edit.range.upperBound
            last = edit
        }
        return ByteString(result + source.bytes[position...])
    }
}

/// What is known about a build's context besides the Dockerfile.
public struct ContextFacts: Sendable {
    /// The ignore file in effect: nil if there is none.
    public var ignoreFile: ByteString?
    /// Whether there is a `.git`.
    public var hasGit: Bool
    /// Whether anyone has looked: otherwise no rule mentions the context.
    public var isKnown: Bool

    /// From the facts found.
    public init(ignoreFile: ByteString?, hasGit: Bool) {
        self.ignoreFile = ignoreFile
        self.hasGit = hasGit
        isKnown = true
    }

    private init() {
        ignoreFile = nil
        hasGit = false
        isKnown = false
    }

    /// Nothing is known.
    public static let unknown = ContextFacts()

    /// Whether the ignore file excludes `.git` (moby/patternmatcher: the last matching pattern decides).
    var ignoresGit: Bool {
        var isIgnored = false
        for line in ignoreFile?.split("\n") ?? [] {
            var pattern = line.trimmed
            if pattern.isEmpty || pattern.hasPrefix("#") { continue }
            let isException = pattern.hasPrefix("!")
            if isException { pattern = pattern.dropFirst(1).trimmed }
            pattern = ("/" + pattern).cleanedPath.dropFirst(1)
            while pattern.hasPrefix("**/") { pattern = pattern.dropFirst(3) }
            for rest in ["/**", "/*"] as [ByteString] where pattern.hasSuffix(rest) && !isException {
                pattern = pattern.dropLast(rest.count)
            }
            if Self.matches(pattern.bytes[...], [0x2E, 0x67, 0x69, 0x74]) { isIgnored = !isException }
        }
        return isIgnored
    }

    /// Matches "*" and "?" of a pattern against ".git".
    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            let rest = pattern.drop { $0 == UInt8(ascii: "*") }
            return (0...name.count).contains { matches(rest, name.dropFirst($0)) }
        }
        guard let next = name.first, first == next || first == UInt8(ascii: "?") else { return false }
        return matches(pattern.dropFirst(), name.dropFirst())
    }
}
