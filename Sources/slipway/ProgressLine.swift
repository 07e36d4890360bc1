import Formats
import Host
import Synchronization

/// What a command is working on, on standard error: on a terminal a single line that changes; elsewhere lines that stay,
/// the first of a step after ten seconds.
final class ProgressLine: Sendable {
    /// Where progress is shown.
    enum Place: Sendable {
        case terminal
        /// A file, a pipe, or a terminal that cannot overwrite a line. `saysSteps`: each step is a line at once.
        case plain(saysSteps: Bool)
        case nowhere

        /// Standard error; nowhere if not `isWanted`, such as beside JSON.
        static func standardError(_ isWanted: Bool, saysSteps: Bool = false) -> Place {
            guard isWanted else { return .nowhere }
            return Terminal.showsProgress ? .terminal : .plain(saysSteps: saysSteps)
        }
    }

    /// What is written.
    enum Writing: Equatable, Sendable {
        /// In place of what stands on the terminal's line.
        case redrawn(ByteString)
        case line(ByteString)
        case cleared
    }

    private struct State {
        var step: ByteString = ""
        var progress = Progress(began: 0)
        /// When the line was last written; nil if it is not there.
        var written: Int64?
        /// When the step's last plain line was written, or the step began.
        var said: Int64 = 0
    }

    private let state = Mutex(State())
    private let place: Place
    private let now: @Sendable () -> Int64
    private let write: @Sendable (Writing) -> Void
    /// A person reads no more than ten states in a second.
    static let shortest: Int64 = 100_000_000
    /// The time between lines that stay.
    static let longest: Int64 = 10_000_000_000

    init(
        _ place: Place, now: @escaping @Sendable () -> Int64 = { Clock.monotonic },
        write: @escaping @Sendable (Writing) -> Void = ProgressLine.print
    ) {
        self.place = place
        self.now = now
        self.write = write
    }

    private static func print(_ writing: Writing) {
        switch writing {
        case .redrawn(let text):
            // Without wrapping: the beginning of a long line would remain on the terminal.
            Kernel.steerError("\r\u{1B}[K\u{1B}[?7l")
            Kernel.printError(text.terminalSafe)
            Kernel.steerError("\u{1B}[?7h")
        case .line(let text): Kernel.printError(Output.lines([text]))
        case .cleared: Output.clearLine()
        }
    }

    /// Begins a step.
    func step(_ text: ByteString, unit: Progress.Unit = .bytes) {
        let time = now()
        state.withLock { state in
            state.step = text
            state.progress = Progress(began: time, unit: unit)
            state.said = time
            switch place {
            case .terminal: draw(text + " ...", time, &state)
            case .plain(true): write(.line(text))
            case .plain(false), .nowhere: break
            }
        }
    }

    /// So much of the step is done; of how much, unless that is unknown.
    func done(_ done: UInt64, of total: UInt64?) {
        show { progress, time in progress.text(done, of: total, now: time) }
    }

    /// A line that a program has printed in this step.
    func heard(_ line: ByteString) {
        show { progress, time in progress.elapsed(now: time).map { $0 + ", " + line } ?? line }
    }

    private func show(_ text: (Progress, Int64) -> ByteString) {
        let time = now()
        state.withLock { state in
            switch place {
            case .terminal:
                guard time &- (state.written ?? .min / 2) >= Self.shortest else { return }
                draw(state.step + ": " + text(state.progress, time), time, &state)
            case .plain:
                guard time &- state.said >= Self.longest else { return }
                state.said = time
                write(.line(state.step + ": " + text(state.progress, time)))
            case .nowhere: break
            }
        }
    }

    /// Removes the line from the terminal, before something else is written.
    func clear() {
        state.withLock { state in
            guard state.written != nil else { return }
            state.written = nil
            write(.cleared)
        }
    }

    private func draw(_ text: ByteString, _ time: Int64, _ state: inout State) {
        state.written = time
        write(.redrawn(text))
    }
}
