import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("Leases")
struct LeaseTests {
    private let fixture: StoreFixture
    private let generation: Generation
    private var store: Store { fixture.store }

    init() throws {
        fixture = try StoreFixture()
        generation = try fixture.generation()
    }

    @Test("Many builds can use one generation; an exclusive lease is refused")
    func shared() throws {
        let first = try #require(try store.leasedGeneration(of: store.user))
        let second = try #require(try store.leasedGeneration(of: store.user))
        #expect(first.0 == generation && second.0 == generation)
        #expect(first.1.path == generation.leasePath)
        let trimmer = try Descriptor.open(generation.leasePath)
        #expect(throws: Errno.wouldBlock) { try trimmer.lock(.exclusive) }
        withExtendedLifetime((first, second)) {}
    }

    @Test("While it is held exclusively, it is busy")
    func busy() throws {
        let trimmer = try Descriptor.open(generation.leasePath)
        try trimmer.lock(.exclusive)
        #expect(rejection { _ = try store.leasedGeneration(of: store.user) } == .leaseBusy)
        #expect(try trimmer.status().kind == .regular)
    }

    @Test("A generation is free while nobody holds it, also without lease files, but not if nobody can tell")
    func free() throws {
        #expect(ExclusiveLease.isFree(generation))
        do {
            let held = try #require(try store.leasedGeneration(of: store.user))
            #expect(!ExclusiveLease.isFree(generation))
            // The day is for readers; a build that nobody else can pretend to be has longer.
            try Files.replace(generation.closedPath, with: "", mode: 0o644)
            try Files.setModified(generation.closedPath, Clock.now - 3 * 86_400_000_000_000)
            #expect(!ExclusiveLease.isFree(generation))
            try Files.remove(generation.closedPath)
            withExtendedLifetime(held) {}
        }
        for path in [generation.readersPath, generation.leasePath] {
            try Files.remove(path)
            #expect(ExclusiveLease.isFree(generation))
        }
        let other = generation.path.appending(path: "other")
        try Files.replace(other, with: "", mode: 0o644)
        for path in [generation.leasePath, generation.readersPath] {
            try generation.makeLeases(mode: 0o755)
            try Files.remove(path)
            try Files.makeLink(path, to: other)
            #expect(!ExclusiveLease.isFree(generation))
            try Files.remove(path)
        }
    }

    @Test(
        "Whichever of a generation's lease files is missing is made, and the other one stays", arguments: [true, false])
    func remade(own: Bool) throws {
        let (missing, other) =
            own ? (generation.leasePath, generation.readersPath) : (generation.readersPath, generation.leasePath)
        let before = try Files.status(other, followLinks: false)
        try Files.remove(missing)
        try generation.makeLeases(mode: 0o755)
        #expect(try Files.status(other, followLinks: false).inode == before.inode)
        #expect(try Files.status(generation.leasePath, followLinks: false).mode & 0o777 == 0o600)
        #expect(try Files.status(generation.readersPath, followLinks: false).mode & 0o777 == 0o644)
    }

    @Test(
        "An older Slipway made a generation whose lease is missing, a link or open to others, or which has only one")
    func old() throws {
        #expect(!generation.hasOldLease)
        try Descriptor.open(generation.leasePath).setMode(0o604)
        #expect(generation.hasOldLease)
        let moved = generation.path.appending(path: "moved")
        try Descriptor.open(generation.leasePath).setMode(0o600)
        try Files.rename(generation.leasePath, to: moved)
        #expect(generation.hasOldLease)
        try Files.makeLink(generation.leasePath, to: "moved")
        #expect(generation.hasOldLease)
        try Files.rename(moved, to: generation.leasePath)
        #expect(!generation.hasOldLease)
        try Files.remove(generation.readersPath)
        #expect(generation.hasOldLease)
    }

    @Test("Readers have had their day when the mark is a day old, not what it links to")
    func linkedMark() throws {
        let reader = try Descriptor.open(generation.readersPath)
        try reader.lockByAccess(.shared)
        let old = fixture.folder["old"]
        try Files.replace(old, with: "", mode: 0o644)
        try Files.setModified(old, Clock.now - 3 * 86_400_000_000_000)
        try Files.makeLink(generation.closedPath, to: old)
        #expect(!ExclusiveLease.isFree(generation))
        #expect(try ExclusiveLease.take(of: generation, isRetired: true) == nil)
        try Files.rename(old, to: generation.closedPath)
        #expect(ExclusiveLease.isFree(generation))
        #expect(try ExclusiveLease.take(of: generation, isRetired: true) != nil)
        #expect(try reader.status().kind == .regular)
    }

