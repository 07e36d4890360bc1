public import Formats

/// What two builds saw differently.
public struct ContextDifference: Equatable, Sendable {
    /// A path whose mode alone differs.
    public struct ModeChange: Equatable, Sendable {
        /// Seen from the context.
        public let path: ByteString
        /// As it was.
        public let before: UInt32
        /// As it is.
        public let after: UInt32
        let isDirectory: Bool
    }

    /// Only the mode.
    public private(set) var modes: [ModeChange] = []
    /// The content, the size, or what stands there.
    public private(set) var contents: [ByteString] = []
    /// Now, and not before.
    public private(set) var added: [ByteString] = []
    /// Before, and not now.
    public private(set) var removed: [ByteString] = []
    /// Of the same size, but not read then or now.
    public private(set) var unread: [ByteString] = []
    /// Whether either record has a gap, so that nothing that is missing in it is known.
    public private(set) var isPartial = false

    /// Whether both saw the same, as far as is known.
    public var isEmpty: Bool { modes.isEmpty && contents.isEmpty && added.isEmpty && removed.isEmpty }

    /// The umask that makes the modes of today; nil when no single one does.
    public var umask: UInt32? {
        ModeSurvey.umask(behind: modes.map { ($0.after, $0.isDirectory || ($0.before | $0.after) & 0o111 != 0) })
    }

    /// Compares two records, where `counts` lets a path count.
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
