internal import Formats
internal import Host

/// The entries of a context that docker sends, in the order of names within each folder.
struct ContextWalk {
    /// One entry.
    struct Entry {
        /// Relative to the context.
        let path: ByteString
        /// The last component of the path.
        let name: ByteString
        let status: FileStatus
    }

    /// Why the walk was incomplete.
    enum Gap { case unreadable, ignoreFile, cut }

    private(set) var gap: Gap?
    private let rules: IgnoreRules
    private let isGitEntered: Bool
    private let most: Int
    /// Excluded directories that docker sends all the same if an exception matches something in them; not reported
    /// yet.
    private var untold: [Entry] = []

    /// Walks a directory, absolute and resolved, without what `ignoreFile` excludes. Calls `visit` with each entry and
    /// its folder; stops when `isOver`, called for each name, returns true. Reads at most `most` names of one folder.
    static func forEach(
        of root: ByteString, ignoreFile: ByteString?, enteringGit: Bool, most: Int, until isOver: () -> Bool,
        _ visit: (Entry, borrowing DirectoryDescriptor) -> Void
    ) -> Gap? {
        var rules: IgnoreRules? = IgnoreRules.none
        if let ignoreFile {
            // docker does not read an ignore file that is a link out of its folder.
            let text = try? Files.read(ignoreFile, within: ignoreFile.parentPath, limit: 1 << 20)
            rules = text.flatMap { IgnoreRules($0) }
        }
        guard let rules else { return .ignoreFile }
        guard let top = try? DirectoryDescriptor(root) else { return .unreadable }
        var walk = ContextWalk(rules: rules, isGitEntered: enteringGit, most: most)
        walk.enter("", top, above: rules.top, isOver, visit)
        return walk.gap
    }

    private init(rules: IgnoreRules, isGitEntered: Bool, most: Int) {
        self.rules = rules
        self.isGitEntered = isGitEntered
        self.most = most
    }

    /// Each folder is opened from the one above it, so that a link put in its place meanwhile is not followed.
    private mutating func enter(
        _ folder: ByteString, _ place: borrowing DirectoryDescriptor, above: IgnoreRules.Above, _ isOver: () -> Bool,
        _ visit: (Entry, borrowing DirectoryDescriptor) -> Void
    ) {
        guard let names = try? place.names(limit: most) else {
            gap = gap ?? .unreadable
            return
        }
        for name in names.sorted() {
            guard gap != .cut, !isOver() else { return gap = .cut }
            let below = folder.isEmpty ? name : folder + "/" + name
            let (isOut, own) = rules.leavesOut(below, below: above)
            guard let status = try? place.status(of: name) else {
                gap = gap ?? .unreadable
                continue
            }
            let entry = Entry(path: below, name: name, status: status)
            guard status.kind == .directory else {
                if !isOut { tell(entry, place, visit) }
                continue
            }
            if isOut && !rules.hasExceptions { continue }
            let depth = untold.count
            if isOut { untold.append(entry) } else { tell(entry, place, visit) }
            if isGitEntered || name != ".git" || isOut {
                if let inside = try? place.folder(name) {
                    enter(below, inside, above: own, isOver, visit)
                } else {
                    gap = gap ?? .unreadable
                }
            }
            if untold.count > depth { untold.removeLast(untold.count - depth) }
        }
    }

    private mutating func tell(
        _ entry: Entry, _ place: borrowing DirectoryDescriptor, _ visit: (Entry, borrowing DirectoryDescriptor) -> Void
    ) {
        for folder in untold { visit(folder, place) }
        untold = []
        visit(entry, place)
    }
}