    @Test("Work that allows no builds keeps them out until it ends, and waits for none")
    func withoutBuilds() throws {
        var isRun = false
        let isDone = try ExclusiveLease.withoutBuilds(in: generation) { () throws(Errno) in
            isRun = true
            let build = try Descriptor.open(generation.leasePath)
            #expect(throws: Errno.wouldBlock) { try build.lock(.shared) }
        }
        #expect(isDone && isRun)
        let build = try Descriptor.open(generation.leasePath)
        try build.lock(.shared)
        #expect(try !ExclusiveLease.withoutBuilds(in: generation) { isRun = false })
        #expect(isRun)
        withExtendedLifetime(build) {}
    }

    // In separate processes: a program that another test starts meanwhile would briefly hold a copy.
    @Test("It ends with its holder, and outlives exec only on request")
    func ends() async {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            func takeAndForget(outliving: Bool) throws {
                let lease = try #require(try fixture.store.leasedGeneration(of: fixture.store.user)?.1)
                if outliving { try lease.outliveExec() }
            }
            let trimmer = try Descriptor.open(generation.leasePath)
            try takeAndForget(outliving: false)
            try trimmer.lock(.exclusive)
            try trimmer.lock(.shared)
            try takeAndForget(outliving: true)
            #expect(throws: Errno.wouldBlock) { try trimmer.lock(.exclusive) }
        }
    }

    @Test("A generation without a lease file has been moved")
    func moved() throws {
        try Files.remove(generation.leasePath)
        #expect(try Lease.take(of: generation) == nil)
        #expect(rejection { _ = try store.leasedGeneration(of: store.user) } == .generationMoved)
    }

    @Test("Anything but a lease file is ignored", arguments: ["directory", "link", "fifo"])
    func odd(_ kind: String) throws {
        try Files.rename(generation.leasePath, to: fixture.folder["lease"])
        switch kind {
        case "directory": try Files.makeDirectory(generation.leasePath, mode: 0o755)
        case "link": try Files.makeLink(generation.leasePath, to: fixture.folder["lease"])
        default: #expect(mkfifo(generation.leasePath.lossy, 0o600) == 0)
        }
        #expect(rejection { _ = try Lease.take(of: generation) } == .storeUnreadable)
    }

    @Test("A lease file of another user is ignored")
    func foreign() throws {
        let foreign = Generation(path: generation.path, owner: generation.owner + 1)
        #expect(rejection { _ = try Lease.take(of: foreign) } == .storeUnreadable)
    }

    @Test("While generations are switched, a leased one is always complete")
    func switching() async throws {
        let home = store.layout.subStore(of: store.user)
        let second = home.appending(path: "gen-000002")
        for folder: ByteString in ["blobs/sha256", "exports"] {
            try Files.makeDirectories(second.appending(path: folder), mode: 0o755)
        }
        try Files.replace(second.appending(path: "lease"), with: "", mode: 0o644)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for round in 0..<300 {
                    let next = home.appending(path: "next")
                    try? Files.makeLink(next, to: round % 2 == 0 ? "gen-000002" : "gen-000001")
                    try? Files.rename(next, to: home.appending(path: "current"))
                }
            }
            for _ in 0..<2 {
                group.addTask { [store] in
                    for _ in 0..<300 {
                        do throws(StoreError) {
                            let leased = try store.leasedGeneration(of: store.user)
                            #expect(leased.map { $0.1.path == $0.0.leasePath } == true)
                        } catch {
                            #expect(error.note.reason == .generationMoved)
                        }
                    }
                }
            }
        }
    }

    /// Points `current` to another generation, and removes the old one as trimming does.
    private func switchGeneration(to name: ByteString) throws(Errno) {
        let home = store.layout.subStore(of: store.user)
        let old = home.appending(path: try Files.readLink(home.appending(path: "current")))
        try Files.makeDirectories(home.appending(path: name).appending(path: "blobs/sha256"), mode: 0o755)
        try Files.makeLink(home.appending(path: "next"), to: name)
        try Files.rename(home.appending(path: "next"), to: home.appending(path: "current"))
        try Files.removeTree(old)
    }

    @Test("Without a lease, results from a generation that is removed meanwhile do not count")
    func unleased() throws {
        let gone = StoreError(.storeUnreadable, "gone")
        for (next, fails) in [("gen-000002", false), ("gen-000003", true)] as [(ByteString, Bool)] {
            var seen: [ByteString?] = []
            let read = try store.withCurrentGeneration(of: store.user) { (current) throws(StoreError) in
                seen.append(current?.path.lastPathComponent)
                guard seen.count == 1 else { return current?.path.lastPathComponent }
                #expect(throws: Never.self) { try switchGeneration(to: next) }
                if fails { throw gone }
                return nil
            }
            #expect(read == next && seen.count == 2)
        }
        // An error in a generation that stays is an error.
        var tries = 0
        #expect(throws: gone) {
            try store.withCurrentGeneration(of: store.user) { (_) throws(StoreError) in
                tries += 1
                throw gone
            }
        }
        #expect(tries == 1)
        let endless = rejection {
            try store.withCurrentGeneration(of: store.user) { _ in
                tries += 1
                #expect(throws: Never.self) { try switchGeneration(to: "gen-00001" + ByteString(decimal: tries)) }
            }
        }
        #expect(endless == .generationMoved && tries == 4)
    }

    @Test("Other users cannot open the owner's lease; they share theirs, and never hold it exclusively")
    func strangers() throws {
        #expect(try Files.status(generation.leasePath).mode == 0o600)
        #expect(try Files.status(generation.readersPath).mode == 0o644)
        // Anyone who may only read can lock it exclusively with `flock`, which does not matter, but not by access.
        let stranger = try Descriptor.open(generation.readersPath)
        try stranger.lock(.exclusive)
        #expect(throws: Errno.self) { try stranger.lockByAccess(.exclusive) }
        try stranger.lockByAccess(.shared)
        let reader = try Descriptor.open(generation.readersPath)
        try reader.lockByAccess(.shared)
        #expect(try store.leasedGeneration(of: store.user) != nil)
        #expect(try reader.isLockedByAccess(against: .exclusive) && !reader.isLockedByAccess(against: .shared))
        #expect(try stranger.status().kind == .regular)
    }

    @Test("Users who hide their layers hide the readers' lease, too")
    func hidden() async {
        await #expect(processExitsWith: .success) {
            umask(0o077)
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            #expect(try Files.status(generation.readersPath).mode == 0o600)
            #expect(try Files.status(generation.leasePath).mode == 0o600)
        }
    }

    @Test(
        "Another user imports under the readers' lease until it is closed, whatever a third user holds",
        .enabled(if: geteuid() == 0, "only root can be others"))
    func reading() async {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            #expect(seteuid(54_321) == 0)
            #expect(throws: Errno.accessDenied) { _ = try Descriptor.open(generation.leasePath) }
            let third = try Descriptor.open(generation.readersPath)
            try third.lock(.exclusive)
            try third.lockByAccess(.shared)
            let other = Store(fixture.store.layout)
            #expect(try other.leasedGeneration(of: 0)?.1.path == generation.readersPath)
            #expect(seteuid(0) == 0)
            try Files.replace(generation.closedPath, with: "", mode: 0o644)
            #expect(seteuid(54_321) == 0)
            #expect(rejection { _ = try other.leasedGeneration(of: 0) } == .leaseBusy)
            #expect(try third.status().kind == .regular)
        }
    }

    @Test("A lease's holders are named by process, user and command, for every kind of lock")
    func holders() throws {
        #expect(generation.holders.isEmpty)
        let own = try Lease.take(of: generation)
        let me = LockHolder(
            process: Kernel.processID, user: Kernel.userID,
            command: try Files.read("/proc/self/comm", limit: 64).trimmed)
        #expect(Files.lockHolders(generation.leasePath) == [me])
        let reader = try Descriptor.open(generation.readersPath)
        #expect(Files.lockHolders(generation.readersPath).isEmpty)
        try reader.lockByAccess(.shared)
        #expect(Files.lockHolders(generation.readersPath) == [me])
        #expect(generation.holders == [me])
        #expect(own != nil)
        #expect(try reader.status().kind == .regular)
    }

    @Test("A user without a sub-store has no lease")
    func none() throws {
        #expect(try store.leasedGeneration(of: store.user + 1) == nil)
    }
}
