import Formats
import Foundation
import Host

/// Standard output, byte for byte.
enum Output {
    /// Writes the text as it is.
    static func write(_ text: ByteString) { FileHandle.standardOutput.write(Data(text.bytes)) }

    /// Writes a JSON value and a newline.
    static func write(_ value: JSON) { write(value.text + "\n") }

    /// Shows on a terminal what takes a while, until something else takes the line; nothing elsewhere.
    static func working(_ text: ByteString?) {
        guard Kernel.isTerminal(2) else { return }
        FileHandle.standardError.write(Data(("\r\u{1B}[K" + (text.map { $0 + " ..." } ?? "")).bytes))
    }

    /// Writes what went wrong, where and what to do next.
    static func complain(_ text: ByteString) {
        FileHandle.standardError.write(Data(("slipway: " + text + "\n").bytes))
    }
}
