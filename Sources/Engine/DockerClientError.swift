public import Formats

/// Why something could not be done with docker: what, where and what to do next, with docker's own message.
public struct DockerClientError: Error, Equatable, Sendable {
    /// Stable names, for programs. Callers define further ones.
    public struct Code: Equatable, Sendable {
        /// The name.
        public let name: ByteString

        /// From its name.
        public init(_ name: ByteString) { self.name = name }

        /// The arguments of a command, or a file that they name, cannot be used.
        public static let badRequest = Code("bad-request")
        /// There is no docker besides Slipway's, or it cannot be run.
        public static let dockerMissing = Code("docker-missing")
        /// No engine answers, or not as expected.
        public static let engineSilent = Code("engine-silent")
        /// No registry answers the engine.
        public static let registrySilent = Code("registry-silent")
        /// Ctrl-C, or another signal that ends programs.
        public static let interrupted = Code("interrupted")
    }

    /// The code.
    public let code: Code
    /// One sentence for people.
    public let message: ByteString
    /// What docker or the tool printed; may be empty or have several lines.
    public var words: ByteString
    /// What this run made but could not remove.
    public var left: [ByteString] = []
    /// The signal that ended it, if one did.
    public var signal: Int32?

    /// A failure and its message.
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

    /// Details for people, below the message: what docker printed, and what is left to do.
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

    /// 2 for wrong usage, 128 plus the signal's number for an interruption, otherwise 1.
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
