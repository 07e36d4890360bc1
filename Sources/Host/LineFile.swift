public import Formats

extension Files {
    /// Appends a line to a file that many processes append to, and renames the file to `older` when it is full. A file
    /// that belongs to another user or is not a regular file stays untouched: `accessDenied`.
    public static func append(
        line: ByteString, to path: ByteString, older: ByteString, largest: Int
    ) throws(Errno) {
        try makeDirectories(path.parentPath, mode: 0o700)
        // A single append: lines of concurrent processes do not mix.
        let file = try Descriptor.open(path, .append(mode: 0o600), followLinks: false)
        let status = try file.status()
        guard status.kind == .regular, status.owner == Kernel.userID else { throw .accessDenied }
        // Beyond `ulimit -f` a signal kills the writer, and a partial line is useless.
        guard status.size + line.count < Kernel.largestFile else { throw .tooLarge }
        try file.write(line + "\n")
        guard status.size > largest else { return }
        // Only one of the processes that find the file full may rename it: a second rename would overwrite the file
        // just kept with the new one.
        try file.lock(.exclusive)
        if try Files.status(path).isSameFile(as: status) { try rename(path, to: older) }
    }
}
