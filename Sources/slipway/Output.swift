import ArgumentParser
import Formats
import Host
import Synchronization

/// All that is printed. Nothing of it steers a terminal, whatever names stand in it: JSON escapes it, `Kernel` does where it writes,
/// and `lines` keeps a name from beginning a line of its own.
enum Output {
    private static let failed = Mutex<Errno?>(nil)

    /// What the first write that failed failed with: the command goes on and tidies up, and ends with 1.
    static var failure: Errno? { failed.withLock { $0 } }

    /// Writes a text of `lines`.
    static func write(_ text: ByteString) { note(failure == nil ? Kernel.printOutput(text) : nil) }

    /// Writes what a program will read: on a terminal nothing is exact.
    static func write(exactly bytes: ByteString) {
        if Kernel.isTerminal(1) { return write(bytes) }
        note(failure == nil ? Kernel.printOutput(exactly: bytes) : nil)
    }

    /// Writes a text of `lines` with colours, the only terminal commands that it may have.
    static func write(coloured text: ByteString) {
        guard failure == nil, let first = text.split("\u{1B}").first else { return }
        var safe = first.terminalSafeLines
        for piece in text.split("\u{1B}").dropFirst() {
            let isColour = Self.colours.contains { piece.hasPrefix($0) }
            safe += (isColour ? "\u{1B}" : "\\x1b") + piece.terminalSafeLines
        }
        note(Kernel.printOutput(exactly: safe))
    }

    private static let colours: [ByteString] = ["[31m", "[32m", "[33m", "[0m"]

    private static func note(_ error: Errno?) {
        if let error { failed.withLock { $0 = error } }
    }

    /// A text of these lines: each stays one.
    static func lines(_ lines: [ByteString]) -> ByteString {
        lines.map { $0.terminalSafe + "\n" }.joined(separator: "")
    }

    /// Writes a JSON value and a newline.
    static func write(_ value: JSON) { write(value.text + "\n") }

    /// Shows on a terminal what takes a while, until something else takes the line; nothing elsewhere.
    static func working(_ text: ByteString?) {
        guard Terminal.showsProgress else { return }
        clearLine()
        if let text { Kernel.printError(text.terminalSafe + " ...") }
    }

    /// Takes away what stands on the terminal's line.
    static func clearLine() { Kernel.steerError("\r\u{1B}[K") }

    /// Writes what went wrong, where and what to do next; below it, a line each, what others said.
    static func complain(_ text: ByteString, below words: [ByteString] = []) {
        Kernel.printError(lines(["slipway: " + text] + words))
    }

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
