internal import Formats
internal import Git
internal import Host

/// A directory that others may not enter, examined before it is opened to them: what could they read in it?
struct ClosedFolder {
    let tracked: TrackedPaths
    let limits: ModeSurvey.RepairLimits
    /// The permission bits that it is to get.
    private let opened: UInt32
    private var left = 20_000
    private static let deepest = 64

    init(_ tracked: TrackedPaths, _ limits: ModeSurvey.RepairLimits, opening opened: UInt32) {
        self.tracked = tracked
        self.limits = limits
        self.opened = opened
    }

    /// Whether git has everything that others could then read in it; nil if that could not be determined.
    mutating func holdsOnlyTracked(_ path: ByteString, in top: borrowing DirectoryDescriptor, depth: Int = 0) -> Bool? {
        guard depth < Self.deepest, let folder = try? top.folders(path), let names = try? folder.names(limit: left)
        else { return nil }
        for name in names {
            left -= 1
            guard left > 0, !limits.deadline.hasPassed, let status = try? folder.status(of: name) else {
                return nil
            }
            guard name != ".git" else {
                // A file that points to git's own directory holds no secret, but that directory does: its
                // configuration may have an address with a token.
                if status.kind == .directory, status.mode & opened != 0 { return false }
                continue
            }
            let below = path.appending(path: name)
            switch status.kind {
            case .directory:
                guard status.mode & 0o055 != 0 else { continue }
                guard let content = tracked.content(of: below) else { return nil }
                if case .untracked = content { return false }
                guard let isTracked = holdsOnlyTracked(below, in: top, depth: depth + 1) else { return nil }
                if !isTracked { return false }
            case .regular:
                guard status.mode & 0o044 != 0 else { continue }
                guard let content = tracked.content(of: below) else { return nil }
                guard case .file(let blob) = content else { return false }
                guard let file = try? folder.openFile(name, of: status),
                    let isBlob = ModeSurvey.holds(file, status, blob, limits)
                else { return nil }
                if !isBlob { return false }
            case .symbolicLink: continue
            case .socket, .other: if status.mode & 0o066 != 0 { return false }
            }
        }
        return true
    }
}

/// What git has at each path of a working tree and its submodules, read from their indexes at the first use.
final class TrackedPaths {
    /// What git has at a path.
    enum Content {
        /// A file, and git's name for its content.
        case file([UInt8])
        case directory
        /// Nothing.
        case untracked
    }

    private let checkouts: [(prefix: ByteString, checkout: Checkout)]
    private let deadline: Deadline
    private let mostNames: Int
    private var wasRead = false
    private var entries: [(path: ByteString, entry: GitIndex.Entry)]?

    /// Fails for indexes whose paths take more bytes than `mostNames`: an index of a few megabytes may name
    /// gigabytes.
    init(
        _ checkouts: [(prefix: ByteString, checkout: Checkout)], until deadline: Deadline, mostNames: Int = 256 << 20
    ) {
        self.checkouts = checkouts
        self.deadline = deadline
        self.mostNames = mostNames
    }

    /// What git has at a path relative to the top; nil if that could not be determined.
    func content(of path: ByteString) -> Content? {
        if !wasRead {
            wasRead = true
            entries = read()
        }
        guard let entries else { return nil }
        let exact = Self.first(from: path, in: entries)
        if exact < entries.count, entries[exact].path == path {
            if case .submodule = entries[exact].entry.kind { return .directory }
            return .file(entries[exact].entry.name.bytes)
        }
        // "a.b" and "a-b" sort between "a" and "a/b".
        let inside = path + "/"
        let below = Self.first(from: inside, in: entries)
        return below < entries.count && entries[below].path.hasPrefix(inside) ? .directory : .untracked
    }

    private func read() -> [(path: ByteString, entry: GitIndex.Entry)]? {
        var entries: [(path: ByteString, entry: GitIndex.Entry)] = []
        var room = mostNames
        for (prefix, checkout) in checkouts {
            let isWhole = try? checkout.forEach(verifying: false, until: deadline) { entry, path, _ in
                entries.append((prefix + ByteString(path.dropLast().map(UInt8.init(bitPattern:))), entry))
                room -= prefix.count + path.count
                return room > 0
            }
            guard isWhole == true else { return nil }
        }
        entries.sort { $0.path < $1.path }
        return entries
    }

    private static func first(from path: ByteString, in entries: [(path: ByteString, entry: GitIndex.Entry)]) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].path < path { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
