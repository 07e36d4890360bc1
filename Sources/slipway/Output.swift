import ArgumentParser
import Formats
import Host
import Synchronization

/// All output. No name in it can control a terminal: JSON escapes names, `Kernel` escapes what it writes, and `lines`
/// keeps a name from starting a new line.
enum Output {
    private static let failed = Mutex<Errno?>(nil)

    /// The error of the first failed write: the command continues, cleans up, and exits with 1.
    static var failure: Errno? { failed.withLock { $0 } }

    /// Writes a text of `lines`.
    static func write(_ text: ByteString) { note(failure == nil ? Kernel.printOutput(text) : nil) }

    /// Writes output for a program: on a terminal nothing is written exactly.
    static func write(exactly bytes: ByteString) {
        if Kernel.isTerminal(1) { return write(bytes) }
        note(failure == nil ? Kernel.printOutput(exactly: bytes) : nil)
    }

    /// Writes a text of `lines` with colours, the only terminal commands allowed in it.
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

    /// A text of these lines: each stays a single line.
    static func lines(_ lines: [ByteString]) -> ByteString {
        lines.map { $0.terminalSafe + "\n" }.joined(separator: "")
    }

    /// Writes a JSON value and a newline.
    static func write(_ value: JSON) { write(value.text + "\n") }

    /// Clears the terminal's current line.
    static func clearLine() { Kernel.steerError("\r\u{1B}[K") }

    /// Writes what went wrong, where and what to do next; below it, one per line, the messages of other programs.
    static func complain(_ text: ByteString, below words: [ByteString] = []) {
        Kernel.printError(lines(["slipway: " + text] + words))
    }

    /// Reports why a command cannot continue, with `--json` in place of its document; throw the result. The code is
    /// stable.
    static func failure(_ code: ByteString, _ text: ByteString, json: Bool) -> ExitCode {
        if json {
            write(.object(["error": .string(code), "message": .string(text)]))
        } else {
            complain(text)
        }
        return .failure
    }
}
