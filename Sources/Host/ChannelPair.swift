internal import CLinux

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Both ends of a channel. Both are close-on-exec from the start, so that a program that another thread starts does
/// not hold them open.
struct ChannelPair: ~Copyable {
    let theirs: Descriptor
    let ours: Descriptor

    private init(theirs: Int32, ours: Int32) throws(Errno) {
        let theirs = try Descriptor(taking: theirs)
        let ours = try Descriptor(taking: ours)
        self.theirs = theirs
        self.ours = ours
    }

    /// A pipe: this process reads what the other side writes.
    static func pipe() throws(Errno) -> ChannelPair {
        var ends: [Int32] = [-1, -1]
        _ = try checked { slipway_pipe2(&ends, O_CLOEXEC) }
        return try ChannelPair(theirs: ends[1], ours: ends[0])
    }

    /// A socket pair instead of a pipe: a write to a socket whose reader has closed can be made not to raise a
    /// signal.
    static func pair() throws(Errno) -> ChannelPair {
        var ends: [Int32] = [-1, -1]
        _ = try checked { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) }
        return try ChannelPair(theirs: ends[0], ours: ends[1])
    }
}
