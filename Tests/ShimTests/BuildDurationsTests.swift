import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import Shim

@Suite("How long builds take")
struct BuildDurationsTests {
    private static let file: ByteString = ".local/state/slipway/durations/app-1"

    @Test("The longest of a key's last five builds counts")
    func longest() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            #expect(BuildDurations.longest(of: "app-1") == nil)
            for seconds in [90, 3, 7, 5, 4] as [Int64] { BuildDurations.add(seconds * 1_000_000_000, of: "app-1") }
            #expect(BuildDurations.longest(of: "app-1") == 90_000_000_000)
            BuildDurations.add(6_000_000_000, of: "app-1")
            #expect(BuildDurations.longest(of: "app-1") == 7_000_000_000)
            #expect(BuildDurations.longest(of: "app-2") == nil)
            // As with a clock that was set back.
            BuildDurations.add(-1, of: "app-2")
            #expect(BuildDurations.longest(of: "app-2") == 0)
            #expect(try Files.status(folder[Self.file]).mode == 0o600)
        }
    }

    @Test("Only the user's own file counts, and no number is too large")
    func foreign() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "9223372036854775807\nx\n\n-5\n")
            #expect(BuildDurations.longest(of: "app-1").map { $0 > 0 } == true)
            try folder.write("elsewhere", "5000\n")
            try Files.remove(folder[Self.file])
            try Files.makeLink(folder[Self.file], to: folder["elsewhere"])
            #expect(BuildDurations.longest(of: "app-1") == nil)
            try Files.remove(folder[Self.file])
            try folder.write(Self.file, ByteString("1").repeated(5000))
            #expect(BuildDurations.longest(of: "app-1") == nil)
            guard Kernel.userID == 0 else { return }
            try folder.write(Self.file, "5000\n")
            chown(folder[Self.file].lossy, 12345, 12345)
            #expect(BuildDurations.longest(of: "app-1") == nil)
        }
    }
}
