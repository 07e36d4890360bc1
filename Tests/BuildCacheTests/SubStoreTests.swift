import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("Sub-stores: making and trusting them")
struct SubStoreTests {
    private let fixture: StoreFixture
    private var folder: TemporaryFolder { fixture.folder }
    private var store: Store { fixture.store }
    private var home: ByteString { store.layout.subStore(of: store.user) }

    init() throws { fixture = try StoreFixture() }

    /// A user other than that of this process.
    private var stranger: UInt32 { store.user + 54_321 }

    @Test("In an empty directory there is no generation, and none is made")
    func nothing() throws {
        #expect(try store.currentGeneration(of: store.user) == nil)
        #expect(try folder.names() == ["work"])
        try folder.makeFolder("store/v1/u" + ByteString(decimal: store.user))
        #expect(try store.currentGeneration(of: store.user) == nil)
    }

    @Test("Made once, and then left unchanged")
    func making() throws {
        try store.makeOwnIfMissing()
        let generation = try #require(try store.currentGeneration(of: store.user))
        #expect(generation == Generation(path: home + "/gen-000001", owner: store.user))
        #expect(try Files.names(in: generation.path, limit: 9).sorted() == ["blobs", "exports", "lease", "readers"])
        #expect(try Files.readLink(home.appending(path: "current")) == "gen-000001")
        let before = try Files.status(generation.leasePath)
        try store.makeOwnIfMissing()
        #expect(try store.prepareOwn() == generation)
        #expect(try Files.status(generation.leasePath) == before)
        #expect(try Files.names(in: home, limit: 9).sorted() == ["current", "gen-000001"])
    }

    @Test(
        "A sub-store that a crash left unfinished is completed",
        arguments: ["", "gen-000001", "gen-000001/blobs/sha256", "gen-000001/exports"])
    func unfinished(_ made: String) throws {
        try folder.makeFolder("store/v1/u" + ByteString(decimal: store.user))
        if !made.isEmpty { try Files.makeDirectories(home.appending(path: ByteString(made)), mode: 0o755) }
        let generation = try store.prepareOwn()
        #expect(try Files.names(in: generation.path, limit: 9).sorted() == ["blobs", "exports", "lease", "readers"])
        #expect(try Files.status(generation.leasePath).kind == .regular)
    }

