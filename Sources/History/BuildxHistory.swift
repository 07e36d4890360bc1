public import Formats
internal import Host

/// BuildKit's history of builds, read through buildx 0.21 or later. It uses a copy of buildx's configuration, because
/// any buildx command for another engine resets the user's current builder.
public struct BuildxHistory: Sendable {
    /// How to reach the engine of a build.
    public struct Access: Equatable, Sendable {
        /// The real docker, not the shim, or the plugin if it was called directly.
        public var docker: ByteString
        /// Its name, and the words before buildx's own command: "docker", options, "buildx".
        public var command: [ByteString]
        /// Environment variables for docker.
        public var environment: [ByteString]
        /// The user's buildx directory.
        public var configuration: ByteString

        /// From named values.
        public init(
            docker: ByteString, command: [ByteString], environment: [ByteString], configuration: ByteString
        ) {
            self.docker = docker
            self.command = command
            self.environment = environment
            self.configuration = configuration
        }
    }

    /// A build that buildx has recorded.
    public struct Reference: Equatable, Sendable {
        /// The builder that executed it.
        public let builder: ByteString
        /// Its ID in the history.
        public let id: ByteString
        /// When it started, in nanoseconds since 1970.
        public let began: Int64
        /// The context as buildx records it: an absolute path, an address, or "-".
        public let context: ByteString
        /// The Dockerfile as buildx records it: an absolute path, "-", or empty for the context's own.
        public var dockerfile: ByteString = ""
        /// Its name in bake, or "default"; empty if buildx has not recorded it. Dots in a service's name become
        /// underscores, as in bake.
        public let target: ByteString
    }

    /// Why no outcome is available.
    public enum HistoryError: Error, Equatable, Sendable {
        /// No such build was recorded.
        case noBuild
        /// buildx has no history: it is older than 0.21, or does not run.
        case noHistory(ByteString)
        /// The history no longer has this build, or no step was executed.
        case notKept
    }

    private let access: Access
    private static let most = 4096

    /// With a way to reach the engine.
    public init(_ access: Access) { self.access = access }

    /// The builds that buildx has recorded, in the order in which they started. Source: docker/buildx
    /// localstate/localstate.go.
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

    /// The build that a command started at a given time: the first one recorded since then with this context, this
    /// Dockerfile if it is a file, and this bake target if there is one. nil if two builds started so close together
    /// that either could be meant. `references` are the present records.
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

    /// A busy machine may start the first of two builds of one context late.
    private static func isMeant(_ dockerfile: ByteString?, by reference: Reference) -> Bool {
        guard let dockerfile else { return !reference.dockerfile.hasPrefix("/") }
        guard reference.dockerfile.isEmpty || reference.dockerfile.hasPrefix("/") else { return false }
        let noted =
            reference.dockerfile.isEmpty
            ? reference.context.appending(path: "Dockerfile") : reference.dockerfile
        // The file itself may be gone, or be a link.
        return noted.lastPathComponent == dockerfile.lastPathComponent
            && resolved(noted.parentPath) == resolved(dockerfile.parentPath)
    }

    /// buildx uses the shell's idea of the working directory, including links.
    private static func resolved(_ path: ByteString) -> ByteString {
        path.hasPrefix("/") ? (try? Files.realPath(path)) ?? path : path
    }

    /// The outcome of a build.
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

/// A copy of what buildx needs to find a builder, in a separate folder.
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
