internal import DockerCommandLine
public import Formats

/// A build whose image can be compared with what the engine has: the words of each of its runs.
public struct ComparedBuild: Equatable, Sendable {
    /// The formats of manifests, which is all that differs between them.
    public enum MediaTypes: ByteString, Sendable {
        /// Those that a containerd image store gets from buildx.
        case oci = "true"
        /// Those that a classic store gets.
        case docker = "false"
    }

    /// The command line as it was typed, the program's name first.
    public let words: [ByteString]
    /// Docker's own options before the command.
    public let globals: [ByteString]
    /// The words from there to the command word, such as "build" or "buildx", "build".
    private let command: [ByteString]
    private let options: [Scan.Occurrence]
    private let context: ByteString
    private let commandWordIndex: Int
    /// The image's names.
    public let tags: [ByteString]
    /// Whether only the image's identifier is printed.
    public let isQuiet: Bool
    /// The user's `--iidfile`.
    public let identifierFile: ByteString?
    /// The user's `--metadata-file`.
    public let metadataFile: ByteString?
    /// The user's `--platform`.
    public let platform: ByteString?

    /// Nil without exactly one context.
    init?(_ build: BuildInvocation, _ words: [ByteString]) {
        guard let context = build.context, words.indices.contains(build.commandWordIndex),
            let first = (try? Scan(words, from: 1, table: .docker))?.positionals.first,
            (1...build.commandWordIndex).contains(first)
        else { return nil }
        self.words = words
        self.context = context
        globals = Array(words[1..<first])
        command = Array(words[first...build.commandWordIndex])
        commandWordIndex = build.commandWordIndex
        options = build.scan.occurrences
        tags = build.tags
        isQuiet = build.isSet("quiet")
        identifierFile = build.lastValue(named: "iidfile").flatMap { $0.isEmpty ? nil : $0 }
        metadataFile = build.lastValue(named: "metadata-file").flatMap { $0.isEmpty ? nil : $0 }
        platform = build.platforms.last.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Builds, and leaves the image in the builder. To be run with the user's own terminal, after `globals`.
    public func building(metadata: ByteString, _ types: MediaTypes) -> [ByteString] {
        command + kept(without: ["load", "metadata-file"])
            + [Self.output(types), "--provenance=false", "--metadata-file=" + metadata, "--", context]
    }

    /// The same build, which is cached now, and from which the builder pushes what the registry lacks.
    public func pushing(to registry: ByteString, metadata: ByteString, _ types: MediaTypes) -> [ByteString] {
        let dropped: Set<ByteString> = ["load", "metadata-file", "iidfile", "tag", "quiet", "progress", "debug"]
        return command + kept(without: dropped)
            + [
                Self.output(types) + ",name=" + registry + ",push=true,push-by-digest=true", "--provenance=false",
                "--metadata-file=" + metadata, "--progress=plain", "--", context,
            ]
    }

    /// The command as it was typed, but that all of the image is loaded; the program's name first.
    public var whole: [ByteString] { words.inserting(["--load", "--provenance=false"], after: commandWordIndex) }

    /// Nothing of the image stays in the builder but its cache.
    private static func output(_ types: MediaTypes) -> ByteString {
        "--output=type=image,store=false,oci-mediatypes=" + types.rawValue
    }

    /// The user's options, all in the same spelling.
    private func kept(without dropped: Set<ByteString>) -> [ByteString] {
        options.filter { !dropped.contains($0.row.longName) }.map { "--" + $0.row.longName + "=" + $0.value }
    }
}
