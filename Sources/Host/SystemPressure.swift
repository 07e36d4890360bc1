internal import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// How much others wait for this machine, in percent of the last ten seconds, according to the kernel
/// (`/proc/pressure`, Linux 4.20).
public struct SystemPressure: Equatable, Sendable {
    /// The share of time in which some task waited for a processor.
    public let processors: Int
    /// The share of time in which some task waited for memory.
    public let memory: Int

    /// If memory is short, work that can wait should not take any.
    private static let mostMemory = 10

    /// Whether the pressure is so high that background work had better be done later.
    public func isAbove(processors most: Int) -> Bool { processors > most || memory > Self.mostMemory }

    /// From the texts of both files; nil if they are malformed.
    init?(processors: ByteString, memory: ByteString) {
        guard let processors = Self.share(processors), let memory = Self.share(memory) else { return nil }
        self.processors = processors
        self.memory = memory
    }

    /// If the kernel does not report pressure: from the number of running tasks per processor. Two tasks per
    /// processor count as 100 percent.
    init?(load: ByteString, processors: Int) {
        guard let load = Self.whole(load.split(" ").first ?? "") else { return nil }
        self.processors = min(100, load * 50 / max(1, processors))
        memory = 0
    }

    /// The current pressure; nil if unknown.
    public static var current: SystemPressure? {
        func read(_ name: ByteString) -> ByteString { (try? Files.read("/proc/" + name, limit: 4096)) ?? "" }
        return SystemPressure(processors: read("pressure/cpu"), memory: read("pressure/memory"))
            ?? SystemPressure(load: read("loadavg"), processors: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// The value of "some avg10=1.23 avg60=...", the first line.
    private static func share(_ text: ByteString) -> Int? {
        guard let line = text.split("\n").first, line.hasPrefix("some ") else { return nil }
        return line.split(" ").first { $0.hasPrefix("avg10=") }.flatMap { whole($0.dropFirst(6)) }
    }

    private static func whole(_ number: ByteString) -> Int? {
        number.cut(at: ".")?.before.decimal.flatMap { $0 < 1_000_000 ? $0 : nil }
    }
}
