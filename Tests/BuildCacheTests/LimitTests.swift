import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("The limits of a store")
struct LimitTests {
    private static let gibibyte: UInt64 = 1 << 30

    @Test(
        "The minimum free space of a disk: 5 %, at least 2 GiB, at most 20 GiB",
        arguments: [(0, 2), (10, 2), (40, 2), (60, 3), (200, 10), (400, 20), (10_000, 20)] as [(UInt64, UInt64)])
    func floors(_ total: UInt64, _ floor: UInt64) {
        let space = Files.Space(total: total * Self.gibibyte, available: 0, totalInodes: 0, availableInodes: 0)
        #expect(StoreLimits(maximumSize: 0).floor(of: space) == floor * Self.gibibyte)
        #expect(StoreLimits(maximumSize: 0, minimumFree: 7 << 30).floor(of: space) == 7 << 30)
        // An index needs space whatever the settings say.
        #expect(StoreLimits(maximumSize: 0, minimumFree: 0).floor(of: space) == 16 << 20)
    }

    @Test(
        "Whether there is space",
        arguments: [
            (1 << 30, 5000, 5000, true), ((1 << 30) - 1, 5000, 5000, false), (1 << 30, 5000, 1000, true),
            (1 << 30, 5000, 999, false), (1 << 30, 0, 0, true), (0, 0, 0, false), (.max, .max, .max, true),
        ] as [(UInt64, UInt64, UInt64, Bool)])
    func room(_ available: UInt64, _ inodes: UInt64, _ availableInodes: UInt64, _ isEnough: Bool) {
        let space = Files.Space(
            total: 1000, available: available, totalInodes: inodes, availableInodes: availableInodes)
        let limits = StoreLimits(maximumSize: 0, minimumFree: 1 << 30)
        do throws(StoreError) {
            try limits.check(space, at: "/store")
            #expect(isEnough)
        } catch {
            #expect(!isEnough && error.note.reason == .storeDiskLow)
        }
    }
}

@Suite("The remembered size of a pool")
struct PoolSizeTests {
    private let fixture: StoreFixture
    private let generation: Generation
    private static let minute: Int64 = 60_000_000_000

    init() throws {
        fixture = try StoreFixture()
        generation = try fixture.generation()
        try fixture.put("12345", in: generation)
        try fixture.put("1234567", in: generation)
    }

    private func measure(_ now: Int64, remember: Bool = true) throws -> UInt64 {
        try #require(PoolSize.measure(generation, now: now, remember: remember)).bytes
    }

    @Test("Counted, and remembered only on request")
    func counting() throws {
        #expect(try measure(0, remember: false) == 12)
        #expect(throws: Errno.noSuchFile) { try Files.status(generation.sizePath) }
        #expect(try measure(0) == 12)
        #expect(
            try Files.read(generation.sizePath, limit: 256)
                == PoolSize.measure(generation, now: 0, remember: false)?.text)
    }

    @Test("An unchanged pool is not walked again for an hour")
    func unchanged() throws {
        let changed = try Files.status(generation.poolPath).modified
        let figure = PoolSize(bytes: 99, changed: changed, walked: 0)
        try Files.replace(generation.sizePath, with: figure.text, mode: 0o644)
        #expect(try measure(60 * Self.minute - 1) == 99)
        #expect(try measure(60 * Self.minute) == 12)
    }

    @Test(
        "A changed pool is walked again after a minute, or if the clock was set back",
        arguments: [(0, 99), (Self.minute - 1, 99), (Self.minute, 12), (-1, 12)] as [(Int64, UInt64)])
    func changed(_ age: Int64, _ expected: UInt64) throws {
        let figure = PoolSize(bytes: 99, changed: 1, walked: 5 * Self.minute)
        try Files.replace(generation.sizePath, with: figure.text, mode: 0o644)
        #expect(try measure(5 * Self.minute + age) == expected)
    }

    @Test(
        "A torn or foreign figure is ignored",
        arguments: ["", "99", "99 1", "99 1 1 1", "-1 1 1", "x y z", "99  1", "18446744073709551616 1 1", "99 1 9e9"]
            as [ByteString])
    func torn(_ text: ByteString) throws {
        #expect(PoolSize(text: text) == nil)
        try Files.replace(generation.sizePath, with: text, mode: 0o644)
        #expect(try measure(1) == 12)
    }

    @Test("A figure is read back as it was written", arguments: [0, 1, UInt64.max])
    func roundTrip(_ bytes: UInt64) {
        let size = PoolSize(bytes: bytes, changed: .min, walked: .max)
        #expect(PoolSize(text: size.text) == size)
    }

    @Test("Figures at the limits of their type do not trap")
    func edges() throws {
        let figure = PoolSize(bytes: .max, changed: .min, walked: .min)
        try Files.replace(generation.sizePath, with: figure.text, mode: 0o644)
        #expect(try measure(.max) == 12)
    }

    @Test("Files of unfinished builds count")
    func unfinished() throws {
        let path = try fixture.unfinished(for: fixture.build(), at: 1)
        try Files.makeDirectories(path.appending(path: "ingest/abc"), mode: 0o755)
        try Files.replace(path.appending(path: "ingest/abc/data"), with: "12345678", mode: 0o644)
        #expect(try measure(0) == 20)
        #expect(generation.unfinishedBytes == 8)
    }

    @Test("However many blobs there are, all count: in the background if they are many")
    func many() async {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            for number in 0...PoolSize.mostAtOnce {
                let file = try Descriptor.open(
                    generation.poolPath.appending(path: ByteString(decimal: number)), .create(mode: 0o600))
                try file.write("123")
            }
            let all = UInt64(3 * (PoolSize.mostAtOnce + 1))
            #expect(PoolSize.measure(generation, now: 1, remember: false)?.bytes == all)
            let first = PoolSize.measure(generation, now: 1, remember: true)
            #expect(first == nil || first?.bytes == all)
            for _ in 0..<1000 where Files.isMissing(generation.sizePath) { Clock.sleep(nanoseconds: 10_000_000) }
            #expect(PoolSize.measure(generation, now: 1, remember: true)?.bytes == all)
            // A command may have a thousand builds: one child counts for all of them.
            func faults() -> Int {
                var usage = rusage()
                getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
                return usage.ru_minflt
            }
            let before = faults()
            for _ in 0..<10 { #expect(PoolSize.measure(generation, now: .max, remember: true)?.bytes == all) }
            #expect(faults() == before)
        }
    }

    @Test("Without time to walk it, the remembered figure counts")
    func timeSpent() throws {
        let none = Deadline { true }
        #expect(PoolSize.measure(generation, now: 0, remember: false, until: none) == nil)
        #expect(try measure(0) == 12)
        try fixture.put("123", in: generation)
        let later: Int64 = 3_600_000_000_000
        #expect(PoolSize.measure(generation, now: later, remember: false, until: none)?.bytes == 12)
        #expect(try measure(later) == 15)
    }

    @Test("A missing pool has no size")
    func missing() {
        #expect(PoolSize.measure(Generation(path: "/nonexistent", owner: 0), now: 0, remember: true) == nil)
    }
}
