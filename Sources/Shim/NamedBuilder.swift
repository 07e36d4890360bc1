public import DockerCommandLine
internal import Engine
public import Formats
public import Host
public import Notes

/// The builder that will run a build, according to the command line, docker's files and the environment.
public struct NamedBuilder: Equatable, Sendable {
    /// Its name.
    public let name: ByteString
    /// "docker", "docker-container", "kubernetes" or "remote".
    public let driver: ByteString

    /// Throws the reason if it is unknown.
    public init(of build: BuildInvocation, docker: Program) throws(Unknown) {
        let request = BuilderRequest(
            route: build.route == .buildx ? .buildx : .dockerBuild, engine: EngineRequest(build.globals),
            builder: build.builder)
        var versions = BinaryVersions.remembered(for: docker, .acting)
        switch BuildTarget.resolve(
            request, environment: .current(), docker: docker.path, versions: &versions, memory: .remembered(.acting))
        {
        case .untouched(let note): throw Unknown(note: note)
        case .buildx(let facts):
            name = facts.name
            driver = facts.driver
        }
    }

    /// The builder is unknown.
    public struct Unknown: Error {
        /// The reason.
        public let note: Note
    }
}
