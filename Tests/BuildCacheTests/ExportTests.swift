import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("A separate directory for each export")
struct ExportTests {
    private let fixture: StoreFixture
    private var store: Store { fixture.store }
    private static let ample = StoreLimits(maximumSize: 1 << 40, minimumFree: 0)

    init() throws { fixture = try StoreFixture() }

    private func offer(_ limits: StoreLimits = Self.ample, own: Generation?) throws -> Export {
        try Export.offer(in: store, own: own, for: fixture.build(), limits: limits, remember: false)
    }

    @Test("An offer names a directory in the user's own generation, and makes nothing")
    func offering() throws {
        let promised = try offer(own: nil)
        #expect(try fixture.folder.names() == ["work"])
        let generation = try fixture.generation()
        let real = try offer(own: generation)
        let key = try generation.keyPath(fixture.build().key)
        for export in [promised, real] {
            #expect(export.path.parentPath == key)
            #expect(ExportName(export.path.lastPathComponent) != nil)
        }
        #expect(promised.path != real.path)
        #expect(try Files.names(in: generation.exportsPath, limit: 9).isEmpty)
    }

    @Test("Preparing makes everything that BuildKit needs")
    func preparing() throws {
        let generation = try fixture.generation()
        let export = try offer(own: generation)
        try export.prepare()
        #expect(try Files.names(in: export.path, limit: 9).sorted() == ["blobs", "ingest"])
        #expect(try Files.realPath(export.path.appending(path: "blobs/sha256")) == generation.poolPath)
        #expect(try Files.status(export.path.appending(path: "ingest"), followLinks: false).kind == .directory)
        let text = try Files.read(export.path.parentPath.appending(path: "key.json"), limit: 10_000)
        #expect(try JSON(text) == fixture.build().key.json)
        let second = try offer(own: generation)
        try second.prepare()
        #expect(try Files.names(in: export.path.parentPath, limit: 9).count == 3)
        #expect(fixture.lookup(for: try fixture.build()).found == [nil])
    }

    @Test("Modes are those of the generation, whatever the umask", arguments: [0o022, 0o077], [0o022, 0o077])
    func modes(_ made: UInt32, _ mask: UInt32) async {
        await #expect(processExitsWith: .success) { [made, mask] in
            umask(made)
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            let build = try fixture.build()
            umask(mask)
            let export = try Export.offer(
                in: fixture.store, own: generation, for: build, limits: Self.ample, remember: false)
            try export.prepare()
            for path in [export.path.parentPath, export.path, export.path.appending(path: "ingest")] {
                #expect(try Files.status(path).mode == (made == 0o077 ? 0o700 : 0o755))
            }
        }
    }

    @Test("Eight exports of one key at the same time")
    func atOnce() async throws {
        let generation = try fixture.generation()
        let exports = try (0..<8).map { _ in try offer(own: generation) }
        await withTaskGroup(of: Void.self) { group in
            for export in exports {
                group.addTask { #expect(throws: Never.self) { try export.prepare() } }
            }
        }
        #expect(Set(exports.map(\.path)).count == 8)
        let names = try Files.names(in: exports[0].path.parentPath, limit: 99)
        #expect(names.count == 9)
    }

    @Test("Over the budget, or with too little free space")
    func limits() throws {
        let generation = try fixture.generation()
        try fixture.put("12345", in: generation)
        #expect(throws: Never.self) { try offer(StoreLimits(maximumSize: 5, minimumFree: 0), own: generation) }
        #expect(
            rejection { _ = try offer(StoreLimits(maximumSize: 4, minimumFree: 0), own: generation) }
                == .storeOverBudget)
        #expect(
            rejection { _ = try offer(StoreLimits(maximumSize: 5, minimumFree: .max), own: generation) }
                == .storeDiskLow)
    }

    @Test("An incomplete generation is neither offered nor prepared")
    func incomplete() throws {
        let generation = try fixture.generation()
        let export = try offer(own: generation)
        try Files.rename(generation.exportsPath, to: fixture.folder["elsewhere"])
        #expect(rejection { _ = try offer(own: generation) } == .storeNotWritable)
        #expect(rejection { try export.prepare() } == .storeNotWritable)
    }

    @Test("Without write permission nothing is offered", arguments: ["blobs/sha256", "exports"])
    func notWritable(_ part: String) async {
        await #expect(processExitsWith: .success) { [part] in
            if geteuid() == 0 { #expect(seteuid(54_321) == 0) }
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            let build = try fixture.build()
            try Descriptor.open(generation.path.appending(path: ByteString(part))).setMode(0o555)
            let reason = rejection {
                _ = try Export.offer(
                    in: fixture.store, own: generation, for: build, limits: Self.ample, remember: false)
            }
            #expect(reason == .storeNotWritable)
        }
    }
}
