public import Formats

/// Why something could not be done with docker: what, where and what to do next, with docker's own words.
public struct DockerClientError: Error, Equatable, Sendable {
    /// Stable names, for programs. Whoever asks docker for something has more of them.
    public struct Code: Equatable, Sendable {
        /// The name.
        public let name: ByteString

        /// By its name.
        public init(_ name: ByteString) { self.name = name }

        /// The words of a command, or a file that they name, cannot be used.
        public static let badRequest = Code("bad-request")
        /// There is no docker besides Slipway's, or it cannot be run.
        public static let dockerMissing = Code("docker-missing")
        /// No engine answers, or not what was asked.
        public static let engineSilent = Code("engine-silent")
        /// Ctrl-C, or another signal that ends programs.
        public static let interrupted = Code("interrupted")
    }

    /// Which.
    public let code: Code
    /// One sentence for people.
    public let message: ByteString
    /// What docker or the tool said itself; may be empty or have several lines.
    public var words: ByteString
    /// What this run made and could not remove.
    public var left: [ByteString] = []
    /// The signal that ended it, if one did.
    public var signal: Int32?

    /// A failure and what was said.
    public init(_ code: Code, _ message: ByteString, words: ByteString = "") {
        self.code = code
        self.message = message
        self.words = words
    }

    /// Interrupted by a signal.
    public static func interrupted(by signal: Int32) -> DockerClientError {
        var failure = DockerClientError(.interrupted, "interrupted: nothing was published")
        failure.signal = signal
        return failure
    }

    /// For people, below the message: what docker said, and what is left to do.
    public var details: [ByteString] {
        var lines = words.isEmpty ? [] : words.split("\n").map { "  " + $0 }
        if !left.isEmpty {
            lines.append(
                "  could not be removed: " + left.joined(separator: " ") + "; `slipway trim --packages` does it later")
        }
        return lines
    }

    /// The same on one line.
    public var line: ByteString { ([message] + details.map(\.trimmed)).joined(separator: "; ") }

    /// 2 for bad usage, 128 and the signal's number for an interruption, else 1.
    public var exitCode: Int32 {
        switch code {
        case .badRequest: 2
        case .interrupted: 128 + (signal ?? 2)
        default: 1
        }
    }

    /// Stable for programs.
    public var json: JSON {
        .object([
            "error": .object([
                "code": .string(code.name), "message": .string(message), "words": .string(words),
                "left": .array(left.map(JSON.string)),
            ])
        ])
    }
}
