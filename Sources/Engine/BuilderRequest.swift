public import Formats
internal import Host

/// The parts of a command line that determine its engine.
public struct EngineRequest: Equatable, Sendable {
    /// The value of `--config`; nil if not given.
    public var configDirectory: ByteString?
    /// The value of `--context`; nil if not given.
    public var context: ByteString?
    /// The values of every `--host`.
    public var hosts: [ByteString]
    /// The value of `--tls`; nil if not given.
    public var tls: Bool?
    /// The value of `--tlsverify`; nil if not given.
    public var tlsVerify: Bool?

    /// A command without any of these options except for those named.
    public init(
        configDirectory: ByteString? = nil, context: ByteString? = nil, hosts: [ByteString] = [], tls: Bool? = nil,
        tlsVerify: Bool? = nil
    ) {
        self.configDirectory = configDirectory
        self.context = context
        self.hosts = hosts
        self.tls = tls
        self.tlsVerify = tlsVerify
    }
}

/// The parts of a build's command line that determine where it runs.
public struct BuilderRequest: Equatable, Sendable {
    /// The kind of docker command that requested the build.
    public enum Route: Equatable, Sendable {
        /// `docker build`, `docker image build` and `docker builder build`: docker itself decides who builds.
        case dockerBuild
        /// `docker buildx build`, `docker buildx bake` and their aliases.
        case buildx
        /// `docker bake`: goes to buildx whatever DOCKER_BUILDKIT is, in every docker that has the command.
        case dockerBake
        /// This program runs in place of the plugin, in front of the given plugin file: docker has already decided.
        case plugin(ByteString)
    }

    /// The kind of docker command that requested the build.
    public var route: Route
    /// The requested engine.
    public var engine: EngineRequest
    /// The value of the last `--builder`; nil if not given.
    public var builder: ByteString?

    /// A build without a builder option except for the one named.
    public init(route: Route, engine: EngineRequest = EngineRequest(), builder: ByteString? = nil) {
        self.route = route
        self.engine = engine
        self.builder = builder
    }
}

/// The environment variables that determine where a build runs. To docker an empty variable is not set.
public struct DockerEnvironment: Equatable, Sendable {
    /// DOCKER_CONFIG
    public let configDirectory: ByteString?
    /// HOME
    public let home: ByteString?
    /// DOCKER_CONTEXT
    public let context: ByteString?
    /// DOCKER_HOST
    public let host: ByteString?
    /// DOCKER_BUILDKIT
    public let buildKit: ByteString?
    /// Whether DOCKER_TLS has any value; even "0" counts.
    public let hasTLS: Bool
    /// Whether DOCKER_TLS_VERIFY has any value.
    public let hasTLSVerify: Bool
    /// BUILDX_BUILDER
    public let builder: ByteString?
    /// BUILDX_CONFIG
    public let buildxDirectory: ByteString?

    /// From the values of the variables; nil if not set.
    public init(
        configDirectory: ByteString? = nil, home: ByteString? = nil, context: ByteString? = nil,
        host: ByteString? = nil, buildKit: ByteString? = nil, tls: ByteString? = nil, tlsVerify: ByteString? = nil,
        builder: ByteString? = nil, buildxDirectory: ByteString? = nil
    ) {
        self.configDirectory = configDirectory.unlessEmpty
        self.home = home.unlessEmpty
        self.context = context.unlessEmpty
        self.host = host.unlessEmpty
        self.buildKit = buildKit.unlessEmpty
        self.hasTLS = tls.unlessEmpty != nil
        self.hasTLSVerify = tlsVerify.unlessEmpty != nil
        self.builder = builder.unlessEmpty
        self.buildxDirectory = buildxDirectory.unlessEmpty
    }

    /// This process's own variables.
    public static func current() -> DockerEnvironment {
        let variable: (StaticString) -> ByteString? = Kernel.variable
        return DockerEnvironment(
            configDirectory: variable("DOCKER_CONFIG"),
            home: variable("HOME"),
            context: variable("DOCKER_CONTEXT"),
            host: variable("DOCKER_HOST"),
            buildKit: variable("DOCKER_BUILDKIT"),
            tls: variable("DOCKER_TLS"),
            tlsVerify: variable("DOCKER_TLS_VERIFY"),
            builder: variable("BUILDX_BUILDER"),
            buildxDirectory: variable("BUILDX_CONFIG")
        )
    }
}

extension ByteString? {
    /// The string, or nil if it is empty.
    var unlessEmpty: ByteString? { flatMap { $0.isEmpty ? nil : $0 } }
}
