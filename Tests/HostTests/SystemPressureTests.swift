import Formats
import Testing

@testable import Host

@Suite("How busy the machine is")
struct SystemPressureTests {
    @Test("As reported by the kernel")
    func pressure() throws {
        let busy: ByteString =
            "some avg10=61.90 avg60=3.00 avg300=1.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        let idle: ByteString = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        let short: ByteString = "some avg10=11.00 avg60=0.00 avg300=0.00 total=0\n"
        let pressure = try #require(SystemPressure(processors: busy, memory: idle))
        #expect(pressure.processors == 61 && pressure.memory == 0)
        #expect(pressure.isAbove(processors: 60) && !pressure.isAbove(processors: 61))
        #expect(try #require(SystemPressure(processors: idle, memory: short)).isAbove(processors: 100))
    }

    @Test("Otherwise, by the load per processor")
    func load() throws {
        let load = try #require(SystemPressure(load: "3.40 2.00 1.00 2/300 4711\n", processors: 2))
        #expect(load.processors == 75 && load.memory == 0)
        #expect(SystemPressure(load: "900000.10 1 1", processors: 1)?.processors == 100)
        #expect(SystemPressure(load: "1.00", processors: 0)?.processors == 50)
    }

    @Test(
        "Anything else is ignored",
        arguments: [
            "", "some", "some avg10=", "some avg10=x.1", "full avg10=1.00", "some avg10=99999999999999999999.0",
        ])
    func nothing(text: String) {
        #expect(SystemPressure(processors: ByteString(text), memory: "some avg10=0.00") == nil)
        #expect(SystemPressure(load: ByteString(text), processors: 2) == nil)
    }
}
