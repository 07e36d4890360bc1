public import Formats

/// Why something about package caches could not be done: what, where and what to do next, with docker's own words.
public struct WarmFailure: Error, Equatable, Sendable {
    /// Stable names, for programs.
    public enum Code: ByteString, CaseIterable, Sendable {
        case badRequest = "bad-request"
        case modeOff = "mode-off"
        case dockerMissing = "docker-missing"
        case engineSilent = "engine-silent"
        case engineNotLinux = "engine-not-linux"
        case engineTooOld = "engine-too-old"
        case builderNotMade = "builder-not-made"
        case builderFailed = "builder-failed"
        case programMissing = "program-missing"
        case toolMissing = "tool-missing"
        case toolWrong = "tool-wrong"
        case toolFailed = "tool-failed"
        case noRoom = "no-room"
        case nothingKept = "nothing-kept"
        case volumeNotMade = "volume-not-made"
        case volumeForeign = "volume-foreign"
        case probeFailed = "probe-failed"
        case interrupted = "interrupted"

        /// In one sentence, for docs/package-caches.md.
        var meaning: String {
            switch self {
            case .badRequest: "the words after `slipway warm`, or a file that they name, cannot be used"
            case .modeOff: "the setting package-cache.mode is off"
            case .dockerMissing: "there is no docker besides Slipway's, or it cannot be run"
            case .engineSilent: "no engine answers, or not what was asked"
            case .engineNotLinux: "the engine does not run Linux containers"
            case .engineTooOld: "the engine's API is older than 1.45, so its containers get no views"
            case .builderNotMade:
                "docker does not make a container from the image: it is not there, or a --run-arg is wrong"
            case .builderFailed: "the builder container ended before it was done: the engine, its disk or its memory"
            case .programMissing: "the image has no shell program that fetching needs"
            case .toolMissing: "the image has no such tool"
            case .toolWrong: "the image has a version of the tool whose cache is not known"
            case .toolFailed:
                "the tool failed: a package that does not exist, an index that does not answer, a wrong hash"
            case .noRoom: "nothing can be written in the builder container: the engine's disk is full"
            case .nothingKept: "the tools kept nothing in their caches"
            case .volumeNotMade: "the engine did not make a volume"
            case .volumeForeign: "a volume of that name exists and is not Slipway's, or a layer is gone"
            case .probeFailed: "trying a view failed, and not for the view's sake"
            case .interrupted: "Ctrl-C, or another signal that ends programs"
            }
        }
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
    static func interrupted(by signal: Int32) -> WarmFailure {
        var failure = WarmFailure(.interrupted, "interrupted: nothing was published")
        failure.signal = signal
        return failure
    }

    /// All of it for people.
    public var text: ByteString {
        var text = message
        if !words.isEmpty { text += "\n  " + words.split("\n").joined(separator: "\n  ") }
        if !left.isEmpty {
            text +=
                "\n  could not be removed: " + left.joined(separator: " ") + "; `slipway trim --packages` does it later"
        }
        return text
    }

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
                "code": .string(code.rawValue), "message": .string(message), "words": .string(words),
                "left": .array(left.map(JSON.string)),
            ])
        ])
    }
}
