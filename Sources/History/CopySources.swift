internal import Formats

/// What a COPY or ADD takes from the context.
///
/// Source: moby/buildkit frontend/dockerfile/instructions/parse.go, parseCopy.
struct CopySources: Equatable, Sendable {
    private let sources: [[ByteString]]

    /// From an instruction as executed; nil if it takes nothing from the context: other instructions, `--from`, only
    /// heredocs.
    init?(of instruction: ByteString) {
        let (word, rest) = instruction.cut { $0 == 0x20 }
        guard word == "COPY" || word == "ADD" else { return nil }
        var text = rest.trimmed
        while text.hasPrefix("--") {
            let (flag, more) = text.cut { $0 == 0x20 }
            if flag.hasPrefix("--from=") { return nil }
            text = more.trimmed
        }
        var words: [ByteString]
        if text.hasPrefix("["), let list = JSON(text)?.array {
            words = list.compactMap(\.string)
        } else {
            words = text.split(" ").filter { !$0.isEmpty }
        }
        guard words.count >= 2 else { return nil }
        words.removeLast()
        // Addresses and heredocs do not come from the context.
        sources = words.filter { !$0.hasPrefix("<<") && $0.range(of: "://") == nil }.map { source in
            ("/" + source).cleanedPath.dropFirst(1).split("/").filter { !$0.isEmpty }
        }
        if sources.isEmpty { return nil }
    }

    /// Whether it takes a path of the context: a source, or a path below one. The directory that a source names is
    /// not hashed itself.
    func take(_ path: ByteString) -> Bool {
        let parts = path.split("/")
        return sources.contains { source in
            guard parts.count >= source.count else { return false }
            return zip(source, parts).allSatisfy { Self.matches($0.bytes[...], $1.bytes[...]) }
        }
    }

    /// Go's filepath.Match for one name, except for sets: those match anything.
    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        switch first {
        case UInt8(ascii: "*"):
            return (name.startIndex...name.endIndex).contains { matches(pattern.dropFirst(), name[$0...]) }
        case UInt8(ascii: "?"): return !name.isEmpty && matches(pattern.dropFirst(), name.dropFirst())
        case UInt8(ascii: "["): return true
        default: return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
        }
    }

    private static let cluttering: [ByteString] = [
        ".git", "node_modules", ".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox",
        ".DS_Store", ".idea", ".vscode", ".gradle", ".terraform",
    ]

    /// Whether a path consists of files that tools leave behind and that differ in each clone.
    static func isClutter(_ path: ByteString) -> Bool { clutter(path) != path || path.hasSuffix(".log") }

    /// What to exclude for a path: the directory that a tool makes, or logs.
    static func clutter(_ path: ByteString) -> ByteString {
        if path.hasSuffix(".log") { return "**/*.log" }
        let parts = path.split("/")
        guard let index = parts.firstIndex(where: { cluttering.contains($0) }) else { return path }
        return index == 0 ? parts[0] : "**/" + parts[index]
    }
}
