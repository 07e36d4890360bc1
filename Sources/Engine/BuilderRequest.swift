public import Formats
internal import Host

/// What a command line says about the engine it reaches.
public struct EngineRequest: Equatable, Sendable {
    /// The value of `--config`; nil when it is not given.
    public var configDirectory: ByteString?
    /// The value of `--context`; nil when it is not given.
    public var context: ByteString?
    /// The values of every `--host`.
    public var hosts: [ByteString]
    /// The value of `--tls`; nil when it is not given.
    public var tls: Bool?
    /// The value of `--tlsverify`; nil when it is not given.
    public var tlsVerify: Bool?

    /// A command without any of these options, save those named.
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

/// What one build's command line says about where it will run.
public struct BuilderRequest: Equatable, Sendable {
    /// By which of docker's commands a build was asked for.
    public enum Route: Equatable, Sendable {
        /// `docker build`, `docker image build` and `docker builder build`: docker itself decides who builds.
        case dockerBuild
        /// `docker buildx build`, `docker buildx bake` and their other names.
        case buildx
        /// `docker bake`: to buildx whatever DOCKER_BUILDKIT says, in every docker that has it.
        case dockerBake
        /// This program stands in the plugin's place, before the plugin file named: docker has decided already.
        case plugin(ByteString)
    }

    /// By which of docker's commands the build was asked for.
    public var route: Route
    /// Which engine is meant.
    public var engine: EngineRequest
    /// The value of the last `--builder`; nil when it is not given.
    public var builder: ByteString?

    /// A build without a builder of its own, save the one named.
    public init(route: Route, engine: EngineRequest = EngineRequest(), builder: ByteString? = nil) {
        self.route = route
        self.engine = engine
        self.builder = builder
    }
}

/// The variables by which the environment decides where a build will run. To docker an empty one is not set.
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
    /// Whether DOCKER_TLS has any value; "0" is one.
    public let hasTLS: Bool
    /// Whether DOCKER_TLS_VERIFY has any value.
    public let hasTLSVerify: Bool
    /// BUILDX_BUILDER
    public let builder: ByteString?
    /// BUILDX_CONFIG
    public let buildxDirectory: ByteString?

    /// From the values of the variables; nil for one that is not set.
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
    /// The string, or nil when it is empty.
    var unlessEmpty: ByteString? { flatMap { $0.isEmpty ? nil : $0 } }
}
