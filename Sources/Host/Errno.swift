#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Why a system call failed. The only error of this room.
public struct Errno: Error, Equatable, Sendable {
    /// The kernel's error number.
    public let code: Int32

    /// From one of the kernel's error numbers.
    public init(code: Int32) { self.code = code }

    /// The error of the call that has just failed.
    static var current: Errno { Errno(code: errno) }

    /// ENOENT
    public static let noSuchFile = Errno(code: ENOENT)
    /// EEXIST
    public static let fileExists = Errno(code: EEXIST)
    /// EWOULDBLOCK
    public static let wouldBlock = Errno(code: EWOULDBLOCK)
    /// ETIMEDOUT: also our own deadlines.
    public static let timedOut = Errno(code: ETIMEDOUT)
    /// EFBIG: a file or answer is longer than its bound.
    public static let tooLarge = Errno(code: EFBIG)
    /// ENOMEM: also our own memory limit for a running program.
    public static let noMemory = Errno(code: ENOMEM)
    /// EINVAL
    public static let invalid = Errno(code: EINVAL)
    /// ENOTDIR
    public static let notDirectory = Errno(code: ENOTDIR)
    /// ELOOP: a symbolic link where none is allowed.
    public static let symbolicLink = Errno(code: ELOOP)
    /// ENAMETOOLONG
    public static let nameTooLong = Errno(code: ENAMETOOLONG)
    /// ENOEXEC: a script without "#!".
    public static let noInterpreter = Errno(code: ENOEXEC)
    /// EROFS
    public static let readOnly = Errno(code: EROFS)
    /// ENOSPC
    public static let noSpace = Errno(code: ENOSPC)
    /// EDQUOT
    public static let quotaExceeded = Errno(code: EDQUOT)
    /// EXDEV: another file system.
    public static let crossesDevices = Errno(code: EXDEV)
    /// EPERM: also a file system without hard links.
    public static let notPermitted = Errno(code: EPERM)
    /// EMLINK: the file cannot get more names.
    public static let tooManyLinks = Errno(code: EMLINK)
    /// EOPNOTSUPP
    public static let notSupported = Errno(code: EOPNOTSUPP)
    /// EACCES
    public static let accessDenied = Errno(code: EACCES)
    /// ENOSYS: the kernel lacks this call.
    public static let noSystemCall = Errno(code: ENOSYS)
    /// EINTR: a signal asked this process to end.
    public static let interrupted = Errno(code: EINTR)
}

extension Errno: CustomStringConvertible {
    /// The kernel's message, such as "No such file or directory".
    public var description: String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}

/// Repeats the call after EINTR; throws the current errno if the result is -1.
func checked<Result: FixedWidthInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        if errno != EINTR { throw .current }
    }
}
