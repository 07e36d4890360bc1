public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Clocks.
public enum Clock {
    /// Nanoseconds since 1970 by the wall clock, which may jump.
    public static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return nanoseconds(time)
    }

    /// Nanoseconds that only increase, for deadlines.
    public static var monotonic: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return nanoseconds(time)
    }

    /// Seconds since the machine started, the base of process start times in /proc.
    static var secondsSinceBoot: Int {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int(time.tv_sec)
    }

    /// Nanoseconds that this thread has computed. The clock stops while others have the processor or the thread waits
    /// for a disk.
    public static var computed: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return nanoseconds(time)
    }

    /// Waits. The corresponding C function is `poll`.
    public static func sleep(nanoseconds: Int64) {
        poll(nil, 0, Int32(clamping: nanoseconds / 1_000_000))
    }

    static func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
}

/// What the kernel knows about this process.
public enum Kernel {
    /// The effective user ID.
    public static var userID: UInt32 { geteuid() }

    /// How many descriptors this process may open: the hard limit, to which Go programs raise their own. The
    /// corresponding C function is `getrlimit`.
    public static var mostDescriptors: UInt64 { limit(RLIMIT_NOFILE).map { UInt64($0.rlim_max) } ?? .max }

    /// The size in bytes to which a file may grow (`ulimit -f`): SIGXFSZ kills a process that writes beyond it. `max`
    /// without a limit.
    public static var largestFile: UInt64 { limit(RLIMIT_FSIZE).map { UInt64($0.rlim_cur) } ?? .max }

    /// The size in bytes to which the stack may grow (`ulimit -s`); `max` without a limit.
    static var largestStack: Int { limit(RLIMIT_STACK).map { Int(clamping: $0.rlim_cur) } ?? .max }

    /// How many processes and threads this user may have (`ulimit -u`).
    static var mostProcesses: UInt64 { limit(processes).map { UInt64($0.rlim_cur) } ?? .max }

