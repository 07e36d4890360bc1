public import Formats
public import Host

/// One run of docker's command line.
public struct DockerCall: Equatable, Sendable {
    /// How long it may take, and whether Ctrl-C stops it.
    public enum Patience: Sendable {
        /// A query: half a minute.
        case question
        /// Making or removing something: two minutes, and it is not stopped midway.
        case deed
        /// Real work: no limit.
        case work
        /// Moving an image: ten minutes, and ten seconds until the first line.
        case transfer
        /// Cleaning up: half a minute, even after Ctrl-C.
        case tidying
    }

    /// The arguments after "docker".
    public var words: [ByteString]
    /// Its standard input.
    public var input: ByteString
    /// See `Patience`.
    public var patience: Patience

    /// A call without input.
    public init(_ words: [ByteString], _ patience: Patience, input: ByteString = "") {
        self.words = words
        self.input = input
        self.patience = patience
    }
}

/// The result of a docker command.
public struct DockerAnswer: Equatable, Sendable {
    /// Its standard output.
    public var output: ByteString
    /// Its standard error.
    public var error: ByteString
    /// Its exit code; nil if a signal ended it.
    public var exitCode: Int32?

    /// An answer, for tests and test doubles.
    public init(output: ByteString = "", error: ByteString = "", exitCode: Int32? = 0) {
        self.output = output
        self.error = error
        self.exitCode = exitCode
    }

    /// Whether it succeeded.
    public var isGood: Bool { exitCode == 0 }

    /// Whether another process is already removing the container.
    ///
    /// Source: moby daemon/delete.go, ContainerRm: "removal of container NAME is already in progress".
    public var isRemovalInProgress: Bool { error.lowercasedASCII.range(of: "is already in progress") != nil }

    /// The non-empty lines of its standard output.
    public var lines: [ByteString] { output.split("\n").map(\.trimmed).filter { !$0.isEmpty } }

    /// Docker's own message: the last lines of its standard error.
    public var words: ByteString { Self.lastLines(of: error) }

    /// At most the last 20 non-empty lines, without colours and other control bytes.
    static func lastLines(of text: ByteString) -> ByteString {
        let lines = text.split("\n").map(\.trimmed.terminalSafe)
        return lines.filter { !$0.isEmpty }.suffix(20).joined(separator: "\n")
    }
}

/// An engine, reached through docker's command line.
public protocol EngineClient {
    /// Runs docker to its end; calls `line` with each line that it prints meanwhile. Throws if it cannot be run, takes
    /// too long, or is interrupted. A failing exit code does not throw.
    func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer

    /// Waits briefly before a retry.
    func pause()
}

extension EngineClient {
    /// Runs docker without reading its lines meanwhile.
    public func call(_ call: DockerCall) throws(DockerClientError) -> DockerAnswer {
        try self.call(call) { _, _ in }
    }

    /// The output of `docker volume inspect`, or of the same command for another noun, for some names; missing ones
    /// are left out.
    public func inspect(_ noun: ByteString, _ names: [ByteString]) throws(DockerClientError) -> [JSON] {
        var found: [JSON] = []
        // A command line has space for a few thousand names.
        for start in stride(from: 0, to: names.count, by: 500) {
            let answer = try call(DockerCall([noun, "inspect"] + names[start...].prefix(500), .question))
            let said = answer.error.lowercasedASCII
            // Docker prints what it found, and fails if something is missing.
            guard let some = JSON(answer.output)?.array,
                answer.isGood || said.range(of: "no such " + noun) != nil || said.range(of: "not found") != nil
            else {
                throw DockerClientError(
                    .engineSilent,
                    "the engine does not tell what its " + noun + "s are: see whether `docker version` answers",
                    words: answer.words)
            }
            found += some
        }
        return found
    }
}

/// The real client. It runs docker's own program, so that contexts, ssh and TLS work as they do for the user.
public struct DockerClient: EngineClient, Sendable {
    private let path: ByteString
    private let environment: [ByteString]
    /// Docker's own options, before the words of every call.
    public var globals: [ByteString] = []
    /// No call takes longer than this, in monotonic nanoseconds: for background work.
    public var deadline: Int64?

    /// The path of the real docker, and its environment.
    public init(path: ByteString, environment: [ByteString]) {
        self.path = path
        self.environment = environment
    }

    /// See `DockerCall.Patience.transfer`.
    var firstLine: Int64 = 10_000_000_000

    /// A third of a second.
    public func pause() { Clock.sleep(nanoseconds: 300_000_000) }

    /// See `EngineClient`. After Ctrl-C only cleaning up continues.
    public func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer {
        var subprocess = Subprocess(
            program: path, arguments: ["docker"] + globals + call.words, environment: environment)
        subprocess.input = call.input
        let seconds: Int64?
        switch call.patience {
        case .question, .tidying: seconds = 30
        case .deed: seconds = 120
        case .work: seconds = nil
        case .transfer: seconds = 600
        }
        subprocess.nanoseconds = seconds.map { $0 * 1_000_000_000 }
        if let deadline {
            let rest = max(0, deadline - Clock.monotonic)
            subprocess.nanoseconds = min(subprocess.nanoseconds ?? rest, rest)
        }
        subprocess.isStoppable = call.patience != .deed && call.patience != .tidying
        if call.patience != .tidying, let signal = DeferredSignals.waiting { throw .interrupted(by: signal) }
        var isAwaited = call.patience == .transfer
        let begun = Clock.monotonic
        do {
            let ending = try subprocess.run(
                while: { !isAwaited || Clock.monotonic &- begun < firstLine },
                line: {
                    isAwaited = false
                    line($0, $1)
                })
            return DockerAnswer(output: ending.output, error: ending.error, exitCode: ending.exitCode)
        } catch .interrupted where isAwaited && DeferredSignals.waiting == nil {
            throw DockerClientError(
                .registrySilent,
                "docker " + call.words.prefix(2).joined(separator: " ")
                    + " said nothing for ten seconds: see whether the registry answers")
        } catch .interrupted {
            throw .interrupted(by: DeferredSignals.waiting ?? 2)
        } catch .timedOut {
            throw DockerClientError(
                .engineSilent,
                "docker " + (call.words.first ?? "") + " took too long: see whether `docker version` answers")
        } catch {
            throw DockerClientError(.dockerMissing, "cannot run " + path + ": " + ByteString(error.description))
        }
    }
}
