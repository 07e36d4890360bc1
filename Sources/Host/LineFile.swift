public import Formats

extension Files {
    /// Appends a line to a file that many processes append to, and moves it to `older` when it is full. A file of somebody
    /// else's, or what is none, is left alone: `accessDenied`.
    public static func append(
        line: ByteString, to path: ByteString, older: ByteString, largest: Int
    ) throws(Errno) {
        try makeDirectories(path.parentPath, mode: 0o700)
        // One write, at the end: lines of processes that run side by side do not mix.
        let file = try Descriptor.open(path, .append(mode: 0o600), followLinks: false)
        let status = try file.status()
        guard status.kind == .regular, status.owner == Kernel.userID else { throw .accessDenied }
        // Beyond the limit of `ulimit -f` a signal kills the writer, and a part of a line is no line.
        guard status.size + line.count < Kernel.largestFile else { throw .tooLarge }
        try file.write(line + "\n")
        guard status.size > largest else { return }
        // Of those who found it full one moves it away: a second would put the new one over what has just been kept.
        try file.lock(.exclusive)
        if try Files.status(path).isSameFile(as: status) { try rename(path, to: older) }
    }
}
