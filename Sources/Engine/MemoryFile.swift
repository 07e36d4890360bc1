internal import Formats
internal import Host

/// A file of remembered facts, one per line, the newest first. A file that another user owns or may write is not
/// trusted.
struct MemoryFile: Sendable {
    /// Its path; nil if nothing is remembered.
    let path: ByteString?
    /// Whether it may be written, or only read.
    let isWriting: Bool
    /// Further lines are dropped.
    let mostLines: Int
    /// A longer file is foreign.
    let longest: Int

    /// The lines; none if there is no such file, or it is not trusted.
    func lines() -> [ByteString] {
        guard let path, let file = try? Descriptor.open(path, followLinks: false), let status = try? file.status(),
            status.kind == .regular, status.owner == Kernel.userID, !status.isWritableByOthers,
            let text = try? file.readAll(limit: longest)
        else { return [] }
        return Array(text.split("\n").prefix(mostLines))
    }

    /// Replaces all lines. What cannot be written will be asked again.
    func replace(with lines: [ByteString]) {
        guard let path, isWriting else { return }
        let text = lines.prefix(mostLines).map { $0 + "\n" }.joined(separator: "")
        do throws(Errno) {
            try Files.replace(path, with: text, mode: 0o600)
        } catch .noSuchFile {
            try? Files.makeDirectories(path.parentPath, mode: 0o700)
            try? Files.replace(path, with: text, mode: 0o600)
        } catch {
            return
        }
    }
}
