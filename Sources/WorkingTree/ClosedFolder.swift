internal import Formats
internal import GitIndex
internal import Host

/// A directory that others may not look into, before it is opened to them: what would they read in it?
struct ClosedFolder {
    let survey: ModeSurvey
    let limits: ModeSurvey.RepairLimits
    private var left = 20_000
    private static let deepest = 64

    init(_ survey: ModeSurvey, _ limits: ModeSurvey.RepairLimits) {
        self.survey = survey
        self.limits = limits
    }

    /// Whether all that others could read in it then is what git has; nil when that was not found out.
    mutating func holdsOnlyTracked(_ path: ByteString, in top: borrowing OpenFolder, depth: Int = 0) -> Bool? {
        guard depth < Self.deepest, let folder = try? top.folders(path), let names = try? folder.names(limit: left)
        else { return nil }
        for name in names where name != ".git" {
            left -= 1
            guard left > 0, Clock.monotonic < limits.deadline, let status = try? folder.status(of: name) else {
                return nil
            }
            let below = path.appending(path: name)
            switch status.kind {
            case .directory:
                guard status.mode & 0o055 != 0 else { continue }
                guard survey.entry(below) != nil else { return false }
                guard let isTracked = holdsOnlyTracked(below, in: top, depth: depth + 1) else { return nil }
                if !isTracked { return false }
            case .regular:
                guard status.mode & 0o044 != 0 else { continue }
                guard case .file(let blob)? = survey.entry(below) else { return false }
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

extension ModeSurvey {
    /// What an index says of a path.
    enum Tracked {
        case file([UInt8])
        case directory
    }

    /// What git has at a path, seen from the survey's top; nil for what it does not track.
    func entry(_ path: ByteString) -> Tracked? {
        for (prefix, index) in indexes.reversed() where prefix.isEmpty || path.hasPrefix(prefix) {
            return index.tracked(path.dropFirst(prefix.count))
        }
        return nil
    }
}

extension GitIndex {
    fileprivate func tracked(_ path: ByteString) -> ModeSurvey.Tracked? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if self.path(of: entries[middle]) < path { low = middle + 1 } else { high = middle }
        }
        guard low < entries.count else { return nil }
        if self.path(of: entries[low]) == path {
            if case .submodule = entries[low].kind { return .directory }
            return .file(id(of: entries[low]))
        }
        // "a.b" and "a-b" stand between "a" and "a/b".
        let inside = path + "/"
        high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if self.path(of: entries[middle]) < inside { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && self.path(of: entries[low]).hasPrefix(inside) ? .directory : nil
    }
}
