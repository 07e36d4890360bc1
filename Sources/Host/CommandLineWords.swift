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

    /// Replaces the runtime's own two functions, whose file reads /proc/self/maps before `main` to find the words, in
    /// every program that is linked with it. Source: swiftlang/swift stdlib/public/stubs/CommandLine.cpp.
    @_cdecl("_swift_stdlib_getUnsafeArgvArgc")
    func words(_ count: UnsafeMutablePointer<Int32>) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        count.pointee = CommandLineWords.count
        return CommandLineWords.vector
    }

    @_cdecl("_swift_stdlib_overrideUnsafeArgvArgc")
    func replaceWords(_ vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int32) {
        CommandLineWords.count = count
        CommandLineWords.vector = vector
    }
#endif
