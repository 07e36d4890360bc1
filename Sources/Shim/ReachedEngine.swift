internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Planning

/// The engine that one command reaches; resolved when it is first needed.
struct ReachedEngine {
    private let request: EngineRequest
    private let docker: Program
    private var versions: BinaryVersions
    private var found: Result<ContainerEngine, EngineError>?

    init(_ globals: GlobalOptions, docker: Program, for purpose: Decision.Purpose) {
        self.init(EngineRequest(globals), docker: docker, for: purpose)
    }

    init(_ request: EngineRequest, docker: Program, for purpose: Decision.Purpose) {
        self.request = request
        self.docker = docker
        versions = BinaryVersions.remembered(for: docker, purpose)
    }

    mutating func engine() throws(EngineError) -> ContainerEngine {
        if let found { return try found.get() }
        let result: Result<ContainerEngine, EngineError>
        do throws(EngineError) {
            result = .success(
                try ContainerEngine.resolve(
                    request, environment: .current(), docker: docker.path, versions: &versions))
        } catch {
            result = .failure(error)
        }
        found = result
        return try result.get()
    }

    /// The real docker, according to its own answer.
    mutating func program() -> DockerProgram { versions.docker(at: docker.path) }
}

extension BinaryVersions {
    /// What this user's shims have learned about programs.
    static func remembered(for docker: Program, _ purpose: Decision.Purpose) -> BinaryVersions {
        BinaryVersions(file: Locations.state?.appending(path: "versions"), isWriting: purpose == .acting) {
            // A script that looks for the next docker must not loop forever, even if it is only asked for its version.
            EnvironmentChange.apply(RealDocker.changes(for: docker), to: Kernel.environment)
        }
    }
}

extension EngineMemory {
    /// How this user's shims have asked engines.
    static func remembered(_ purpose: Decision.Purpose) -> EngineMemory {
        EngineMemory(file: Locations.state?.appending(path: "engines"), isWriting: purpose == .acting)
    }
}

extension EngineRequest {
    /// From a command line's global options.
    init(_ globals: GlobalOptions) {
        self.init(
            configDirectory: globals.configDirectory, context: globals.context, hosts: globals.hosts, tls: globals.tls,
            tlsVerify: globals.tlsVerify)
    }
}
