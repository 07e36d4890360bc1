internal import Formats

extension Dockerfile {
    /// Whether a build can read it: a file without FROM is a part of one, and one with `{{`, `{%` or `<%` in place of an
    /// instruction or in an image's name is a template.
    public var isBuildable: Bool {
        instructions.contains { $0.keyword == .from } && !instructions.contains { hasTag($0) }
    }

    private func hasTag(_ instruction: Instruction) -> Bool {
        let tags: [StaticString] = ["{{", "{%", "<%"]
        switch instruction.keyword {
        case .unknown: return tags.contains { source.bytes.hasPrefix($0, at: instruction.start..<instruction.end) }
        case .from: return tags.contains { instruction.text.bytes.contains($0, in: instruction.arguments) }
        default: return false
        }
    }
}
