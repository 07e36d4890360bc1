internal import Formats
internal import Host

/// Whose files are believed: one's own, root's, and, for root under sudo, those of the user who called it. git goes by the same
/// (safe.directory), and what another user placed counts for nothing: they would choose the key, the branch and which files' modes
/// change.
///
/// Source: git setup.c, ensure_valid_ownership; compat/posix.h, is_path_owned_by_current_uid and extract_id_from_env.
struct Owners: Equatable, Sendable {
    private let numbers: Set<UInt32>

    init(user: UInt32 = Kernel.userID, sudo: ByteString? = Kernel.variable("SUDO_UID")) {
        var numbers: Set<UInt32> = [user, 0]
        if user == 0, let number = sudo?.decimal.flatMap(UInt32.init(exactly:)) { numbers.insert(number) }
        self.numbers = numbers
    }

    func own(_ status: FileStatus) -> Bool { numbers.contains(status.owner) }
}
