public import Formats
public import Host

/// One call of docker's command line.
public struct DockerCall: Equatable, Sendable {
    /// How long it may take, and whether Ctrl-C stops it.
    public enum Patience: Sendable {
        /// Half a minute: a question.
        case question
        /// Two minutes, and it is not stopped half way: what makes or removes something.
        case deed
        /// As long as it takes.
        case work
        /// Half a minute, also after Ctrl-C.
        case tidying
    }

    /// The words after "docker".
    public var words: [ByteString]
    /// What it reads.
    public var input: ByteString
    /// See `Patience`.
    public var patience: Patience

    /// A call with nothing to read.
    public init(_ words: [ByteString], _ patience: Patience, input: ByteString = "") {
        self.words = words
        self.input = input
        self.patience = patience
    }
}

/// What docker answered.
public struct DockerAnswer: Equatable, Sendable {
    /// Its standard output.
    public var output: ByteString
    /// Its standard error.
    public var error: ByteString
    /// Its exit code; nil when a signal ended it.
    public var exitCode: Int32?

    /// An answer, for tests and stand-ins.
    public init(output: ByteString = "", error: ByteString = "", exitCode: Int32? = 0) {
        self.output = output
        self.error = error
        self.exitCode = exitCode
    }

    /// Whether it ended with 0.
    public var isGood: Bool { exitCode == 0 }

    /// Whether somebody else is removing the container already.
    ///
    /// Source: moby daemon/delete.go, ContainerRm: "removal of container NAME is already in progress".
    public var isRemovalInProgress: Bool { error.lowercasedASCII.range(of: "is already in progress") != nil }

    /// The lines of its standard output that say something.
    public var lines: [ByteString] { output.split("\n").map(\.trimmed).filter { !$0.isEmpty } }

    /// Docker's own message: the last lines of its standard error.
    public var words: ByteString { Self.lastLines(of: error) }

    /// At most the last 20 lines with something in them, without colours and other control bytes.
    static func lastLines(of text: ByteString) -> ByteString {
        let lines = text.split("\n").map(\.trimmed.terminalSafe)
        return lines.filter { !$0.isEmpty }.suffix(20).joined(separator: "\n")
    }
}

/// An engine, reached through docker's command line.
public protocol EngineClient {
    /// Runs docker to its end; `line` hears what it says while it runs. Throws when it cannot be run, takes too long, or is
    /// interrupted: an exit code is an answer.
    func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer

    /// Waits a moment before something is tried again.
    func pause()
}

extension EngineClient {
    /// Runs docker without listening meanwhile.
    public func call(_ call: DockerCall) throws(DockerClientError) -> DockerAnswer {
        try self.call(call) { _, _ in }
    }

    /// What `docker volume inspect`, or that of another noun, says of some; those that are not there are left out.
    public func inspect(_ noun: ByteString, _ names: [ByteString]) throws(DockerClientError) -> [JSON] {
        var found: [JSON] = []
        // A command line has room for a few thousand names.
        for start in stride(from: 0, to: names.count, by: 500) {
            let answer = try call(DockerCall([noun, "inspect"] + names[start...].prefix(500), .question))
            let said = answer.error.lowercasedASCII
            // Docker prints what it found, and fails when something is missing.
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

/// The real one. It goes through docker's own program, so that contexts, ssh and TLS work as they do for the user.
public struct DockerClient: EngineClient, Sendable {
    private let path: ByteString
    private let environment: [ByteString]
    /// No call takes longer than until then, in monotonic nanoseconds: for what nobody waits for.
    public var deadline: Int64?

    /// The real docker's path and the environment it gets.
    public init(path: ByteString, environment: [ByteString]) {
        self.path = path
        self.environment = environment
    }

    /// A third of a second.
    public func pause() { Clock.sleep(nanoseconds: 300_000_000) }

    /// See `EngineClient`. After Ctrl-C only tidying up goes on.
    public func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer {
        var subprocess = Subprocess(program: path, arguments: ["docker"] + call.words, environment: environment)
        subprocess.input = call.input
        let seconds: Int64?
        switch call.patience {
        case .question, .tidying: seconds = 30
        case .deed: seconds = 120
        case .work: seconds = nil
        }
        subprocess.nanoseconds = seconds.map { $0 * 1_000_000_000 }
        if let deadline {
            let rest = max(0, deadline - Clock.monotonic)
            subprocess.nanoseconds = min(subprocess.nanoseconds ?? rest, rest)
        }
        subprocess.isStoppable = call.patience != .deed && call.patience != .tidying
        if call.patience != .tidying, let signal = DeferredSignals.waiting { throw .interrupted(by: signal) }
        do {
            let ending = try subprocess.run(line: line)
            return DockerAnswer(output: ending.output, error: ending.error, exitCode: ending.exitCode)
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
