import Formats
import Glibc
import Notes
import Planning
import TestSupport
import Testing

@testable import BuildCache
@testable import Doctor
@testable import Host

@Suite("The store, judged")
struct StoreJudgeTests {
    private static let space = Files.Space(
        total: 100_000_000_000, available: 50_000_000_000, totalInodes: 1_000_000, availableInodes: 900_000)

    private func facts(_ change: (inout StoreFacts) -> Void) -> [Finding] {
        var facts = StoreFacts(path: "/s", isUsable: true, isMade: true, user: 7)
        facts.fileSystem = FileSystem(type: 0xEF53)
        facts.space = Self.space
        facts.floor = 5_000_000_000
        change(&facts)
        return facts.findings()
    }

    @Test("In order, in one line")
    func fine() {
        #expect(facts { _ in } == [Finding(.storeInOrder, "/s, on ext4, 50.0 GB free, 0 B yours")])
        #expect(facts { $0.isMade = false }.checks == [.storeNotMadeYet])
        #expect(facts { $0.fileSystem = FileSystem(type: 1) }.details(.storeInOrder)[0].hasPrefix("/s, on 0x1"))
    }

    @Test("An unusable path is the only finding")
    func path() {
        #expect(facts { $0.isUsable = false } == [Finding(.storePathUnusable, "/s")])
        #expect(facts { $0.path = nil }.checks == [.storePathUnusable])
    }

    @Test("What the shim refuses")
    func rejected() {
        #expect(facts { $0.rejection = Note(.storeNotTrusted, "x") } == [Finding(.storeNotTrusted, "x", path: "/s")])
        let unreadable = facts { $0.rejection = Note(.storeUnreadable, "x") }
        #expect(unreadable == [Finding(.storeUnreadable, "x", path: "/s")])
        #expect(unreadable[0].fix == "sudo slipway store init --shared /s")
    }

    @Test("The results of writing, locking and linking")
    func trial() {
        #expect(facts { $0.trial.writing = .readOnly }.checks == [.storeReadOnly, .storeInOrder])
        #expect(facts { $0.trial.writing = .accessDenied }.checks == [.storeNotWritable, .storeInOrder])
        #expect(facts { $0.trial.locking = Errno(code: ENOLCK) }.checks == [.storeNotLockable])
        #expect(facts { $0.trial.linking = Errno(code: EPERM) }.checks == [.storeHasNoLinks, .storeInOrder])
    }

    @Test(
        "File systems",
        arguments: [
            (0x6969, .storeRemote), (0x6573_5546, .storeRemote), (0x0102_1994, .storeVolatile),
            (0x794C_7630, .storeVolatile),
        ] as [(UInt32, Check)])
    func fileSystems(_ type: UInt32, _ check: Check) {
        #expect(facts { $0.fileSystem = FileSystem(type: type) }.checks == [check, .storeInOrder])
    }

    @Test("Space: bytes, inodes, the budget")
    func room() {
        func space(_ available: UInt64, _ inodes: UInt64, of total: UInt64) -> Files.Space {
            Files.Space(total: 1 << 40, available: available, totalInodes: total, availableInodes: inodes)
        }
        #expect(facts { $0.space = space(4_999_999_999, 5000, of: 9000) }.checks == [.diskLow, .storeInOrder])
        #expect(facts { $0.space = space(5_000_000_000, 999, of: 9000) }.checks == [.inodesLow, .storeInOrder])
        #expect(facts { $0.space = space(5_000_000_000, 0, of: 0) }.checks == [.storeInOrder])
        #expect(facts { ($0.used, $0.budget) = (11, 10) }.details(.storeOverBudget) == ["/s: 11 B of 10 B"])
        #expect(facts { ($0.used, $0.budget) = (10, 10) }.checks == [.storeInOrder])
    }

    @Test("Sub-stores of other users")
    func subStores() {
        func subStore(_ user: UInt32, _ owner: UInt32, _ isWritable: Bool = false) -> [Check] {
            facts { $0.subStores = [.init(path: "/s/v1/u", user: user, owner: owner, isWritableByOthers: isWritable)] }
                .checks
        }
        #expect(subStore(8, 8) == [.storeInOrder])
        #expect(subStore(8, 65_534) == [.subStoreUnmapped, .storeInOrder])
        #expect(subStore(65_534, 65_534) == [.storeInOrder])
        #expect(subStore(8, 9) == [.subStoreNotTrusted, .storeInOrder])
        #expect(subStore(8, 8, true) == [.subStoreNotTrusted, .storeInOrder])
    }
}

