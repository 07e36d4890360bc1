internal import CLinux

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Both ends of a channel, closed by exec from the beginning: a program that another thread starts must not hold them open.
struct ChannelPair: ~Copyable {
    let theirs: Descriptor
    let ours: Descriptor

    private init(theirs: Int32, ours: Int32) throws(Errno) {
        let theirs = try Descriptor(taking: theirs)
        let ours = try Descriptor(taking: ours)
        self.theirs = theirs
        self.ours = ours
    }

    /// What they write is read here.
    static func pipe() throws(Errno) -> ChannelPair {
        var ends: [Int32] = [-1, -1]
        _ = try checked { slipway_pipe2(&ends, O_CLOEXEC) }
        return try ChannelPair(theirs: ends[1], ours: ends[0])
    }

    /// A socket instead of a pipe: writing to one whose reader is gone need not be a signal.
    static func pair() throws(Errno) -> ChannelPair {
        var ends: [Int32] = [-1, -1]
        _ = try checked { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) }
        return try ChannelPair(theirs: ends[0], ours: ends[1])
    }
}
