#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

extension Kernel {
    /// Does something as another user: files get that user as owner, and none of that user's links can lead anywhere
    /// that they could not go themselves. Only root can do this; throws if the kernel refuses. The corresponding C
    /// functions are `setegid` and `seteuid`. They change the whole process, so no other thread may run meanwhile.
    public static func acting<Result>(
        as user: UInt32, group: UInt32, _ body: () throws -> Result
    ) throws -> Result {
        guard user != userID else { return try body() }
        let mine = (user: userID, group: groupID)
        let count = getgroups(0, nil)
        var groups = [gid_t](repeating: 0, count: Int(max(0, count)))
        guard count >= 0, getgroups(count, &groups) == count else { throw Errno.current }
        _ = try checked { setgroups(1, [group]) }
        defer {
            // A process that cannot switch back must not continue.
            guard seteuid(mine.user) == 0, setegid(mine.group) == 0, setgroups(groups.count, groups) == 0 else {
                abort()
            }
        }
        _ = try checked { setegid(group) }
        _ = try checked { seteuid(user) }
        return try body()
    }
}
