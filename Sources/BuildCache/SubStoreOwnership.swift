public import Formats
internal import Host
internal import Notes

extension StoreLayout {
    /// A user's place in a store that somebody else has taken.
    public struct Squatted: Equatable, Sendable {
        /// Whose place it is.
        public let user: UInt32
        /// Who has it.
        public let owner: UInt32
        /// Where.
        public let path: ByteString

        /// What is the matter and what to do, for people.
        public var text: ByteString {
            path + " was made by user " + ByteString(decimal: owner) + ", so it is not used, and user "
                + ByteString(decimal: user) + " has no part: sudo slipway store init --shared "
                + path.parentPath.parentPath.shellQuoted
        }
    }

    /// The places that others have taken, by user.
    public var squatted: [Squatted] {
        claims.compactMap { user, owner in
            guard let owner, owner != user, owner != 65_534 else { return nil }
            return Squatted(user: user, owner: owner, path: subStore(of: user))
        }
    }

    /// Whose places there are and who has them, by user: nil where it was gone a moment later. A name of one's own spelled otherwise is
    /// nobody's place, and what a user namespace does not know (65,534) may be anybody's.
    fileprivate var claims: [(user: UInt32, owner: UInt32?)] {
        ((try? Files.names(in: format, limit: .max)) ?? []).compactMap { name in
            guard name.hasPrefix("u"), let number = name.dropFirst(1).decimal, let user = UInt32(exactly: number),
                subStore(of: user).lastPathComponent == name
            else { return nil }
            return (user, (try? Files.status(subStore(of: user), followLinks: false))?.owner)
        }.sorted { $0.user < $1.user }
    }
}

/// Gives every user their place in a shared store, as root.
struct SubStoreOwnership {
    let layout: StoreLayout
    private var changes: [ByteString] = []
    private var aside: ByteString?

    private init(_ layout: StoreLayout) { self.layout = layout }

    /// Takes back the places that others have taken, and makes those of the machine's users before others can. Returns what was
    /// changed, for people. STORE/v1 must be root's and sticky by now.
    static func restore(_ layout: StoreLayout) throws(StoreError) -> [ByteString] {
        var keeper = SubStoreOwnership(layout)
        let users = knownUsers()
        try keeper.reclaimAll(users)
        var made = 0
        for (user, group) in users where Files.isMissing(layout.subStore(of: user)) {
            try keeper.make(user, group)
            made += 1
        }
        if made > 0 { keeper.changes.append("made the parts of " + ByteString(decimal: made) + " users") }
        return keeper.changes
    }

    /// Looks that have to find nothing, one after another, before nobody is taken to be there. Whoever makes a name and takes it away
    /// as fast as they can has it half of the time.
    private static let quietLooks = 20
    private static let mostLooks = 2_000
    /// Nanoseconds between looks.
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

    /// The users of /etc/passwd who log in, and root, with their groups: numbers from 1000 to 59,999 (login.defs, UID_MIN).
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
            // Made at this moment, by that user or by somebody else.
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

    /// Puts an empty part of the right owner where somebody else's thing stands, at one stroke: in between they could take the
    /// name again. Their thing lands in a folder that only root can enter. It is not deleted: they may have it open, and lead a
    /// deletion elsewhere with a link at the right moment.
    private mutating func reclaim(_ user: UInt32, group: UInt32) throws(StoreError) {
        let path = layout.subStore(of: user)
        do throws(Errno) {
            let folder = try makeAside()
            var kept = folder.appending(path: path.lastPathComponent)
            // That user may have removed their part, and somebody else have come again.
            if !Files.isMissing(kept) { kept += "-" + ByteString(decimal: changes.count) }
            try Self.makePart(kept, user, group)
            do throws(Errno) {
                try Files.exchange(kept, path)
            } catch .invalid {
                try Self.replace(path, by: kept)
            } catch .noSuchFile {
                // Whoever took it has moved it away meanwhile.
                try Self.replace(path, by: kept)
            } catch .noSystemCall {
                try Self.replace(path, by: kept)
            }
            changes.append("took " + path + " back: what stood there is in " + kept)
        } catch {
            throw StoreError(.subStoreSquatted, path, error)
        }
    }

    /// Where the file system cannot exchange names: moves the old one away and the new one into its place, again and again while
    /// somebody is quicker.
    private static func replace(_ path: ByteString, by new: ByteString) throws(Errno) {
        for round in 0..<1000 {
            try? Files.rename(path, to: new + "." + ByteString(decimal: round))
            // An empty directory is replaced; anything else belongs to somebody who came first.
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
