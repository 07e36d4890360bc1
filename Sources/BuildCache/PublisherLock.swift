internal import Formats
internal import Host

/// Held by the one process that publishes a sub-store's unions.
///
/// Two that publish at once each list the exports, take a moment, and replace the record: the one that listed first can be the one
/// that replaces last, and the other's export is then in no union until the next build. Processes of lowest priority take long
/// moments.
final class PublisherLock {
    /// The file in a sub-store whose lock it is.
    private static let name: ByteString = "publishing"
    /// A process that was stopped while it held the lock must not keep others from publishing.
    static let patience: Int64 = 120_000_000_000
    private static let pause: Int64 = 20_000_000

    private let file: Descriptor

    /// Waits for other publishers. nil once `deadline` has passed, and where files cannot be locked: then nobody can be waited for.
    init?(in home: ByteString, until deadline: Deadline) {
        guard
            let file = try? Descriptor.open(home.appending(path: Self.name), .update(mode: 0o600), followLinks: false),
            (try? file.status().kind) == .regular
        else { return nil }
        while true {
            do throws(Errno) {
                // Needs write access, which nobody but the owner has: no stranger can hold it.
                try file.lockByAccess(.exclusive)
                self.file = file
                return
            } catch {
                guard error == .wouldBlock, !deadline.hasPassed else { return nil }
                Clock.sleep(nanoseconds: Self.pause)
            }
        }
    }
}
