#if canImport(Musl)
    internal import Musl

    /// The words this process was started with.
    enum CommandLineWords {
        static var count: Int32 { CommandLine.argc }
        static var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? { CommandLine.unsafeArgv }
    }
#else
    internal import Glibc

    /// The words this process was started with, from glibc, which hands them to every initializer: Swift's `CommandLine` reads
    /// /proc for them, and has none where that is missing.
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
