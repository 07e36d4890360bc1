import Formats
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("Deferred exports")
struct PendingExportTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    private func build(_ arguments: [ByteString] = [], target: ByteString? = nil) -> BuildIdentity {
        BuildIdentity(
            of: BuildDescription(
                context: .directory(fixture.folder.path), target: target, platforms: [], imageNames: [],
                arguments: arguments, workingDirectory: fixture.folder.path), platform: "linux/amd64")
    }

    @Test("A later build of the same key and arguments ends one, and no other does")
    func superseded() throws {
        let generation = try fixture.generation()
        let pending = try #require(PendingExport(of: build(["A=1"]), in: generation))
        PendingExport.supersede(build(["A=2"]), in: generation)
        PendingExport.supersede(build(["A=1"], target: "t"), in: generation)
        #expect(pending.isWanted)
        PendingExport.supersede(build(["A=1"]), in: generation)
        #expect(!pending.isWanted)
    }

    @Test("The last one counts, and an earlier one cannot remove it")
    func last() throws {
        let generation = try fixture.generation()
        let first = try #require(PendingExport(of: build(), in: generation))
        let second = try #require(PendingExport(of: build(), in: generation))
        first.end()
        #expect(!first.isWanted && second.isWanted)
        second.end()
        #expect(!second.isWanted)
        #expect(try Files.names(in: generation.path.parentPath.appending(path: "pending"), limit: 10).isEmpty)
    }

    @Test("No other user can end it, and the leftovers of killed processes are limited")
    func private_() throws {
        let generation = try fixture.generation()
        let home = generation.path.parentPath.appending(path: "pending")
        for number in 0..<300 { _ = PendingExport(of: build(["A=" + ByteString(decimal: number)]), in: generation) }
        #expect(try Files.status(home).mode & 0o777 == 0o700)
        #expect(try Files.names(in: home, limit: 1000).count <= 256)
    }
}