@Suite("A store on the disk")
struct StoreProbeTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(try #require(StoreLayout(root: folder["store"])))
    }

    private func gather(later hours: Int64 = 0, user: UInt32 = Kernel.userID) -> StoreFacts {
        var context = ProcessContext.test(folder)
        context.now += hours * 3_600_000_000_000
        context.user = user
        return StoreFacts.gather(folder["store"], Settings(), context)
    }

    /// Findings that depend on the machine on which the tests run.
    private static let ofTheMachine: [Check] = [.diskLow, .inodesLow, .storeRemote, .storeVolatile]

    private func checks(later hours: Int64 = 0) -> [Check] {
        gather(later: hours).findings().checks.filter { !Self.ofTheMachine.contains($0) }
    }

    /// Every path in the folder, to check that nothing was added or removed.
    private func everything(_ path: ByteString = ".") throws -> [ByteString] {
        try folder.names(in: path).flatMap { name -> [ByteString] in
            let below = path.appending(path: name)
            guard try Files.status(folder[below], followLinks: false).kind == .directory else { return [below] }
            return try [below] + everything(below)
        }
    }

    @Test("One that does not exist yet is not made, but must be possible to make")
    func missing() throws {
        #expect(checks() == [.storeNotMadeYet])
        #expect(try folder.names().isEmpty)
        try folder.write("file", "")
        let facts = StoreFacts.gather(folder["file/store"], Settings(), .test(folder))
        #expect(
            facts.findings().checks.contains(.storeUnreadable) || facts.findings().checks.contains(.storeNotMadeYet))
        #expect(StoreFacts.gather("relative", Settings(), .test(folder)).findings().checks == [.storePathUnusable])
        #expect(StoreFacts.gather(nil, Settings(), .test(folder)).findings().checks == [.storePathUnusable])
    }

    @Test("A good one is tested and left unchanged")
    func good() throws {
        let generation = try store.prepareOwn()
        try Files.replace(generation.poolPath + "/x", with: "12345", mode: 0o644)
        let before = try everything()
        let facts = gather()
        #expect(try everything() == before)
        #expect(facts.trial.writing == nil && facts.trial.locking == nil && facts.trial.linking == nil)
        #expect(facts.trial.place == generation.path)
        #expect(facts.used == 5)
        #expect(checks() == [.storeInOrder])
    }

    @Test("A place that is not writable")
    func unwritable() async {
        await #expect(processExitsWith: .success) {
            becomeNobody()
            let probe = try StoreProbeTests()
            try probe.folder.makeFolder("store", mode: 0o555)
            #expect(probe.checks().contains(.storeNotWritable))
        }
    }

    @Test("Failures to make, lock and link are reported with the kernel's error")
    func trial() throws {
        #expect(StoreTrial(in: folder["missing"]).writing == .noSuchFile)
        #expect(StoreTrial(in: "/proc").writing != nil)
        let trial = StoreTrial(in: folder.path)
        #expect(trial.writing == nil && trial.locking == nil && trial.linking == nil)
        #expect(try folder.names().isEmpty)
    }

    @Test("A link, or another user's directory, on the way")
    func untrusted() throws {
        let generation = try store.prepareOwn()
        #expect(chmod(generation.path.lossy, 0o777) == 0)
        #expect(checks() == [.storeNotTrusted])
        #expect(chmod(generation.path.lossy, 0o755) == 0)
        #expect(checks() == [.storeInOrder])
        try Files.rename(folder["store/v1"], to: folder["elsewhere"])
        try Files.makeLink(folder["store/v1"], to: folder["elsewhere"])
        #expect(checks() == [.storeNotTrusted])
    }

    @Test("A store of another user other than root")
    func strangers() async {
        await #expect(processExitsWith: .success) {
            becomeNobody()
            let probe = try StoreProbeTests()
            _ = try probe.store.prepareOwn()
            #expect(probe.gather(user: Kernel.userID + 1).findings().checks.contains(.storeNotTrusted))
        }
    }

    @Test("The directory's owner counts even before v1 is made", .enabled(if: Kernel.userID == 0))
    func root() throws {
        try folder.makeFolder("store", mode: 0o1777)
        #expect(checks() == [.storeInOrder])
        #expect(chown(folder["store"].lossy, 12_345, 12_345) == 0)
        #expect(checks() == [.storeNotTrusted])
    }

    @Test("Sub-stores by their owners", .enabled(if: Kernel.userID == 0))
    func subStores() throws {
        _ = try store.prepareOwn()
        for (name, owner) in [("u8", 8), ("u9", 65_534), ("u10", 11)] as [(ByteString, UInt32)] {
            let path = try folder.makeFolder("store/v1/" + name)
            #expect(chown(path.lossy, owner, owner) == 0)
        }
        let findings = gather().findings()
        #expect(findings.details(.subStoreUnmapped) == [folder["store/v1/u9"] + " is owned by user 65534"])
        #expect(findings.details(.subStoreNotTrusted) == [folder["store/v1/u10"] + " is owned by user 11"])
    }

    @Test("Foreign files, and leftovers of earlier runs that nobody can need any more")
    func litter() throws {
        let generation = try store.prepareOwn()
        let home = generation.path.parentPath
        try folder.write("store/index.json", "{}")
        try folder.makeFolder("store/lost+found")
        try folder.makeFolder("store/v2")
        try folder.makeFolder("store/v1/x")
        #expect(gather().foreign == [folder["store/index.json"], folder["store/v1/x"]])
        try Files.makeDirectory(home + "/trash-1", mode: 0o755)
        try Files.makeDirectory(home + "/new-gen-000002", mode: 0o755)
        try Files.makeDirectory(home + "/gen-000000", mode: 0o755)
        try Files.makeDirectory(generation.path + "/doctor-1", mode: 0o755)
        try Files.replace(generation.path + "/size.1.tmp", with: "", mode: 0o644)
        #expect(gather().leftovers.isEmpty)
        let expected: [ByteString] = [
            home + "/gen-000000", home + "/new-gen-000002", home + "/trash-1", generation.path + "/doctor-1",
            generation.path + "/size.1.tmp",
        ]
        #expect(gather(later: 2).leftovers == expected)
        #expect(checks(later: 2) == [.leftovers, .foreignThings, .storeInOrder])
    }

    @Test("Exports from the future")
    func future() throws {
        let generation = try store.prepareOwn()
        let export = generation.exportsPath + "/key/id"
        try Files.makeDirectories(export, mode: 0o755)
        try Files.replace(export + "/index.json", with: "{}", mode: 0o644)
        #expect(checks() == [.storeInOrder])
        #expect(gather(later: -1).future == [export])
        #expect(checks(later: -1) == [.exportsInTheFuture, .storeInOrder])
    }
}

