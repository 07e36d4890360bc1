import Formats
import Host
import TestSupport
import Testing

@testable import Shim

@Suite("Additional files for compose")
struct ComposeFileTests {
    private static let day: Int64 = 86_400_000_000_000
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ name: ByteString, days: Int64) throws {
        try Files.setModified(try folder.write(name, "{}"), Clock.now - days * Self.day)
    }

    @Test("A command's file is kept for a day and a project's for 90 days after its last use, however many there are")
    func old() throws {
        for number in 0..<1500 { try write("paths-" + ByteString(decimal: number) + ".json", days: 89) }
        try write("1-fresh.json", days: 0)
        try write("1-old.json", days: 2)
        try write("paths-old.json", days: 91)
        try write("swept", days: 200)
        ComposeFile.removeOld(in: folder.path)
        let left = try Set(folder.names())
        #expect(left.count == 1502)
        #expect(left.isDisjoint(with: ["1-old.json", "paths-old.json"]))
        #expect(left.isSuperset(of: ["1-fresh.json", "swept", "paths-0.json"]))
    }

    @Test("Every old file is found sooner or later, even if each command examines only some")
    func some() throws {
        for number in 0..<600 { try write("1-" + ByteString(decimal: number) + ".json", days: 0) }
        for number in 0..<20 { try write("2-" + ByteString(decimal: number) + ".json", days: 2) }
        for _ in 0..<200 { ComposeFile.removeOld(in: folder.path, of: 128) }
        #expect(try folder.names().count == 600)
    }

    @Test("Old files are removed once a day, in the background")
    func daily() async {
        await #expect(processExitsWith: .success) {
            let tests = try Self()
            func sweepAndWait(_ name: ByteString) throws -> Bool {
                try tests.write(name, days: 2)
                ComposeFile.sweep(tests.folder.path)
                for _ in 0..<200 where !Files.isMissing(tests.folder[name]) { Clock.sleep(nanoseconds: 10_000_000) }
                return Files.isMissing(tests.folder[name])
            }
            #expect(try sweepAndWait("1-a.json"))
            #expect(try !sweepAndWait("1-b.json"))
            try Files.setModified(tests.folder["swept"], Clock.now - 2 * Self.day)
            #expect(try sweepAndWait("1-c.json"))
        }
    }
}
