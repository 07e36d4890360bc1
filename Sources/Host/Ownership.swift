public import Formats

extension Files {
    /// Whether only root and this process's user can change or replace what is at a path. This depends on the owners
    /// and modes of the file and of all folders above it, and, if it is a link, of the folders above the link. In a
    /// sticky folder others may add names but not replace any.
    public static func isOursAlone(_ path: ByteString) -> Bool {
        guard path.hasPrefix("/"), let target = try? realPath(path), let folder = try? realPath(path.parentPath) else {
            return false
        }
        return isOursAlone(upFrom: target) && isOursAlone(upFrom: folder)
    }

    private static func isOursAlone(upFrom path: ByteString) -> Bool {
        var place = path
        while true {
            guard let status = try? status(place, followLinks: false),
                status.owner == 0 || status.owner == Kernel.userID,
                status.mode & 0o002 == 0 || status.kind == .directory && status.mode & 0o1000 != 0
            else { return false }
            if place == "/" { return true }
            place = place.parentPath
        }
    }
}
