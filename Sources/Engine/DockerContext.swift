public import Formats
internal import Host
internal import Notes

/// The docker context that a command runs in.
public struct DockerContext: Equatable, Sendable {
    /// Its name; "default" for the one that is not stored in a file.
    public let name: ByteString
    /// Where its engine listens.
    public let endpoint: Endpoint
    /// The key under which `buildx use` remembers a builder for it.
    ///
    /// Source: docker/buildx util/dockerutil/context.go, GetCurrentEndpoint.
    public let builderKey: ByteString

    static let defaultName: ByteString = "default"

    /// The name of the context in which a command runs.
    ///
    /// Source: docker/cli cli/command/cli.go, Initialize and resolveContextName; getServerHost for several hosts.
    static func name(
        for request: EngineRequest, _ environment: DockerEnvironment, _ configuration: DockerConfiguration
    ) throws(EngineError) -> ByteString {
        let named = request.context.unlessEmpty
        guard request.hosts.count <= 1, named == nil || request.hosts.isEmpty else {
            throw EngineError(.conflictingEndpoints)
        }
        if let named { return named }
        if !request.hosts.isEmpty || environment.host != nil { return defaultName }
        return environment.context ?? configuration.currentContext ?? defaultName
    }

    /// Finds the context of a command.
    public static func resolve(
        _ request: EngineRequest, _ environment: DockerEnvironment, _ configuration: DockerConfiguration,
        until deadline: Deadline = .never
    ) throws(EngineError) -> DockerContext {
        let name = try name(for: request, environment, configuration)
        guard name != defaultName else { return try .default(request, environment) }
        let contexts = configuration.directory.appending(path: "contexts")
        let identifier = SHA256.hexDigest(of: name)
        let path = contexts.appending(path: "meta/" + identifier + "/meta.json")
        guard let text = try ConfigurationFile.read(path, limit: 1 << 20) else {
            throw EngineError(.contextUnknown, name)
        }
        guard let metadata = ContextMetadata(text, until: deadline) else {
            throw EngineError(.dockerConfigUnreadable, path)
        }
        // Buildx goes by the names inside the files.
        guard metadata.name == name else { throw EngineError(.contextUnknown, name) }
        let hasTLSFiles = !Files.isMissing(contexts.appending(path: "tls/" + identifier), followLinks: true)
        return DockerContext(name: name, endpoint: metadata.endpoint(hasTLSFiles: hasTLSFiles), builderKey: name)
    }

    /// The default context, made from flags and variables.
    ///
    /// Source: docker/cli cli/command/cli.go, resolveDefaultDockerEndpoint; cli/flags/options.go, SetDefaultOptions.
    private static func `default`(
        _ request: EngineRequest, _ environment: DockerEnvironment
    ) throws(EngineError) -> DockerContext {
        let value = request.hosts.first ?? environment.host ?? ""
        guard let address = HostAddress(parsing: value, tls: usesTLS(request, environment)) else {
            throw EngineError(.endpointInvalid)
        }
        return DockerContext(name: defaultName, endpoint: address.endpoint, builderKey: address.text)
    }

    /// Whether flags and variables enable TLS. Even `--tlsverify=false` does: it only disables verification.
    ///
    /// Source: docker/cli cli/flags/options.go, InstallFlags and SetDefaultOptions.
    static func usesTLS(_ request: EngineRequest, _ environment: DockerEnvironment) -> Bool {
        request.tlsVerify != nil || environment.hasTLSVerify || request.tls ?? environment.hasTLS
    }
}

/// A context's meta.json.
struct ContextMetadata: Equatable {
    let name: ByteString
    let host: ByteString
    let skipsTLSVerification: Bool

    /// Nil for a text that docker would refuse, or that has no docker endpoint.
    ///
    /// Source: docker/cli cli/context/store/metadatastore.go, getByID; cli/context/docker/load.go, EndpointFromContext.
    init?(_ text: ByteString, until deadline: Deadline = .never) {
        guard let json = JSON(text, until: deadline), let name = json.stringField("Name"),
            let endpoint = json[field: "Endpoints"]?[key: "docker"], endpoint.members != nil,
            let host = endpoint.stringField("Host"), let skips = endpoint.boolField("SkipTLSVerify")
        else { return nil }
        self.name = name
        self.host = host
        self.skipsTLSVerification = skips
    }

    /// Where the context's engine listens. Unlike with `-H`, docker uses the address as it is, and fills in only the
    /// socket.
    ///
    /// Source: docker/cli cli/context/docker/load.go, ClientOpts; moby client/client.go, ParseHostURL.
    func endpoint(hasTLSFiles: Bool) -> Endpoint {
        guard !host.isEmpty else { return .unix(HostAddress.defaultSocket) }
        guard let (scheme, rest) = host.cutScheme, !rest.isEmpty else { return .notAsked(.other) }
        switch scheme {
        case "unix": return .unix(rest)
        case "tcp":
            if hasTLSFiles || skipsTLSVerification { return .notAsked(.tls) }
            // Without a port Go's client would use the default port of HTTP.
            guard rest.cutLast(at: ":")?.after.isEmpty == false, let (host, port) = HostAddress.hostAndPort(rest) else {
                return .notAsked(.other)
            }
            return .tcp(host: host, port: port)
        case "ssh": return .notAsked(.ssh)
        case "npipe": return .notAsked(.namedPipe)
        case "fd": return .notAsked(.fileDescriptor)
        case "https": return .notAsked(.tls)
        default: return .notAsked(.other)
        }
    }
}
