public import Formats

extension Explanation {
    /// An exact change of one file that fixes the cause. The file's path is relative to the context.
    public enum Edit: Equatable, Sendable {
        /// Append a line to a file, which may have to be created.
        case appendLine(file: ByteString, text: ByteString)
        /// Set the permission bits with which the cache was made.
        case setMode(file: ByteString, mode: UInt32)

        /// For programs, with the file below `root`.
        public func json(below root: ByteString) -> JSON {
            switch self {
            case .appendLine(let file, let text):
                .object([
                    "do": .string("append-line"), "file": .string(root.appending(path: file)), "text": .string(text),
                ])
            case .setMode(let file, let mode):
                .object([
                    "do": .string("set-mode"), "file": .string(root.appending(path: file)),
                    "mode": .string(ByteString(octal: mode & 0o7777)),
                ])
            }
        }
    }
}
