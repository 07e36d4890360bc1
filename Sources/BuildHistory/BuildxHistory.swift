public import Formats
internal import Host

/// BuildKit's history of builds, asked through buildx 0.21 and later: with a copy of its configuration, because any buildx
/// command for another engine resets the user's current builder.
public struct BuildxHistory: Sendable {
    /// How to reach the engine of a build.
    public struct Access: Equatable, Sendable {
        /// docker itself, past the shim, or the plugin where it was called by itself.
        public var docker: ByteString
        /// Its name, and the words before buildx's own command: "docker", options, "buildx".
        public var command: [ByteString]
        /// What docker is told by variables.
        public var environment: [ByteString]
        /// The user's buildx directory.
        public var configuration: ByteString

        /// Everything by name.
        public init(
            docker: ByteString, command: [ByteString], environment: [ByteString], configuration: ByteString
        ) {
            self.docker = docker
            self.command = command
            self.environment = environment
            self.configuration = configuration
        }
    }

    /// One build that buildx has noted.
    public struct Reference: Equatable, Sendable {
        /// The builder that ran it.
        public let builder: ByteString
        /// Its name in the history.
        public let id: ByteString
        /// When it began, in nanoseconds since 1970.
        public let began: Int64
        /// The context as buildx has it: an absolute path, an address, or "-".
        public let context: ByteString
        /// The Dockerfile as buildx has it: an absolute path, "-", or empty for the context's own.
        public var dockerfile: ByteString = ""
        /// bake's name for it, or "default"; empty where buildx has not noted it. A service's dots are underscores, as in bake.
        public let target: ByteString
    }

    /// Why there is nothing to tell.
    public enum HistoryError: Error, Equatable, Sendable {
        /// No build of the kind was noted.
        case noBuild
        /// buildx has no history: it is older than 0.21, or does not run.
        case noHistory(ByteString)
        /// The history does not know this build any more, or no step ran.
        case notKept
    }

    private let access: Access
    private static let most = 4096

    /// By how to reach the engine.
    public init(_ access: Access) { self.access = access }

    /// What buildx has noted, in the order in which it began. Source: docker/buildx localstate/localstate.go.
    public func references() -> [Reference] {
        let home = access.configuration.appending(path: "refs")
        var found: [Reference] = []
        func names(_ path: ByteString) -> [ByteString] { (try? Files.names(in: path, limit: Self.most)) ?? [] }
        for builder in names(home) {
            for node in names(home.appending(path: builder)) {
                let folder = home.appending(path: builder).appending(path: node)
                for id in names(folder) {
                    let path = folder.appending(path: id)
                    guard !id.hasPrefix("."), let status = try? Files.status(path), status.kind == .regular,
                        let text = try? Files.read(path, limit: 65_536), let json = JSON(text)
                    else { continue }
                    found.append(
                        Reference(
                            builder: builder, id: id, began: status.modified,
                            context: json[field: "LocalPath"]?.string ?? "",
                            dockerfile: json[field: "DockerfilePath"]?.string ?? "",
                            target: (json[field: "Target"]?.string ?? "").split(".").joined(separator: "_")))
                }
            }
        }
        return found.sorted { $0.began < $1.began }
    }

    /// The build that a command began at a time: of this context, with this Dockerfile if it is a file, and bake's target if it is
    /// one, the first that was noted since. Two that began within a moment of each other could be either: nil. `references` are
    /// those that are noted now.
    public static func reference(
        since time: Int64, context: ByteString, dockerfile: ByteString?, target: ByteString?,
        among references: [Reference]
    ) -> Reference? {
        let resolved = resolved(context)
        let names = [target ?? "default", ""]
        let later = references.filter {
            $0.began >= time && names.contains($0.target)
                && ($0.context == context || self.resolved($0.context) == resolved)
                && (target != nil || isMeant(dockerfile, by: $0))
        }
        guard let first = later.first else { return nil }
        return later.count > 1 && later[1].began &- first.began < 300_000_000 ? nil : first
    }

    /// A busy machine may be slow to begin the first of two builds of one context.
    private static func isMeant(_ dockerfile: ByteString?, by reference: Reference) -> Bool {
        guard let dockerfile else { return !reference.dockerfile.hasPrefix("/") }
        guard reference.dockerfile.isEmpty || reference.dockerfile.hasPrefix("/") else { return false }
        let noted =
            reference.dockerfile.isEmpty
            ? reference.context.appending(path: "Dockerfile") : reference.dockerfile
        // The file itself may be gone, or a link.
        return noted.lastPathComponent == dockerfile.lastPathComponent
            && resolved(noted.parentPath) == resolved(dockerfile.parentPath)
    }

    /// buildx takes the shell's own idea of where it stands, links and all.
    private static func resolved(_ path: ByteString) -> ByteString {
        path.hasPrefix("/") ? (try? Files.realPath(path)) ?? path : path
    }

    /// What became of a build.
    public func outcome(of reference: Reference) throws(HistoryError) -> BuildOutcome {
        guard let copy = try? CopiedConfiguration(of: access.configuration) else {
            throw .noHistory("its configuration cannot be copied")
        }
        defer { copy.remove() }
        var environment = access.environment
        environment.removeAll { $0.hasPrefix("BUILDX_CONFIG=") || $0.hasPrefix("BUILDX_BUILDER=") }
        environment.append("BUILDX_CONFIG=" + copy.path)
        let words = [
            "history", "logs", "--builder", reference.builder, "--progress", "rawjson", reference.id,
        ]
        let answer: Execution.Answer
        do throws(Errno) {
            answer = try Execution.ask(
                access.docker, arguments: access.command + words,
                environment: .entries(environment), nanoseconds: 30_000_000_000, limit: 64 << 20, joiningErrors: true)
        } catch {
            throw .noHistory(ByteString(error.description))
        }
        if let outcome = BuildOutcome(log: answer.output) { return outcome }
        if answer.output.range(of: "unknown command") != nil || answer.output.range(of: "unknown flag") != nil
            || answer.output.range(of: "Usage:") != nil
        {
            throw .noHistory("buildx is older than 0.21")
        }
        throw .notKept
    }
}

/// A copy of what buildx needs to find a builder, in a folder of its own.
private struct CopiedConfiguration {
    let path: ByteString

    init(of original: ByteString) throws(Errno) {
        path = try Files.makeTemporaryFolder(prefix: "slipway-buildx-")
        try? copy("current", from: original)
        for folder in ["instances", "defaults"] as [ByteString] {
            try Files.makeDirectory(path.appending(path: folder), mode: 0o700)
            for name in (try? Files.names(in: original.appending(path: folder), limit: 1024)) ?? [] {
                try? copy(folder + "/" + name, from: original)
            }
        }
    }

    private func copy(_ name: ByteString, from original: ByteString) throws(Errno) {
        let text = try Files.read(original.appending(path: name), limit: 1 << 20)
        let file = try Descriptor.open(path.appending(path: name), .create(mode: 0o600), followLinks: false)
        try file.write(text)
    }

    func remove() { try? Files.removeTree(path) }
}
