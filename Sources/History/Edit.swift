public import Formats

extension Explanation {
    /// A change of one file that fixes the cause, exactly. The file is named from the context's root.
    public enum Edit: Equatable, Sendable {
        /// At the end of a file, which may have to be made.
        case appendLine(file: ByteString, text: ByteString)
        /// The permission bits that the cache was made with.
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
