/// Replaces the runtime's own search for the program `swift-backtrace`, which costs a dozen system calls before `main`
/// and ends the process if /proc is missing. A crash of the shim prints no backtrace; it must not crash. Source:
/// swiftlang/swift stdlib/public/runtime/Paths.cpp, swift_copyAuxiliaryExecutablePath.
@_cdecl("swift_copyAuxiliaryExecutablePath")
func copyAuxiliaryExecutablePath(_ name: UnsafePointer<CChar>?) -> UnsafePointer<CChar>? { nil }
