#if canImport(Musl)
    internal import Musl

    /// The arguments that this process was started with.
    enum CommandLineWords {
        static var count: Int32 { CommandLine.argc }
        static var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? { CommandLine.unsafeArgv }
    }
#else
    internal import Glibc

    /// The arguments that this process was started with, from glibc, which passes them to every initializer. Swift's
    /// `CommandLine` reads them from /proc, and has none if /proc is missing.
    enum CommandLineWords {
        nonisolated(unsafe) fileprivate(set) static var count: Int32 = 0
        nonisolated(unsafe) fileprivate(set) static var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    }

    @section(".init_array") @used
    private let rememberWords: @convention(c) (Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Void = {
        count, vector in
        CommandLineWords.count = count
        CommandLineWords.vector = vector
    }
#endif
