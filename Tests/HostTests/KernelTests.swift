import Formats
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Facts from the kernel")
struct KernelTests {
    @Test("The mask of new files, without changing it", arguments: [0o000, 0o022, 0o077, 0o777])
    func mask(_ mask: UInt32) async {
        await #expect(processExitsWith: .success) { [mask] in
            umask(mask)
            #expect(Kernel.fileCreationMask == mask)
            #expect(umask(0) == mask)
        }
    }

    #if canImport(Glibc)
        @Test("Swift's own words of the command line are the same, and stay so when they are replaced")
        func swiftWords() async {
            await #expect(processExitsWith: .success) {
                func given() -> [ByteString] {
                    var count: Int32 = -1
                    let vector = Host.words(&count)
                    return (0..<Int(count)).compactMap { vector?[$0].map { ByteString(cString: $0) } }
                }
                #expect(!given().isEmpty && given() == Kernel.arguments)
                #expect(given() == CommandLine.arguments.map { ByteString($0) })
                withCStrings(["a", "b c"]) { Host.replaceWords($0, 2) }
                #expect(CommandLineWords.count == 2)
            }
        }
    #endif

    @Test("Variables")
    func variables() async {
        await #expect(processExitsWith: .success) {
            setenv("SLIPWAY_TEST_A", "x=y", 1)
            setenv("SLIPWAY_TEST_EMPTY", "", 1)
            #expect(Kernel.variable("SLIPWAY_TEST_A") == "x=y")
            #expect(Kernel.variable(named: "SLIPWAY_TEST_A") == "x=y")
            #expect(Kernel.variable("SLIPWAY_TEST_EMPTY") == "")
            #expect(Kernel.variable("SLIPWAY_TEST_UNSET") == nil)
            #expect(Kernel.variable(named: "SLIPWAY_TEST") == nil)
            #expect(Kernel.environment.contains("SLIPWAY_TEST_A=x=y"))
        }
    }

    @Test(
        "Random bytes of any length, and substitutes if the kernel gives none")
    func randomness() {
        #expect(Kernel.randomBytes(0) == [] && Kernel.randomBytes(-1) == [] && Kernel.randomBytes(13).count == 13)
        #expect(Set((0..<100).map { _ in Kernel.randomBytes(8) }).count == 100)
        #expect(Set((0..<100).map { _ in Randomness.made(8) }).count == 100 && Randomness.made(77).count == 77)
    }

    @Test("The working directory")
    func workingDirectory() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder.path.lossy as String] in
            chdir(path)
            let standing = try Kernel.workingDirectory()
            #expect(standing.lossy == path)
        }
    }

    @Test(
        "A word matches one of a few only as a whole",
        arguments: [
            ("build", true), ("b", true), ("builder", true), ("buil", false), ("builds", false), ("", false),
            ("build b", false), (" ", false), ("er", false),
        ] as [(String, Bool)])
    func words(_ word: String, _ expected: Bool) {
        #expect(Kernel.StaticWords("build b builder").contains(word) == expected)
        #expect(!Kernel.StaticWords("").contains(word))
    }

    @Test("As many random bytes as asked for", arguments: [-1, 0, 1, 16])
    func random(_ count: Int) {
        #expect(Kernel.randomBytes(count).count == max(0, count))
    }

    @Test("Random bytes differ")
    func randomDiffers() {
        #expect(Set((0..<50).map { _ in Kernel.randomBytes(8) }).count == 50)
    }

    @Test("Time passes")
    func clock() {
        let times = (0..<100).map { _ in Clock.monotonic }
        #expect(times == times.sorted())
        #expect(Clock.now > 1_700_000_000_000_000_000)
        #expect(Clock.nanoseconds(timespec(tv_sec: -1, tv_nsec: 5)) == -999_999_995)
        // A file system may report any number: it must not trap.
        _ = Clock.nanoseconds(timespec(tv_sec: .max, tv_nsec: .max))
    }

    @Test("This process's own arguments")
    func arguments() {
        #expect(Kernel.arguments.count == CommandLine.arguments.count)
        #expect(Kernel.arguments.first?.lossy == CommandLine.arguments.first)
    }
}