    /// Ends this process, and the program that it becomes, after this much computing.
    static func limitComputing(seconds: UInt) {
        guard var limit = limit(RLIMIT_CPU), limit.rlim_cur > seconds else { return }
        limit.rlim_cur = rlim_t(seconds)
        #if canImport(Musl)
            setrlimit(RLIMIT_CPU, &limit)
        #else
            setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit)
        #endif
    }

    #if canImport(Musl)
        private static let processes = RLIMIT_NPROC
        private typealias Resource = Int32
    #else
        private static let processes = __RLIMIT_NPROC
        private typealias Resource = __rlimit_resource
    #endif
    private static func limit(_ resource: Resource) -> rlimit? {
        var limit = rlimit()
        #if canImport(Musl)
            return getrlimit(resource, &limit) == 0 ? limit : nil
        #else
            return getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 ? limit : nil
        #endif
    }

    /// The effective group ID.
    public static var groupID: UInt32 { getegid() }

    /// The ID of this process.
    public static var processID: Int32 { getpid() }

    /// The ID of the process that started this one.
    public static var parentID: Int32 { getppid() }

    /// The permission bits that new files do not get. Read from /proc, because `umask` can only be read by setting
    /// it.
    public static var fileCreationMask: UInt32 {
        if let text = try? Files.read("/proc/self/status", limit: 65_536) {
            for line in text.split("\n") where line.hasPrefix("Umask:") {
                if let mask = UInt32(line.dropFirst(6).trimmed.lossy, radix: 8) { return mask }
            }
        }
        let mask = umask(0o077)
        umask(mask)
        return UInt32(mask)
    }

    /// The processor architecture as the OCI names it.
    public static var architecture: ByteString {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            "unknown"
        #endif
    }

    /// The arguments of this process, its own name first.
    public static var arguments: [ByteString] {
        guard let vector = CommandLineWords.vector else { return [] }
        return (0..<Int(CommandLineWords.count)).compactMap { index in vector[index].map { ByteString(cString: $0) }
        }
    }

    /// Whether the last path component of argv[0] is `name`.
    public static func isCalled(_ name: StaticString) -> Bool {
        guard CommandLineWords.count > 0, let whole = CommandLineWords.vector?[0] else { return false }
        let length = strlen(whole)
        guard length >= name.utf8CodeUnitCount else { return false }
        let start = length - name.utf8CodeUnitCount
        return (start == 0 || whole[start - 1] == 0x2F) && strcmp(whole + start, name.cString) == 0
    }

    /// Whether any argument, not counting the program's name, is one of `words`. Makes no copies, because this runs
    /// before every docker command.
    public static func commandLineHolds(anyOf words: StaticWords) -> Bool {
        var index = 1
        while index < Int(CommandLineWords.count), let argument = CommandLineWords.vector?[index] {
            if words.contains(argument) { return true }
            index += 1
        }
        return false
    }

    /// A few words in one literal, separated by spaces, compared without copies.
    public struct StaticWords: Sendable {
        private let text: StaticString

        /// Words separated by single spaces.
        public init(_ text: StaticString) { self.text = text }

        func contains(_ argument: UnsafePointer<CChar>) -> Bool {
            var start = 0
            while start < text.utf8CodeUnitCount {
                var length = 0
                while start + length < text.utf8CodeUnitCount, text.utf8Start[start + length] != 0x20 { length += 1 }
                if strncmp(
                    argument, UnsafeRawPointer(text.utf8Start + start).assumingMemoryBound(to: CChar.self), length)
                    == 0,
                    argument[length] == 0
                {
                    return true
                }
                start += length + 1
            }
            return false
        }
    }

    /// The working directory of this process. The corresponding C function is `getcwd`.
    public static func workingDirectory() throws(Errno) -> ByteString {
        guard let path = getcwd(nil, 0) else { throw .current }
        defer { free(path) }
        return ByteString(cString: path)
    }

    /// An environment variable; nil if it is not set. The first entry counts if a name occurs twice, as in Go and
    /// libc.
    public static func variable(_ name: StaticString) -> ByteString? {
        guard let value = getenv(name.cString) else { return nil }
        return ByteString(cString: value)
    }

    /// An environment variable whose name is made at run time.
    public static func variable(named name: ByteString) -> ByteString? {
        (name.bytes + [0]).withUnsafeBytes { buffer in
            guard let start = buffer.assumingMemoryBound(to: CChar.self).baseAddress, let value = getenv(start) else {
                return nil
            }
            return ByteString(cString: value)
        }
    }

    /// Every entry of the environment as it is, "NAME=value" or not.
    public static var environment: [ByteString] {
        var entries: [ByteString] = []
        var entry = environ
        while let text = entry.pointee {
            entries.append(ByteString(cString: text))
            entry += 1
        }
        return entries
    }

    /// How much of the kernel's space for arguments the environment takes: text and pointers, in bytes.
    static var environmentSize: Int {
        var size = 0
        var entry = environ
        while let text = entry.pointee {
            size += strlen(text) + 1 + MemoryLayout<Int>.size
            entry += 1
        }
        return size
    }

    /// Ends this process.
    public static func exit(_ code: Int32) -> Never { systemExit(code) }

    /// Writes to standard error if the caller left it open: all of it, or as much as possible. Escapes terminal
    /// control sequences.
    public static func printError(_ text: ByteString) { _ = print(text.terminalSafeLines, to: 2) }

    /// Writes to standard output; returns the error, nil if all was written. Escapes terminal control sequences.
    public static func printOutput(_ text: ByteString) -> Errno? { print(text.terminalSafeLines, to: 1) }

    /// Writes output for programs to standard output, byte for byte.
    public static func printOutput(exactly bytes: ByteString) -> Errno? { print(bytes, to: 1) }

    /// Sends a control sequence to the terminal on standard error. It takes only literals, so no foreign text can
    /// control the terminal.
    public static func steerError(_ sequence: StaticString) {
        _ = print(ByteString(stringLiteral: sequence), to: 2)
    }

    private static func print(_ text: ByteString, to number: Int32) -> Errno? {
        var rest = text.bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return Errno(code: errno) }
            rest = rest.dropFirst(written)
        }
        return nil
    }
}

private func systemExit(_ code: Int32) -> Never { exit(code) }

extension StaticString {
    /// The literal, to which the compiler appends a NUL.
    var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
