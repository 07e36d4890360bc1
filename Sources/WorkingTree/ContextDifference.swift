public import Formats

/// How the contexts of two builds differ.
public struct ContextDifference: Equatable, Sendable {
    /// A path that differs only in its mode.
    public struct ModeChange: Equatable, Sendable {
        /// Relative to the context.
        public let path: ByteString
        /// The former mode.
        public let before: UInt32
        /// The present mode.
        public let after: UInt32
        let isDirectory: Bool
    }

    /// Paths that differ only in their modes.
    public private(set) var modes: [ModeChange] = []
    /// Paths that differ in content, size, or kind.
    public private(set) var contents: [ByteString] = []
    /// Paths that exist only now.
    public private(set) var added: [ByteString] = []
    /// Paths that existed only before.
    public private(set) var removed: [ByteString] = []
    /// Paths with the same size whose content was not read, then or now.
    public private(set) var unread: [ByteString] = []
    /// Whether either record is incomplete, so that a path missing in it may have existed.
    public private(set) var isPartial = false

    /// Whether both are the same, to the extent known.
    public var isEmpty: Bool { modes.isEmpty && contents.isEmpty && added.isEmpty && removed.isEmpty }

    /// The umask that produces the present modes; nil if no single umask does.
    public var umask: UInt32? {
        ModeSurvey.umask(behind: modes.map { ($0.after, $0.isDirectory || ($0.before | $0.after) & 0o111 != 0) })
    }

    /// Compares two records, considering only paths for which `counts` is true.
    public init(from before: ContextRecord, to after: ContextRecord, where counts: (ByteString) -> Bool = { _ in true })
    {
        isPartial = before.gap != nil || after.gap != nil
        let (old, new) = (before.entries, after.entries)
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if right == new.count || (left < old.count && old[left].path < new[right].path) {
                if counts(old[left].path), after.gap == nil { removed.append(old[left].path) }
                left += 1
            } else if left == old.count || new[right].path < old[left].path {
                if counts(new[right].path), before.gap == nil { added.append(new[right].path) }
                right += 1
            } else {
                if counts(old[left].path) { compare(old[left], new[right]) }
                left += 1
                right += 1
            }
        }
    }

    private mutating func compare(_ before: ContextRecord.Entry, _ after: ContextRecord.Entry) {
        guard before.kind == after.kind, before.size == after.size else { return contents.append(after.path) }
        if after.kind == .file || after.kind == .link {
            if before.digest == 0 || after.digest == 0 {
                if after.size > 0 { unread.append(after.path) }
            } else if before.digest != after.digest {
                return contents.append(after.path)
            }
        }
        guard before.mode != after.mode, after.kind != .link else { return }
        modes.append(
            ModeChange(
                path: after.path, before: before.mode, after: after.mode, isDirectory: after.kind == .directory))
    }
}
