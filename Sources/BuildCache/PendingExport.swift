internal import Formats
internal import Host
internal import Notes

/// An export that will be made after its build has ended. The next build with the same key and arguments supersedes
/// it.
public struct PendingExport: Sendable {
    private let path: ByteString
    private let mark: ByteString

    private static let folder: ByteString = "pending"
    /// The most files of killed processes to keep.
    private static let most = 256

    /// Records a pending export; nil if that fails. `generation` is where it will be made.
    public init?(of build: BuildIdentity, in generation: Generation) {
        let home = generation.path.parentPath.appending(path: Self.folder)
        path = home.appending(path: Self.name(of: build))
        mark = ByteString(decimal: Kernel.processID) + " " + Hex.digits(of: Kernel.randomBytes(8)) + "\n"
        do throws(Errno) {
            do throws(Errno) {
                try Files.makeDirectory(home, mode: 0o700)
            } catch .fileExists {
                // Another build created it first.
            }
            try Files.replace(path, with: mark, mode: 0o600)
        } catch {
            return nil
        }
        for old in Files.surplus(in: home, most: Self.most) { try? Files.remove(old) }
    }

    /// Whether no later build has started.
    public var isWanted: Bool { (try? Files.read(path, limit: 64, followLinks: false)) == mark }

    /// Removes the record, if it still belongs to this export.
    public func end() {
        if isWanted { try? Files.remove(path) }
    }

    /// Ends the pending export of an earlier build, if there is one; its process notices within a tenth of a second.
    public static func supersede(_ build: BuildIdentity, in generation: Generation) {
        let home = generation.path.parentPath.appending(path: folder)
        try? Files.remove(home.appending(path: name(of: build)))
    }

    private static func name(of build: BuildIdentity) -> ByteString {
        build.key.directoryName + "." + build.variant.arguments
    }
}
