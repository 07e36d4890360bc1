public import Formats
internal import Host
internal import Notes

/// The engine that `docker run` and similar commands reach, and its volumes.
public struct ContainerEngine: Equatable, Sendable {
    let endpoint: Endpoint
    let hostTable: ByteString

    /// One page of the engine's volumes.
    public struct Volumes: Equatable, Sendable {
        /// The body of the answer: `{"Volumes": [...]}`.
        public let json: ByteString
        /// The newest API version of the engine; nil if it reported none.
        public let apiVersion: Version?
    }

    /// Determines the engine of a command from docker's files and the environment, without asking the engine. `docker`
    /// is the real CLI, `versions` stores what binaries reported. Throws if the engine is uncertain.
    public static func resolve(
        _ request: EngineRequest, environment: DockerEnvironment, docker: ByteString, versions: inout BinaryVersions,
        hostTable: ByteString = BuildTarget.SystemFiles.standard.hostTable, until deadline: Deadline = .never
    ) throws(EngineError) -> ContainerEngine {
        switch versions.docker(at: docker) {
        case .docker: break
        case .podman: throw EngineError(.dockerIsPodman)
        case .unknown: throw EngineError(.dockerVersionUnknown, docker)
        }
        let directory = try DockerConfiguration.directory(for: request, environment)
        let configuration = try DockerConfiguration.read(in: directory, until: deadline)
        let context = try DockerContext.resolve(request, environment, configuration, until: deadline)
        return ContainerEngine(endpoint: context.endpoint, hostTable: hostTable)
    }

    /// The volumes with all of these labels ("name=value"); with `isDangling` only those that no container uses.
    public func volumes(labelled labels: [ByteString], isDangling: Bool = false) throws(EngineError) -> Volumes {
        var filters: [JSON.Member] = [JSON.Member(name: "label", value: .array(labels.map(JSON.string)))]
        if isDangling { filters.append(JSON.Member(name: "dangling", value: .array([.string("true")]))) }
        let query = JSON.object(filters).text.percentEncoded
        let answer = try EngineConnection.get("/volumes?filters=" + query, from: endpoint, hostTable: hostTable)
        return Volumes(json: ByteString(answer.body), apiVersion: answer.apiVersion)
    }

    /// Removes a volume that no container uses; returns whether the engine did so.
    public func removeVolume(_ name: ByteString) throws(EngineError) -> Bool {
        try EngineConnection.send("DELETE", "/volumes/" + name.percentEncoded, to: endpoint, hostTable: hostTable)
            .status == 204
    }

    /// The engine's description of a container; nil if there is none with this ID.
    func container(_ id: ByteString) throws(EngineError) -> JSON? {
        let answer = try EngineConnection.send(
            "GET", "/containers/" + id.percentEncoded + "/json", to: endpoint, hostTable: hostTable)
        if answer.status == 404 { return nil }
        guard answer.status == 200, let json = JSON(ByteString(answer.body)) else {
            throw EngineError(.engineAnswerUnreadable)
        }
        return json
    }

    /// The running containers that use the network of another one.
    func containers(inNetworkOf id: ByteString, named name: ByteString) throws(EngineError) -> [ByteString] {
        let answer = try EngineConnection.get("/containers/json", from: endpoint, hostTable: hostTable)
        guard let list = JSON(ByteString(answer.body))?.array else { throw EngineError(.engineAnswerUnreadable) }
        return list.compactMap { container in
            guard let mode = container[field: "HostConfig"]?[field: "NetworkMode"]?.string,
                mode.hasPrefix("container:"),
                [id, name].contains(mode.dropFirst(10))
            else { return nil }
            return container[field: "Id"]?.string
        }
    }

    /// Whether a container has a file at this path.
    func hasFile(_ path: ByteString, in id: ByteString) throws(EngineError) -> Bool {
        let query = "/containers/" + id.percentEncoded + "/archive?path=" + path.percentEncoded
        return try EngineConnection.send("HEAD", query, to: endpoint, hostTable: hostTable).status == 200
    }

    /// Identifies the engine at this address, so that another one at the same address is noticed: the socket's device,
    /// inode and change time. Nil if nothing would show the difference.
    var socketIdentity: [ByteString]? {
        guard case .unix(let path) = endpoint, let status = try? Files.status(path) else { return nil }
        return [status.device, status.inode].map { ByteString(decimal: $0) } + [ByteString(decimal: status.changed)]
    }
}
