internal import Formats
internal import Host

/// The line that a person sees while waiting for something other than docker; it disappears afterwards. Programs see
/// nothing.
struct WaitingLine {
    /// How long to wait before it is shown, in nanoseconds.
    static let silence: Int64 = 1_000_000_000

    private let isTerminal = Kernel.isTerminal(2)
    private let isPlain = ["", "dumb"].contains(Kernel.variable("TERM") ?? "")
    private var shown: Int64?

    /// Shows, once a second, what the command waits for and how to go on without it.
    mutating func show(_ what: ByteString, seconds: Int64, _ wayOut: ByteString) {
        guard isTerminal, shown != seconds, !isPlain || shown == nil else { return }
        shown = seconds
        let text = what + ", " + ByteString(decimal: seconds) + " s so far; " + wayOut
        if isPlain { return Kernel.printError(text + "\n") }
        // A line longer than the terminal is wide is cut off: if it wrapped, only its last row could be erased.
        Kernel.steerError("\r\u{1B}[K\u{1B}[?7l")
        Kernel.printError(text)
        Kernel.steerError("\u{1B}[?7h")
    }

    func clear() {
        if isTerminal, !isPlain, shown != nil { Kernel.steerError("\r\u{1B}[K") }
    }
}
