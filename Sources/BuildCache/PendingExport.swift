internal import Formats
internal import Host
internal import Notes

/// An export that is still to be made once its build has ended. The next build of the same key and arguments takes its place.
public struct PendingExport: Sendable {
    private let path: ByteString
    private let mark: ByteString

    private static let folder: ByteString = "pending"
    /// Files that processes which were killed have left.
    private static let most = 256

    /// Notes down that there is one; nil where that cannot be. `generation` is where it will be made.
    public init?(of build: BuildIdentity, in generation: Generation) {
        let home = generation.path.parentPath.appending(path: Self.folder)
        path = home.appending(path: Self.name(of: build))
        mark = ByteString(decimal: Kernel.processID) + " " + Hex.digits(of: Kernel.randomBytes(8)) + "\n"
        do throws(Errno) {
            do throws(Errno) {
                try Files.makeDirectory(home, mode: 0o700)
            } catch .fileExists {
                // Another build came first.
            }
            try Files.replace(path, with: mark, mode: 0o600)
        } catch {
            return nil
        }
        for old in Files.surplus(in: home, most: Self.most) { try? Files.remove(old) }
    }

    /// Whether no later build has begun.
    public var isWanted: Bool { (try? Files.read(path, limit: 64, followLinks: false)) == mark }

    /// Takes the note away, if it is still this export's.
    public func end() {
        if isWanted { try? Files.remove(path) }
    }

    /// Ends the one that an earlier build has left to be made, if there is one: within a tenth of a second.
    public static func supersede(_ build: BuildIdentity, in generation: Generation) {
        let home = generation.path.parentPath.appending(path: folder)
        try? Files.remove(home.appending(path: name(of: build)))
    }

    private static func name(of build: BuildIdentity) -> ByteString {
        build.key.directoryName + "." + build.variant.arguments
    }
}
