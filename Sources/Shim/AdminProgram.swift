internal import Formats
internal import Host

/// The program `slipway`.
enum AdminProgram {
    /// Beside this one, where nobody else could have put it who could not replace the shim, too.
    static func path() -> ByteString? {
        guard let own = try? Files.realPath("/proc/self/exe"), let shim = try? Files.status(own) else { return nil }
        let path = own.parentPath.appending(path: "slipway")
        guard let status = try? Files.status(path), status.kind == .regular, !status.isWritableByOthers,
            [0, Kernel.userID, shim.owner].contains(status.owner), Files.allows(.execute, path)
        else { return nil }
        return path
    }
}
