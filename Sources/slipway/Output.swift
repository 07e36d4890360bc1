import ArgumentParser
import Formats
import Host
import Synchronization

/// Standard output, byte for byte.
enum Output {
    private static let failed = Mutex<Errno?>(nil)

    /// What the first write that failed failed with: the command goes on and tidies up, and ends with 1.
    static var failure: Errno? { failed.withLock { $0 } }

    /// Writes the text as it is.
    static func write(_ text: ByteString) {
        guard failure == nil, let error = Kernel.printOutput(text) else { return }
        failed.withLock { $0 = error }
    }

    /// Writes a JSON value and a newline.
    static func write(_ value: JSON) { write(value.text + "\n") }

    /// Shows on a terminal what takes a while, until something else takes the line; nothing elsewhere.
    static func working(_ text: ByteString?) {
        guard Kernel.isTerminal(2) else { return }
        Kernel.printError("\r\u{1B}[K" + (text.map { $0 + " ..." } ?? ""))
    }

    /// Writes what went wrong, where and what to do next.
    static func complain(_ text: ByteString) { Kernel.printError("slipway: " + text + "\n") }

    /// Tells why a command cannot go on, with `--json` in its document's place; to be thrown. The code keeps its meaning.
    static func failure(_ code: ByteString, _ text: ByteString, json: Bool) -> ExitCode {
        if json {
            write(.object(["error": .string(code), "message": .string(text)]))
        } else {
            complain(text)
        }
        return .failure
    }
}

extension ByteString {
    /// A name as a terminal may have it: control characters and what is no UTF-8 are escaped.
    var shown: ByteString {
        guard bytes.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 >= 0x80 }) else { return self }
        let isText = String(validating: bytes, as: UTF8.self) != nil
        return bytes.reduce(into: ByteString()) { text, byte in
            switch byte {
            case 0x0A: text += "\\n"
            case 0x00..<0x20, 0x7F: text += "\\x" + Hex.digits(of: [byte])
            case 0x80...: text += isText ? ByteString([byte]) : "\\x" + Hex.digits(of: [byte])
            default: text += ByteString([byte])
            }
        }
    }
}