@Suite("Reading blobs")
struct BlobTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(try #require(StoreLayout(root: folder["store"])))
    }

    private func put(_ content: ByteString, as text: ByteString? = nil, in pool: ByteString) throws -> ByteString {
        let path = pool.appending(path: SHA256.hexDigest(of: text ?? content))
        try Files.replace(path, with: content, mode: 0o444)
        return path
    }

    @Test("Each is read once, in every generation and sub-store, and a changed byte is found")
    func damage() throws {
        let pool = try store.prepareOwn().poolPath
        let long = ByteString(repeatElement(0x61, count: 2_500_000))
        let first = try put(long, in: pool)
        _ = try put("", in: pool)
        let other = try folder.makeFolder("store/v1/u8/gen-000003/blobs/sha256")
        try Files.makeHardLink(other.appending(path: first.lastPathComponent), to: first)
        try folder.write("store/v1/u8/gen-000003/blobs/sha256/short", "x")
        var calls: [UInt64] = []
        let good = BlobFacts.gather(store.layout) { done, total in
            calls.append(done)
            #expect(total == 2_500_000)
        }
        #expect(good.findings() == [Finding(.blobsVerified, "2 blobs, 2.5 MB")])
        #expect(calls.last == 2_500_000 && calls.count == 3)

        let bad = try put("other", as: "text", in: other)
        let findings = BlobFacts.gather(store.layout).findings()
        #expect(findings == [Finding(.blobsDamaged, "1 of them: " + bad)])
        #expect(findings[0].fix == "slipway trim")
    }

    @Test("Unreadable blobs are counted")
    func hidden() async {
        await #expect(processExitsWith: .success) {
            becomeNobody()
            let tests = try Self()
            let path = try tests.put("x", in: tests.store.prepareOwn().poolPath)
            #expect(chmod(path.lossy, 0) == 0)
            #expect(BlobFacts.gather(tests.store.layout).unreadable == 1)
        }
    }

    @Test("The counts are reported")
    func counts() {
        let facts = BlobFacts(matching: 3, bytes: 12, unreadable: 2)
        #expect(facts.findings().details(.blobsVerified) == ["3 blobs, 12 B, 2 could not be read"])
    }
}
