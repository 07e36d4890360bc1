public import Formats
internal import Host

/// What the doctor knows about its own process, as a value, so that tests can provide another one.
public struct ProcessContext: Sendable {
    /// The environment, as "NAME=value" entries.
    public var environment: [ByteString]
    /// The effective user.
    public var user: UInt32
    /// The working directory, without links; nil if it is gone.
    public var directory: ByteString?
    /// The permission bits that new files do not get.
    public var mask: UInt32
    /// Nanoseconds since 1970.
    public var now: Int64
    /// The path of this program; the installer puts the shim beside it.
    public var program: ByteString
    /// Where programs are searched for after PATH.
    var fallbackFolders: [ByteString] = ["/usr/bin", "/bin"]
    /// The folder in which a distribution keeps its files; tests have one of their own.
    var root: ByteString = ""

    /// The context of this process.
    public static func current() -> ProcessContext {
        ProcessContext(
            environment: Kernel.environment, user: Kernel.userID, directory: try? Files.realPath("."),
            mask: Kernel.fileCreationMask, now: Clock.now, program: (try? Files.realPath("/proc/self/exe")) ?? "")
    }

    /// The value of a variable; nil if it is not set, or empty.
    public func variable(_ name: ByteString) -> ByteString? {
        let value = environment.first { $0.hasPrefix(name + "=") }?.dropFirst(name.count + 1)
        return value?.isEmpty == false ? value : nil
    }

    /// The absolute directories of PATH, without repeats.
    var path: [ByteString] {
        var seen: [ByteString] = []
        for entry in (variable("PATH") ?? "").split(":") where entry.hasPrefix("/") && !seen.contains(entry) {
            seen.append(entry)
        }
        return seen
    }

    /// The first executable with a name on PATH.
    func find(_ name: ByteString) -> ByteString? {
        (path + fallbackFolders).map { $0.appending(path: name) }.first(where: Self.isProgram)
    }

    static func isProgram(_ path: ByteString) -> Bool {
        (try? Files.status(path).kind) == .regular && Files.allows(.execute, path)
    }
}
