public import Formats
public import Host

/// What docker and its plugins report about themselves. Asking costs 50 to 130 ms, so an answer is remembered for
/// exactly the file (device, inode, size and time) that gave it.
public struct BinaryVersions: Sendable {
    private let file: MemoryFile
    private let environment: @Sendable () -> [ByteString]
    private let patience: Int64
    private var entries: [Entry]?

    private static let hour: Int64 = 3_600_000_000_000
    private static let mostEntries = 16

    /// Stores answers in a file that no other user may write; with nil, or if that file cannot be used, every question
    /// is asked anew. Without `isWriting` it only reads the file. `environment` is the environment in which docker
    /// would run; called only if a program must be asked.
    public init(
        file: ByteString?, isWriting: Bool = true,
        environment: @escaping @Sendable () -> [ByteString] = { Kernel.environment }
    ) {
        // Generous: on a busy machine docker was seen to take 3 s to answer, and if it hangs, the command will hang,
        // too.
        self.init(file: file, isWriting: isWriting, environment: environment, patience: 10_000_000_000)
    }

    /// As above, waiting at most this many nanoseconds for an answer.
    init(
        file: ByteString?, isWriting: Bool = true,
        environment: @escaping @Sendable () -> [ByteString] = { Kernel.environment }, patience: Int64
    ) {
        self.file = MemoryFile(path: file, isWriting: isWriting, mostLines: Self.mostEntries, longest: 16_384)
        self.environment = environment
        self.patience = patience
    }

    /// What the docker file at a path is.
    public mutating func docker(at path: ByteString) -> DockerProgram {
        let question = Question(subject: "docker", arguments: ["docker", "--version"])
        return answer(to: question, path, DockerProgram.init(remembered:), DockerProgram.init(answer:)) ?? .unknown
    }

    /// What the buildx file at a path is.
    public mutating func buildx(at path: ByteString) -> BuildxProgram {
        let question = Question(subject: "buildx", arguments: ["docker-buildx", "docker-cli-plugin-metadata"])
        return answer(to: question, path, BuildxProgram.init(remembered:), BuildxProgram.init(answer:)) ?? .broken
    }

    /// The version of the compose plugin at a path; nil if it reports none.
    public mutating func compose(at path: ByteString) -> Version? {
        let question = Question(subject: "compose", arguments: ["docker-compose", "docker-cli-plugin-metadata"])
        let answer = answer(to: question, path, BuildxProgram.init(remembered:), BuildxProgram.init(answer:))
        guard case .plugin(let version) = answer else { return nil }
        return version
    }

    private struct Question {
        let subject: ByteString
        let arguments: [ByteString]
    }

    /// Nil if the file could not be asked: that is not remembered, because the next call may succeed.
    private mutating func answer<Program: RememberedProgram>(
        to question: Question, _ path: ByteString,
        _ remembered: (ByteString) -> Program?, _ parse: (Execution.Answer) -> Program
    ) -> Program? {
        guard let status = try? Files.status(path) else { return nil }
        let known = entries ?? load()
        entries = known
        let now = Clock.now
        let identity = Entry.identity(question.subject, status)
        if let entry = known.first(where: { $0.identity == identity && $0.isBelieved(at: now) }),
            let program = remembered(entry.answer)
        {
            return program
        }
        guard let said = ask(path, question.arguments) else { return nil }
        let program = parse(said)
        // A program that a signal ended may answer the next time.
        guard program.isCertain || said.exitCode != nil else { return program }
        let isLasting = program.isCertain && Self.standsForItself(path)
        let entry = Entry(
            identity: identity, learned: now, until: isLasting ? 0 : now &+ Self.hour, answer: program.remembered)
        save([entry] + known.filter { $0.identity != identity })
        return program
    }

    private func ask(_ path: ByteString, _ arguments: [ByteString]) -> Execution.Answer? {
        // This variable makes a plugin believe that docker started it, and answer differently.
        let entries = environment().filter { !$0.hasPrefix("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=") }
        return try? Execution.ask(
            path, arguments: arguments, environment: .entries(entries), nanoseconds: patience, limit: 65_536)
    }

    /// Whether its behaviour depends only on the file: it is not a script, and not a launcher that goes by the name
    /// of its link.
    private static func standsForItself(_ path: ByteString) -> Bool {
        guard let real = try? Files.realPath(path), real.lastPathComponent.hasPrefix("docker"),
            let file = try? Descriptor.open(real), let start = try? file.read(upTo: 4)
        else { return false }
        return start == [0x7F] + Array("ELF".utf8)
    }

    // MARK: - The file

    private func load() -> [Entry] { file.lines().compactMap(Entry.init(line:)) }

    private mutating func save(_ entries: [Entry]) {
        self.entries = Array(entries.prefix(Self.mostEntries))
        file.replace(with: entries.map(\.line))
    }

    /// One line: subject, device, inode, size, change time, when the answer was obtained, until when it is valid, the
    /// answer.
    struct Entry: Equatable, Sendable {
        let identity: [ByteString]
        let learned: Int64
        /// 0 for as long as the file stays the same.
        let until: Int64
        let answer: ByteString

        static func identity(_ subject: ByteString, _ status: FileStatus) -> [ByteString] {
            [
                subject, ByteString(decimal: status.device), ByteString(decimal: status.inode),
                ByteString(decimal: status.size), ByteString(decimal: status.modified),
            ]
        }

        init(identity: [ByteString], learned: Int64, until: Int64, answer: ByteString) {
            self.identity = identity
            self.learned = learned
            self.until = until
            self.answer = answer
        }

        init?(line: ByteString) {
            let fields = line.split(" ")
            guard fields.count == 8, let learned = Int64(fields[5].lossy), let until = Int64(fields[6].lossy) else {
                return nil
            }
            self.init(identity: Array(fields[..<5]), learned: learned, until: until, answer: fields[7])
        }

        var line: ByteString {
            (identity + [ByteString(decimal: learned), ByteString(decimal: until), answer]).joined(separator: " ")
        }

        /// A clock that was set back must not extend the validity.
        func isBelieved(at now: Int64) -> Bool { until == 0 || (learned <= now && now < until) }
    }
}

/// An answer that fits into one word.
private protocol RememberedProgram {
    var remembered: ByteString { get }
    /// Whether the program reported what it is. If it was silent, the cause may be temporary.
    var isCertain: Bool { get }
}

extension DockerProgram: RememberedProgram {
    fileprivate init(answer: Execution.Answer) {
        self = answer.exitCode ?? 0 == 0 ? DockerProgram(printed: answer.output) : .unknown
    }

    init?(remembered word: ByteString) {
        switch word {
        case "podman": self = .podman
        case "unknown": self = .unknown
        default:
            guard let version = Version(parsing: word) else { return nil }
            self = .docker(version)
        }
    }

    var remembered: ByteString {
        switch self {
        case .docker(let version): version.text
        case .podman: "podman"
        case .unknown: "unknown"
        }
    }

    var isCertain: Bool { self != .unknown }
}

extension BuildxProgram: RememberedProgram {
    fileprivate init(answer: Execution.Answer) {
        self = answer.exitCode ?? 0 == 0 ? BuildxProgram(metadata: answer.output) : .broken
    }

    init?(remembered word: ByteString) {
        switch word {
        case "unnumbered": self = .plugin(nil)
        case "broken": self = .broken
        default:
            guard let version = Version(parsing: word) else { return nil }
            self = .plugin(version)
        }
    }

    var remembered: ByteString {
        switch self {
        case .plugin(let version): version?.text ?? "unnumbered"
        case .broken: "broken"
        }
    }

    var isCertain: Bool { self != .broken }
}
