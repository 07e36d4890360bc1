internal import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// How much others wait for this machine: in percent of the last ten seconds, as the kernel tells (`/proc/pressure`, Linux 4.20).
public struct SystemPressure: Equatable, Sendable {
    /// Time in which somebody waited for a processor.
    public let processors: Int
    /// Time in which somebody waited for memory.
    public let memory: Int

    /// Where memory is short nothing that can wait should take any.
    private static let mostMemory = 10

    /// Whether it is so high that what nobody waits for had better be done later.
    public func isAbove(processors most: Int) -> Bool { processors > most || memory > Self.mostMemory }

    /// Of the texts of both files; nil for what is none of them.
    init?(processors: ByteString, memory: ByteString) {
        guard let processors = Self.share(processors), let memory = Self.share(memory) else { return nil }
        self.processors = processors
        self.memory = memory
    }

    /// Where the kernel does not tell: by how many there are at work for each processor. Two for one is all the time that there is.
    init?(load: ByteString, processors: Int) {
        guard let load = Self.whole(load.split(" ").first ?? "") else { return nil }
        self.processors = min(100, load * 50 / max(1, processors))
        memory = 0
    }

    /// As it is now; nil where nobody tells.
    public static var current: SystemPressure? {
        func read(_ name: ByteString) -> ByteString { (try? Files.read("/proc/" + name, limit: 4096)) ?? "" }
        return SystemPressure(processors: read("pressure/cpu"), memory: read("pressure/memory"))
            ?? SystemPressure(load: read("loadavg"), processors: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// "some avg10=1.23 avg60=...", the first line.
    private static func share(_ text: ByteString) -> Int? {
        guard let line = text.split("\n").first, line.hasPrefix("some ") else { return nil }
        return line.split(" ").first { $0.hasPrefix("avg10=") }.flatMap { whole($0.dropFirst(6)) }
    }

    private static func whole(_ number: ByteString) -> Int? {
        number.cut(at: ".")?.before.decimal.flatMap { $0 < 1_000_000 ? $0 : nil }
    }
}
