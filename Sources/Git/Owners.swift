internal import Formats
internal import Host

/// Whose files to trust: the user's own, root's, and, for root under sudo, those of the user who ran sudo. git uses the
/// same rule (safe.directory). Files of other users are ignored: otherwise those users could choose the key, the
/// branch, and which files' modes change.
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
