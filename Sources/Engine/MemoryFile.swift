internal import Formats
internal import Host

/// A file of what was learned, a line each, the newest first. Somebody else's, or one that others may write, is not believed.
struct MemoryFile: Sendable {
    /// Where it is; nil where nothing is remembered.
    let path: ByteString?
    /// Whether it is written, or only read.
    let isWriting: Bool
    /// Lines beyond these are forgotten.
    let mostLines: Int
    /// A longer file is none of ours.
    let longest: Int

    /// The lines; none when there is no such file, or none to be believed.
    func lines() -> [ByteString] {
        guard let path, let file = try? Descriptor.open(path, followLinks: false), let status = try? file.status(),
            status.kind == .regular, status.owner == Kernel.userID, !status.isWritableByOthers,
            let text = try? file.readAll(limit: longest)
        else { return [] }
        return Array(text.split("\n").prefix(mostLines))
    }

    /// Puts other lines in the place of those that are there. What cannot be written is learned anew.
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
