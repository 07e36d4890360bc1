internal import Formats
internal import Host

/// Held by the single process that publishes a sub-store's unions.
///
/// Two publishers at once would each list the exports, take some time, and replace the record. If the one that listed
/// first replaced last, the other's export would be in no union until the next build. At the lowest priority this can
/// take long.
final class PublisherLock {
    /// The file in a sub-store that is locked.
    private static let name: ByteString = "publishing"
    /// A process that was suspended while it held the lock must not block publishing for others.
    static let patience: Int64 = 120_000_000_000
    private static let pause: Int64 = 20_000_000

    private let file: Descriptor

    /// Waits for other publishers. nil once `deadline` has passed, or if files cannot be locked, because then nobody
    /// can be waited for.
    init?(in home: ByteString, until deadline: Deadline) {
        guard
            let file = try? Descriptor.open(home.appending(path: Self.name), .update(mode: 0o600), followLinks: false),
            (try? file.status().kind) == .regular
        else { return nil }
        while true {
            do throws(Errno) {
                // Needs write access, which only the owner has: no other user can hold it.
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
