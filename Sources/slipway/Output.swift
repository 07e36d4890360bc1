import Formats
import Foundation

/// Standard output, byte for byte.
enum Output {
    /// Writes the text as it is.
    static func write(_ text: ByteString) { FileHandle.standardOutput.write(Data(text.bytes)) }

    /// Writes a JSON value and a newline.
    static func write(_ value: JSON) { write(value.text + "\n") }

    /// Writes what went wrong, where and what to do next.
    static func complain(_ text: ByteString) {
        FileHandle.standardError.write(Data(("slipway: " + text + "\n").bytes))
    }
}
