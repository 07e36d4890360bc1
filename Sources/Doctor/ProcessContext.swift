public import Formats
internal import Host

/// What the doctor is told of its own process, so that a test can tell it something else.
public struct ProcessContext: Sendable {
    /// Every entry, "NAME=value".
    public var environment: [ByteString]
    /// The effective user.
    public var user: UInt32
    /// The directory the process stands in, without links; nil when it is gone.
    public var directory: ByteString?
    /// The permission bits that new files do not get.
    public var mask: UInt32
    /// Nanoseconds since 1970.
    public var now: Int64
    /// The program itself, beside which the installer puts the shim.
    public var program: ByteString
    /// Where programs are looked for besides PATH.
    var fallbackFolders: [ByteString] = ["/usr/bin", "/bin"]

    /// This process's own.
    public static func current() -> ProcessContext {
        ProcessContext(
            environment: Kernel.environment, user: Kernel.userID, directory: try? Files.realPath("."),
            mask: Kernel.fileCreationMask, now: Clock.now, program: (try? Files.realPath("/proc/self/exe")) ?? "")
    }

    /// The value of a variable; nil when it is not set, or empty.
    public func variable(_ name: ByteString) -> ByteString? {
        let value = environment.first { $0.hasPrefix(name + "=") }?.dropFirst(name.count + 1)
        return value?.isEmpty == false ? value : nil
    }

    /// The absolute directories of PATH, each once.
    var path: [ByteString] {
        var seen: [ByteString] = []
        for entry in (variable("PATH") ?? "").split(":") where entry.hasPrefix("/") && !seen.contains(entry) {
            seen.append(entry)
        }
        return seen
    }

    /// The first executable of a name on PATH.
    func find(_ name: ByteString) -> ByteString? {
        (path + fallbackFolders).map { $0.appending(path: name) }.first(where: Self.isProgram)
    }

    static func isProgram(_ path: ByteString) -> Bool {
        (try? Files.status(path).kind) == .regular && Files.allows(.execute, path)
    }
}
