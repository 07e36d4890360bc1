public import Formats
internal import Host

extension Generation {
    /// Between two notes of an export's use.
    private static let useInterval: Int64 = 3_600_000_000_000

    /// Notes that a build uses what has been exported and exports nothing itself, at most once an hour: what was used least recently is
    /// trimmed first, and access times tell nothing. An export needs no such note, since it names all layers that its build had.
    /// Which export has what the build uses is not known before it: most likely the newest of its branch and arguments. For one's own
    /// generation.
    public func noteUse(by build: BuildIdentity) {
        let key = build.key.directoryName
        guard let nearest = KeyListing(of: key, in: [self]).nearest(to: build.variant, key) else { return }
        Self.noteUse(of: nearest.path)
    }

    /// The same of a certain export of one's own.
    public static func noteUse(of export: ByteString) {
        let now = Clock.now
        let path = export.appending(path: Export.usedRecord)
        if let noted = try? Files.status(path, followLinks: false) {
            guard !(0..<useInterval).contains(now &- noted.modified) else { return }
            try? Files.setModified(path, now)
        } else {
            _ = try? Descriptor.open(path, .create(mode: 0o644), followLinks: false)
        }
    }
}

extension StoreLayout {
    /// One user's part of a store.
    public struct Part: Equatable, Sendable {
        /// Whose it is.
        public let user: UInt32
        /// The group to act with: that of its directory, which its user chose, or nobody's where the directory above chose it.
        public let group: UInt32
        /// Its directory.
        public let path: ByteString
    }

    /// The parts in which something is, each owned by the user whose name it has, by user.
    public var parts: [Part] {
        let names = (try? Files.names(in: format, limit: .max)) ?? []
        let isGroupInherited = ((try? Files.status(format).mode) ?? 0) & 0o2000 != 0
        return names.compactMap { name in
            guard name.hasPrefix("u"), let number = name.dropFirst(1).decimal, let user = UInt32(exactly: number),
                let status = try? Files.status(subStore(of: user), followLinks: false),
                subStore(of: user).lastPathComponent == name, status.kind == .directory, status.owner == user,
                (try? Files.names(in: subStore(of: user), limit: 1))?.isEmpty != true
            else { return nil }
            return Part(user: user, group: isGroupInherited ? 65_534 : status.group, path: subStore(of: user))
        }.sorted { $0.user < $1.user }
    }
}

extension Store {
    /// Whether one's own sub-store was last trimmed longer ago than `interval` nanoseconds. The first time it is asked the
    /// interval begins.
    public func isTrimDue(interval: Int64) -> Bool {
        let path = layout.subStore(of: user).appending(path: TrimLock.name)
        do throws(Errno) {
            let age = Clock.now &- (try Files.status(path, followLinks: false).modified)
            return !(0..<max(1, interval)).contains(age)
        } catch .noSuchFile {
            _ = try? Descriptor.open(path, .create(mode: 0o600), followLinks: false)
            return false
        } catch {
            return false
        }
    }

    /// How soon a build looks again after an older generation that was in use, in nanoseconds.
    private static let settlingTime: Int64 = 300_000_000_000

    /// Trims one's own sub-store in a process of its own, which holds nothing of the caller's. It says nothing: what it cannot
    /// do, `slipway trim` will say.
    public func trimBehind(keeping retention: Retention, interval: Int64) {
        Detached.run { _ in
            // Another shim may have begun meanwhile. What fails is tried again after the interval, not by each build.
            guard isTrimDue(interval: interval) else { return 0 }
            let home = layout.subStore(of: user)
            try? Files.setModified(home.appending(path: TrimLock.name), Clock.now)
            // Locks of other machines may not be seen there.
            guard (try? Files.fileSystem(at: home))?.place != .remote else { return 0 }
            guard let report = try? Trim(self, keeping: retention, dryRun: false).run() else { return 1 }
            // The build that began this holds the old generation; what it exports there is taken over soon after it ends.
            if !report.isSettled {
                try? Files.setModified(
                    home.appending(path: TrimLock.name), Clock.now &- max(0, interval &- Self.settlingTime))
            }
            return 0
        }
    }
}
