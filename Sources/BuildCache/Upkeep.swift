public import Formats
internal import Host

extension Generation {
    /// The least time between two notes of an export's use.
    private static let useInterval: Int64 = 3_600_000_000_000

    /// Notes, at most once an hour, that a build uses existing exports but exports nothing itself: trimming removes the
    /// least recently used first, and access times are not reliable. A build that exports needs no such note, since its
    /// export names all layers that it had. Which export contains what the build uses is not known in advance; most
    /// likely it is the newest of its branch and arguments. Applies to the user's own generation.
    public func noteUse(by build: BuildIdentity) {
        let key = build.key.directoryName
        guard let nearest = KeyListing(of: key, in: [self]).nearest(to: build.variant, key) else { return }
        Self.noteUse(of: nearest.path)
    }

    /// The same for a given export of the user's own.
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
    /// One user's sub-store.
    public struct SubStore: Equatable, Sendable {
        /// The user.
        public let user: UInt32
        /// The group with which to act: that of the directory, if its user chose it; the group "nobody" if the
        /// directory above chose it.
        public let group: UInt32
        /// Its directory.
        public let path: ByteString
    }

    /// The non-empty sub-stores, each owned by the user in its name, by user.
    public var subStores: [SubStore] {
        let names = (try? Files.names(in: format, limit: .max)) ?? []
        let isGroupInherited = ((try? Files.status(format).mode) ?? 0) & 0o2000 != 0
        return names.compactMap { name in
            guard name.hasPrefix("u"), let number = name.dropFirst(1).decimal, let user = UInt32(exactly: number),
                let status = try? Files.status(subStore(of: user), followLinks: false),
                subStore(of: user).lastPathComponent == name, status.kind == .directory, status.owner == user,
                (try? Files.names(in: subStore(of: user), limit: 1))?.isEmpty != true
            else { return nil }
            return SubStore(user: user, group: isGroupInherited ? 65_534 : status.group, path: subStore(of: user))
        }.sorted { $0.user < $1.user }
    }
}

extension Store {
    /// Whether the user's own sub-store was last trimmed more than `interval` nanoseconds ago. The interval starts with
    /// the first call.
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

    /// How soon a build looks again at an older generation that was in use, in nanoseconds.
    private static let settlingTime: Int64 = 300_000_000_000

    /// Trims the user's own sub-store in a separate process that holds nothing of the caller's. It prints nothing:
    /// `slipway trim` reports what it cannot do.
    public func trimBehind(keeping retention: Retention, interval: Int64) {
        Detached.run { _ in
            // Another shim may have started a trim meanwhile. A failed one is tried again after the interval, not by
            // each build.
            guard isTrimDue(interval: interval) else { return 0 }
            let home = layout.subStore(of: user)
            try? Files.setModified(home.appending(path: TrimLock.name), Clock.now)
            // Locks held on other machines may not be visible there.
            guard (try? Files.fileSystem(at: home))?.place != .remote else { return 0 }
            guard let report = try? Trim(self, keeping: retention, dryRun: false).run() else { return 1 }
            // The build that started this holds the old generation; what it exports there is carried over soon after
            // it ends.
            if !report.isSettled {
                try? Files.setModified(
                    home.appending(path: TrimLock.name), Clock.now &- max(0, interval &- Self.settlingTime))
            }
            return 0
        }
    }
}
