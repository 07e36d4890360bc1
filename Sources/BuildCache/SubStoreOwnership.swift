public import Formats
internal import Host
internal import Notes

extension StoreLayout {
    /// A user's sub-store name that another user has taken.
    public struct Squatted: Equatable, Sendable {
        /// The user whose name it is.
        public let user: UInt32
        /// The user who has taken it.
        public let owner: UInt32
        /// The path.
        public let path: ByteString

        /// The problem and what to do, for people.
        public var text: ByteString {
            path + " was made by user " + ByteString(decimal: owner) + ", so it is not used, and user "
                + ByteString(decimal: user) + " has no sub-store: sudo slipway store init --shared "
                + path.parentPath.parentPath.shellQuoted
        }
    }

    /// The names that others have taken, by user.
    public var squatted: [Squatted] {
        claims.compactMap { user, owner in
            guard let owner, owner != user, owner != 65_534 else { return nil }
            return Squatted(user: user, owner: owner, path: subStore(of: user))
        }
    }

    /// The users whose names exist and the owners, by user: nil if it vanished a moment later. Another spelling of a
    /// user's number is nobody's name. An owner that a user namespace does not know (65,534) may be anyone.
    fileprivate var claims: [(user: UInt32, owner: UInt32?)] {
        ((try? Files.names(in: format, limit: .max)) ?? []).compactMap { name in
            guard name.hasPrefix("u"), let number = name.dropFirst(1).decimal, let user = UInt32(exactly: number),
                subStore(of: user).lastPathComponent == name
            else { return nil }
            return (user, (try? Files.status(subStore(of: user), followLinks: false))?.owner)
        }.sorted { $0.user < $1.user }
    }
}

/// Gives every user their own sub-store in a shared store; runs as root.
struct SubStoreOwnership {
    let layout: StoreLayout
    private var changes: [ByteString] = []
    private var aside: ByteString?

    private init(_ layout: StoreLayout) { self.layout = layout }

    /// Takes back the names that others have taken, and makes the sub-stores of the machine's users before others can.
    /// Returns what it changed, for people. By now STORE/v1 must belong to root and be sticky.
    static func restore(_ layout: StoreLayout) throws(StoreError) -> [ByteString] {
        var keeper = SubStoreOwnership(layout)
        let users = knownUsers()
        try keeper.reclaimAll(users)
        var made = 0
        for (user, group) in users where Files.isMissing(layout.subStore(of: user)) {
            try keeper.make(user, group)
            made += 1
        }
        if made > 0 { keeper.changes.append("made the sub-stores of " + ByteString(decimal: made) + " users") }
        return keeper.changes
    }

    /// How many consecutive looks must find nothing before the names count as free. A process that creates and removes
    /// a name as fast as it can has it half of the time.
    private static let quietLooks = 20
    private static let mostLooks = 2_000
    /// Nanoseconds between two looks.
    private static let pause: Int64 = 1_000_000

    private mutating func reclaimAll(_ users: [UInt32: UInt32]) throws(StoreError) {
        var quiet = 0
        for _ in 0..<Self.mostLooks where quiet < Self.quietLooks {
            quiet += 1
            for (user, owner) in layout.claims where owner != user && owner != 65_534 {
                quiet = 0
                if owner == nil {
                    try make(user, users[user] ?? 65_534)
                } else {
                    try reclaim(user, group: users[user] ?? 65_534)
                }
            }
            Clock.sleep(nanoseconds: Self.pause)
        }
    }

    /// Root and the users in /etc/passwd with numbers from 1000 to 59,999 (login.defs, UID_MIN), with their groups.
    private static func knownUsers() -> [UInt32: UInt32] {
        var users: [UInt32: UInt32] = [0: 0]
        for line in ((try? Files.read("/etc/passwd", limit: 4 << 20)) ?? "").split("\n") {
            let fields = line.split(":")
            guard fields.count > 3, let user = fields[2].decimal.flatMap(UInt32.init(exactly:)),
                let group = fields[3].decimal.flatMap(UInt32.init(exactly:)), (1000..<60_000).contains(user)
            else { continue }
            users[user] = group
        }
        return users
    }

    private mutating func make(_ user: UInt32, _ group: UInt32) throws(StoreError) {
        let path = layout.subStore(of: user)
        do throws(Errno) {
            try Self.makePart(path, user, group)
        } catch .fileExists {
            // Just made, by that user or by another.
            let owner = try StoreError.status(path, followLinks: false).owner
            if owner != user { try reclaim(user, group: group) }
        } catch {
            throw StoreError(.storeNotWritable, path, error)
        }
    }

    private static func makePart(_ path: ByteString, _ user: UInt32, _ group: UInt32) throws(Errno) {
        try Files.makeDirectory(path, mode: 0o755)
        try Descriptor.open(path, followLinks: false).setOwner(user: user, group: group)
    }

    /// Atomically puts an empty directory with the right owner where another user's file or directory is: in two steps
    /// they could take the name again in between. What was there moves into a folder that only root can enter. It is
    /// not deleted: its owner may have it open, and could redirect a deletion with a link at the right moment.
    private mutating func reclaim(_ user: UInt32, group: UInt32) throws(StoreError) {
        let path = layout.subStore(of: user)
        do throws(Errno) {
            let folder = try makeAside()
            var kept = folder.appending(path: path.lastPathComponent)
            // The user may have removed their directory, and another user may have taken the name again.
            if !Files.isMissing(kept) { kept += "-" + ByteString(decimal: changes.count) }
            try Self.makePart(kept, user, group)
            do throws(Errno) {
                try Files.exchange(kept, path)
            } catch .invalid {
                try Self.replace(path, by: kept)
            } catch .noSuchFile {
                // The one who took it has moved it away meanwhile.
                try Self.replace(path, by: kept)
            } catch .noSystemCall {
                try Self.replace(path, by: kept)
            }
            changes.append("took " + path + " back: what stood there is in " + kept)
        } catch {
            throw StoreError(.subStoreSquatted, path, error)
        }
    }

    /// If the file system cannot exchange names: moves the old one away and the new one into its place, and repeats
    /// that as long as another process is faster.
    private static func replace(_ path: ByteString, by new: ByteString) throws(Errno) {
        for round in 0..<1000 {
            try? Files.rename(path, to: new + "." + ByteString(decimal: round))
            // An empty directory can be replaced; anything else belongs to a process that was faster.
            if (try? Files.rename(new, to: path)) != nil { return }
        }
        throw .fileExists
    }

    private mutating func makeAside() throws(Errno) -> ByteString {
        if let aside { return aside }
        let folder = layout.format.appending(path: "squatted-" + Hex.digits(of: Kernel.randomBytes(8)))
        try Files.makeDirectory(folder, mode: 0o700)
        aside = folder
        return folder
    }
}
