internal import Formats
internal import Host

/// What a person sees who waits for something else than docker: one line, which is gone afterwards. Programs see nothing.
struct WaitingLine {
    /// From when on it is shown, in nanoseconds of waiting.
    static let silence: Int64 = 1_000_000_000

    private let isTerminal = Kernel.isTerminal(2)
    private let isPlain = ["", "dumb"].contains(Kernel.variable("TERM") ?? "")
    private var shown: Int64?

    /// Shows, once a second, what is waited for and how to go on without it.
    mutating func show(_ what: ByteString, seconds: Int64, _ wayOut: ByteString) {
        guard isTerminal, shown != seconds, !isPlain || shown == nil else { return }
        shown = seconds
        let text = what + ", " + ByteString(decimal: seconds) + " s so far; " + wayOut
        if isPlain { return Kernel.printError(text + "\n") }
        // Where it is longer than the terminal is wide its end is cut off: of two rows only one could be taken back.
        Kernel.steerError("\r\u{1B}[K\u{1B}[?7l")
        Kernel.printError(text)
        Kernel.steerError("\u{1B}[?7h")
    }

    func clear() {
        if isTerminal, !isPlain, shown != nil { Kernel.steerError("\r\u{1B}[K") }
    }
}