    @Test("Modes: readable, unless the user hides their files", arguments: [0o000, 0o022, 0o002, 0o027, 0o077])
    func modes(_ mask: UInt32) async {
        await #expect(processExitsWith: .success) { [mask] in
            umask(mask)
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            let home = fixture.store.layout.subStore(of: fixture.store.user)
            let isHidden = mask == 0o077 || mask == 0o027
            for made in [home, generation.path, generation.poolPath, generation.exportsPath] {
                #expect(try Files.status(made).mode == (isHidden ? 0o700 : 0o755))
            }
            #expect(try Files.status(generation.leasePath).mode == 0o600)
            #expect(try Files.status(generation.readersPath).mode == (isHidden ? 0o600 : 0o644))
            let shared = try Files.status(fixture.store.layout.root).mode
            #expect(shared == 0o777 & ~mask & ~0o022)
            #expect(try Files.status(fixture.store.layout.format).mode == shared)
        }
    }

    @Test(
        "A store is not used if others can write to a directory above it without the sticky bit",
        arguments: ["store", "store/v1", "above", "real"], [0o775, 0o757, 0o2777])
    func movable(_ part: ByteString, _ mode: UInt32) throws {
        // The directories above the store are the operator's choice, unless everybody may write to them.
        let isRefused = mode & 0o002 != 0 || part.hasPrefix("store")
        try folder.makeFolder("above/store")
        try folder.makeFolder("real")
        var store = store
        if part == "above" { store = Store(try #require(StoreLayout(root: folder["above/store"]))) }
        if part == "real" {
            try folder.makeFolder("real/store")
            try Files.makeLink(folder["link"], to: folder["real/store"])
            store = Store(try #require(StoreLayout(root: folder["link"])))
        }
        _ = try store.prepareOwn()
        #expect(try store.currentGeneration(of: store.user) != nil)
        try Descriptor.open(folder[part]).setMode(mode)
        let wanted: Reason? = isRefused ? .storeMovable : nil
        #expect(rejection { _ = try store.currentGeneration(of: store.user) } == wanted)
        #expect(rejection { _ = try store.prepareOwn() } == wanted)
        #expect(rejection { _ = try Trim(store, keeping: Retention(), dryRun: false).run() } == wanted)
        try Descriptor.open(folder[part]).setMode(mode | 0o1000)
        #expect(try store.currentGeneration(of: store.user) != nil)
    }

    @Test("STORE/v1 is shared like STORE", arguments: [0o755, 0o2755, 0o1775, 0o3775, 0o1777])
    func sharing(_ mode: UInt32) throws {
        try folder.makeFolder("store", mode: mode)
        _ = try store.prepareOwn()
        #expect(try Files.status(store.layout.format).mode == mode)
        #expect(try Files.status(store.layout.root).mode == mode)
    }

    @Test("Eight threads at the same time make one store")
    func threads() async throws {
        let store = store
        let made = await withTaskGroup(of: Generation?.self) { group in
            for _ in 0..<8 { group.addTask { try? store.prepareOwn() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let expected = try store.currentGeneration(of: store.user)
        #expect(made == [Generation?](repeating: expected, count: 8))
        #expect(try Files.names(in: home, limit: 9).sorted() == ["current", "gen-000001"])
    }

    @Test("Eight processes at the same time make one store")
    func processes() async throws {
        let root = store.layout.root.lossy
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [root = root as String] in
                        let store = Store(try #require(StoreLayout(root: ByteString(root))))
                        try store.makeOwnIfMissing()
                        #expect(try store.leasedGeneration(of: store.user) != nil)
                    }
                }
            }
        }
        #expect(try Files.names(in: home, limit: 9).sorted() == ["current", "gen-000001"])
    }

    /// What another user, or an accident, might put in place of a part of the store.
    enum Plant: String, CaseIterable {
        case formatIsLink, homeIsLink, generationIsLink, blobsIsLink, poolIsLink, currentIsDirectory, currentLeadsUp,
            currentLeadsAway, currentHasOddName, currentHasLongName, homeIsWritable, generationIsWritable,
            poolIsWritable,
            homeIsFile
    }

    @Test("Planted files are not trusted", arguments: Plant.allCases)
    func plants(_ plant: Plant) throws {
        let generation = try store.prepareOwn()
        let current = home.appending(path: "current")
        func lead(_ path: ByteString) throws {
            try Files.rename(path, to: folder["elsewhere"])
            try Files.makeLink(path, to: folder["elsewhere"])
        }
        func point(to target: ByteString) throws {
            try Files.remove(current)
            try Files.makeLink(current, to: target)
        }
        switch plant {
        case .formatIsLink: try lead(store.layout.format)
        case .homeIsLink: try lead(home)
        case .generationIsLink: try lead(generation.path)
        case .blobsIsLink: try lead(generation.path.appending(path: "blobs"))
        case .poolIsLink: try lead(generation.poolPath)
        case .currentIsDirectory:
            try Files.remove(current)
            try Files.makeDirectory(current, mode: 0o755)
        case .currentLeadsUp: try point(to: "../u0/gen-000001")
        case .currentLeadsAway: try point(to: generation.path)
        case .currentHasOddName: try point(to: "gen-00000x")
        case .currentHasLongName: try point(to: "gen-0000001")
        case .homeIsWritable: try Descriptor.open(home).setMode(0o775)
        case .generationIsWritable: try Descriptor.open(generation.path).setMode(0o757)
        case .poolIsWritable: try Descriptor.open(generation.poolPath).setMode(0o1777)
        case .homeIsFile:
            try Files.rename(home, to: folder["elsewhere"])
            try Files.replace(home, with: "", mode: 0o600)
        }
        #expect(rejection { _ = try store.currentGeneration(of: store.user) } == .storeNotTrusted)
        #expect(rejection { try store.makeOwnIfMissing() } == .storeNotTrusted)
        let opened = fixture.opened(leasing: true)
        #expect(opened.own == nil && opened.notes.count == 1)
        #expect(CacheLookup(of: opened, for: [try fixture.build()], acting: false).digest == nil)
    }

    @Test("Nothing is made behind a planted link", arguments: ["victim", "nowhere"])
    func plantedFormat(_ target: String) throws {
        try folder.makeFolder("victim")
        try folder.makeFolder("store")
        try Files.makeLink(folder["store/v1"], to: folder[ByteString(target)])
        #expect(rejection { try store.makeOwnIfMissing() } == .storeNotTrusted)
        #expect(try folder.names(in: "victim").isEmpty)
        #expect(try folder.names() == ["store", "victim", "work"])
    }

    @Test(
        "A missing directory makes the store unreadable, but not untrusted",
        arguments: ["gen-000001", "gen-000001/blobs"])
    func gone(_ part: String) throws {
        _ = try store.prepareOwn()
        try folder.remove("store/v1/u" + ByteString(decimal: store.user) + "/" + ByteString(part))
        #expect(rejection { _ = try store.currentGeneration(of: store.user) } == .storeUnreadable)
    }

    @Test("A store that is a file, or below one")
    func file() throws {
        try folder.write("store", "")
        #expect(rejection { _ = try store.currentGeneration(of: store.user) } == .storeUnreadable)
        #expect(rejection { _ = try store.prepareOwn() } == .storeMissing)
        let below = Store(try #require(StoreLayout(root: folder["store/below"])))
        #expect(rejection { _ = try below.currentGeneration(of: store.user) } == .storeUnreadable)
        #expect(rejection { _ = try below.prepareOwn() } == .storeMissing)
    }

    @Test("STORE itself may be a link")
    func linkedRoot() throws {
        try folder.makeFolder("real")
        try Files.makeLink(folder["store"], to: folder["real"])
        _ = try store.prepareOwn()
        #expect(try store.currentGeneration(of: store.user) != nil)
        #expect(try folder.names(in: "real") == ["v1"])
    }

    // A sub-store counts only if its owner is the user in its name: this test needs no files of other users.
    @Test("A sub-store that does not belong to its user is not trusted")
    func foreignHome() throws {
        let generation = try store.prepareOwn()
        try Files.rename(home, to: store.layout.subStore(of: stranger))
        #expect(rejection { _ = try store.currentGeneration(of: stranger) } == .subStoreSquatted)
        #expect(try store.currentGeneration(of: store.user) == nil)
        let opened = fixture.opened(trusted: [store.user, stranger])
        #expect(opened.notes.map(\.reason) == [.subStoreSquatted])
        #expect(store.layout.squatted.map { [$0.user, $0.owner] } == [[stranger, store.user]])
        #expect(store.layout.subStores.isEmpty)
        #expect(generation.owner == store.user)
    }

    // Root can change the owner; any other user looks as another user instead: either way STORE belongs to someone
    // else.
    @Test("A store of another user is not trusted, unless that is root", arguments: ["store", "store/v1"])
    func foreignStore(_ part: String) throws {
        _ = try store.prepareOwn()
        var seen = store
        if store.user == 0 {
            #expect(chown(folder[ByteString(part)].lossy, stranger, stranger) == 0)
        } else {
            seen = Store(store.layout, user: stranger)
            try Files.rename(home, to: store.layout.subStore(of: stranger))
        }
        #expect(rejection { _ = try seen.currentGeneration(of: seen.user) } == .storeNotTrusted)
        if store.user == 0 {
            #expect(chown(folder[ByteString(part)].lossy, 0, 0) == 0)
            #expect(try store.currentGeneration(of: 0) != nil)
        }
    }

    @Test("Without write permission nothing is made")
    func notWritable() async throws {
        try folder.makeFolder("store", mode: 0o555)
        await #expect(processExitsWith: .success) { [root = store.layout.root.lossy as String] in
            if geteuid() == 0 { #expect(seteuid(54_321) == 0) }
            let store = Store(try #require(StoreLayout(root: ByteString(root))))
            #expect(rejection { try store.makeOwnIfMissing() } == .storeNotWritable)
            #expect(try Files.names(in: ByteString(root), limit: 9).isEmpty)
        }
    }
}

@Suite("slipway store init")
struct StoreInitTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(try #require(StoreLayout(root: folder["a/store"])))
    }

    private func mode(_ name: ByteString) throws -> UInt32 { try Files.status(folder[name]).mode }

    @Test("Makes both directories with their modes, once", arguments: [(false, 0o755), (true, 0o1777)])
    func making(_ shared: Bool, _ expected: UInt32) throws {
        let changes = try store.initialize(shared: shared)
        #expect(changes.prefix(2) == ["made " + folder["a/store"], "made " + folder["a/store/v1"]])
        let makesParts = shared && geteuid() == 0
        #expect(changes.count == (makesParts ? 3 : 2))
        #expect(Files.isMissing(folder["a/store/v1/u0"]) != makesParts)
        #expect(try mode("a/store") == expected && mode("a/store/v1") == expected)
        #expect(try store.initialize(shared: shared) == [])
        #expect(try mode("a") == 0o755)
    }

    @Test("The umask does not matter")
    func umasks() async {
        await #expect(processExitsWith: .success) { [root = folder["b"].lossy as String] in
            umask(0o077)
            let store = Store(try #require(StoreLayout(root: ByteString(root))))
            _ = try store.initialize(shared: true)
            #expect(try Files.status(store.layout.format).mode == 0o1777)
        }
    }

    @Test("Changes what differs, and keeps the contents")
    func changing() throws {
        try folder.makeFolder("a/store", mode: 0o777)
        let file = "a/store/v1/u" + ByteString(decimal: Kernel.userID) + "/file"
        try folder.write(file, "kept")
        let changes = try store.initialize(shared: true).prefix(2)
        #expect(changes == ["changed " + folder["a/store"], "changed " + folder["a/store/v1"]])
        #expect(try store.initialize(shared: false).count == 2)
        #expect(try mode("a/store") == 0o755 && mode("a/store/v1") == 0o755)
        #expect(try folder.read(file) == "kept")
    }

    @Test(
        "A link at STORE/v1 is not followed, and its target stays unchanged", arguments: ["victim", "nowhere", "v1"])
    func link(_ target: String) throws {
        try folder.makeFolder("victim", mode: 0o700)
        try folder.makeFolder("a/store")
        try Files.makeLink(folder["a/store/v1"], to: target == "v1" ? "v1" : folder[ByteString(target)])
        #expect(rejection { _ = try store.initialize(shared: true) } == .storeNotTrusted)
        #expect(try mode("victim") == 0o700)
        #expect(try folder.names() == ["a", "victim"])
    }

    @Test("Something other than a directory, or another user's directory")
    func refused() throws {
        try folder.write("a/store/v1", "")
        #expect(rejection { _ = try store.initialize(shared: true) } == .storeMissing)
        try Files.remove(folder["a/store/v1"])
        try Descriptor.open(folder["a/store"]).setMode(0o700)
        let stranger = Store(store.layout, user: Kernel.userID + 54_321)
        #expect(rejection { _ = try stranger.initialize(shared: true) } == .storeMissing)
        #expect(try mode("a/store") == 0o700)
    }

    @Test("Root takes over a stranger's directory", .enabled(if: geteuid() == 0, "only root can"))
    func takingOver() throws {
        try folder.makeFolder("a/store")
        #expect(chown(folder["a/store"].lossy, 54_321, 54_321) == 0)
        #expect(try store.initialize(shared: true).first == "changed " + folder["a/store"])
        #expect(try Files.status(folder["a/store"]).owner == 0)
    }

    @Test(
        "Root takes over what others have made in a user's name, atomically, and sets it aside",
        .enabled(if: geteuid() == 0, "only root can"), arguments: ["folder", "file", "link", "fifo"])
    func reclaiming(_ kind: String) throws {
        try folder.makeFolder("victim")
        try folder.makeFolder("a/store/v1")
        for user in ["u0", "u7", "u54321"] as [ByteString] {
            let place = folder["a/store/v1/"] + user
            switch kind {
            case "folder": try folder.write("a/store/v1/" + user + "/gen-000001/lease", "theirs")
            case "file": try folder.write("a/store/v1/" + user, "theirs")
            case "link": try Files.makeLink(place, to: folder["victim"])
            default: #expect(mkfifo(place.lossy, 0o666) == 0)
            }
            #expect(lchown(place.lossy, 54_321, 54_321) == 0)
        }
        #expect(store.layout.squatted.map(\.user) == [0, 7])
        let changes = try store.initialize(shared: true)
        #expect(changes.count { $0.hasPrefix("took ") } == 2)
        #expect(store.layout.squatted.isEmpty)
        for user in [0, 7] as [UInt32] {
            let status = try Files.status(store.layout.subStore(of: user), followLinks: false)
            #expect(status.kind == .directory && status.owner == user && status.mode == 0o755)
            #expect(try Files.names(in: store.layout.subStore(of: user), limit: 9).isEmpty)
        }
        // Their files still belong to them, in a place that no one else can reach.
        #expect(try Files.status(folder["a/store/v1/u54321"], followLinks: false).owner == 54_321)
        let aside = try #require(try folder.names(in: "a/store/v1").first { $0.hasPrefix("squatted-") })
        #expect(try Files.status(folder["a/store/v1/"] + aside).mode == 0o700)
        #expect(try folder.names(in: "a/store/v1/" + aside) == ["u0", "u7"])
        #expect(try Files.status(folder["a/store/v1/"] + aside + "/u7", followLinks: false).owner == 54_321)
        #expect(try Files.status(folder["victim"]).owner == 0 && folder.names(in: "victim").isEmpty)
        #expect(try store.initialize(shared: true) == [])
        _ = try store.prepareOwn()
    }
}
