internal import Formats
internal import Host
internal import Notes

/// Whether a shared builder would answer buildx. buildx itself waits 20 to 40 seconds for one that does not, and then fails.
struct BuilderProbe: Sendable {
    /// Of the command.
    let context: DockerContext
    let hostTable: ByteString
    /// Monotonic nanoseconds.
    var until: Int64

    /// In every BuildKit since 0.11, and answered without running programs, as ListWorkers is not.
    private static let method: ByteString = "/moby.buildkit.v1.Control/Info"

    /// Throws what keeps one BuildKit from answering.
    func ask(_ node: BuilderInstance.Node, of instance: BuilderInstance) throws(EngineError) {
        switch instance.driver {
        case "remote": try askRemote(node)
        case "docker-container": try askContainer(of: node)
        default: throw EngineError(.endpointNotAsked, instance.driver)
        }
    }

    private func askRemote(_ node: BuilderInstance.Node) throws(EngineError) {
        let socket = try connect(to: node.endpoint)
        if node.usesTLS {
            try greet(over: socket, name: node.options["servername"] ?? Self.host(of: node.endpoint))
        } else {
            _ = try EngineConnection.callDirectly(Self.method, [], over: socket, until: until)
        }
    }

    private func connect(to endpoint: ByteString) throws(EngineError) -> Socket {
        let left = until &- Clock.monotonic
        guard left > 0 else { throw EngineError(.engineSilent, "timed out") }
        do throws(Errno) {
            guard let (scheme, rest) = endpoint.cutScheme else { throw .invalid }
            switch scheme {
            case "unix": return try Socket.unix(rest, within: left)
            case "tcp":
                guard rest.cutLast(at: ":")?.after.isEmpty == false, let (host, port) = HostAddress.hostAndPort(rest)
                else { throw .invalid }
                do throws(Errno) {
                    return try Socket.tcp(host, port: port, within: left)
                } catch .invalid {
                    return try connect(toName: host, port)
                }
            default: throw .invalid
            }
        } catch .invalid {
            throw EngineError(.endpointNotAsked, endpoint)
        } catch {
            throw EngineError(.engineSilent, ByteString(error.description))
        }
    }

    /// A static program has no name service of its own.
    private static let nameService: ByteString = "/usr/bin/getent"
    private static let mostAddresses = 4

    private func connect(toName name: ByteString, _ port: UInt16) throws(Errno) -> Socket {
        var failure = Errno.timedOut
        for address in try addresses(of: name).prefix(Self.mostAddresses) {
            let left = until &- Clock.monotonic
            guard left > 0 else { break }
            do throws(Errno) {
                return try Socket.tcp(address, port: port, within: left)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func addresses(of name: ByteString) throws(Errno) -> [ByteString] {
        let text = (try? Files.read(hostTable, limit: 1 << 20)) ?? ""
        let known = HostTable.addresses(of: name, in: text)
        guard known.isEmpty, !name.hasPrefix("-") else { return known }
        let left = until &- Clock.monotonic
        guard left > 0 else { throw .timedOut }
        let answer = try Execution.ask(
            Self.nameService, arguments: ["getent", "ahosts", name], nanoseconds: left, limit: 16_384)
        var found: [ByteString] = []
        for line in answer.output.split("\n") {
            guard let (address, _) = line.cut(at: " "), !found.contains(address) else { continue }
            found.append(address)
        }
        return found
    }

    private static func host(of endpoint: ByteString) -> ByteString {
        endpoint.cutScheme.flatMap { HostAddress.hostAndPort($0.rest)?.host } ?? ""
    }

    /// Whether a TLS server goes on with a handshake. Whom it trusts only buildx finds out; `slipway builder check` has seen that once.
    private func greet(over socket: borrowing Socket, name: ByteString) throws(EngineError) {
        do throws(Errno) {
            try socket.send(ByteString(TLSGreeting.bytes(for: name, random: Kernel.randomBytes(32))), until: until)
            let answer = try socket.receive(upTo: 1, until: until)
            guard answer.first == TLSGreeting.handshake else { throw .invalid }
        } catch {
            throw EngineError(.engineSilent, "TLS: " + ByteString(error.description))
        }
    }

    /// Whether the container that buildx made for a node runs: it starts one that does not, which takes long.
    ///
    /// Source: docker/buildx driver/manager.go, GetDriver (the prefix); driver/docker-container/driver.go.
    private func askContainer(of node: BuilderInstance.Node) throws(EngineError) {
        let engine: Endpoint
        if let (scheme, rest) = node.endpoint.cutScheme {
            guard let address = HostAddress(parsing: scheme + "://" + rest, tls: false) else {
                throw EngineError(.endpointInvalid, node.endpoint)
            }
            engine = address.endpoint
        } else if node.endpoint == context.name {
            engine = context.endpoint
        } else {
            // Another context's engine may build for another architecture, and has its own TLS.
            throw EngineError(.endpointNotAsked, node.endpoint)
        }
        let left = until &- Clock.monotonic
        guard left > 0 else { throw EngineError(.engineSilent, "timed out") }
        let path = "/containers/buildx_buildkit_" + node.name.percentEncoded + "/json"
        let answer = try EngineConnection.get(path, from: engine, hostTable: hostTable, within: left)
        guard JSON(ByteString(answer.body))?[field: "State"]?[field: "Running"]?.bool == true else {
            throw EngineError(.engineSilent, "its container does not run")
        }
    }
}

/// The first message of TLS: enough of one that a server answers with a handshake of its own.
enum TLSGreeting {
    /// The kind of record that a server goes on with; 21 is an alert.
    static let handshake: UInt8 = 22

    /// Source: RFC 8446, 4.1.2 and 5.1. TLS 1.3 without a key, for which the server asks, or 1.2.
    static func bytes(for name: ByteString, random: [UInt8]) -> [UInt8] {
        let suites: [UInt8] = [0x13, 0x01, 0x13, 0x03, 0x13, 0x02, 0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x2C, 0xC0, 0x30]
        var extensions: [UInt8] = []
        func add(_ kind: UInt16, _ content: [UInt8]) { extensions += sized(UInt16(kind)) + list(content) }
        // An address is no name.
        if name.bytes.contains(where: \.isLetter), !name.contains(":") { add(0, list([0] + list(name.bytes))) }
        add(10, list([0x00, 0x1D, 0x00, 0x17, 0x00, 0x18]))
        add(11, [1, 0])
        add(
            13,
            list([
                0x04, 0x03, 0x08, 0x04, 0x04, 0x01, 0x05, 0x03, 0x08, 0x05, 0x05, 0x01, 0x08, 0x06, 0x06, 0x01, 0x08,
                0x07,
            ]))
        add(16, list([2] + ByteString("h2").bytes))
        add(43, [4, 0x03, 0x04, 0x03, 0x03])
        add(51, list([]))
        let hello = [0x03, 0x03] + random.prefix(32) + [0] + list(suites) + [1, 0] + list(extensions)
        let message: [UInt8] = [1, 0] + list(hello)
        return [handshake, 0x03, 0x01] + list(message)
    }

    private static func sized(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
    private static func list(_ content: [UInt8]) -> [UInt8] { sized(UInt16(clamping: content.count)) + content }
}
