public import Formats

/// Where an engine listens.
public enum Endpoint: Equatable, Sendable {
    /// A unix socket.
    case unix(ByteString)
    /// Plain HTTP over TCP. The host is an address, or a name in /etc/hosts.
    case tcp(host: ByteString, port: UInt16)
    /// A kind of connection that Slipway does not support.
    case notAsked(Way)

    /// A kind of connection that Slipway does not support.
    public enum Way: ByteString, Equatable, Sendable {
        case ssh
        case tls = "TLS"
        case namedPipe = "npipe"
        case fileDescriptor = "fd"
        case nameService = "a name that is not in /etc/hosts"
        case other = "another scheme"
    }
}

extension Endpoint.Way {
    /// Its name in the note about it.
    public var name: ByteString { rawValue }
}

/// An engine's address in docker's format.
struct HostAddress: Equatable {
    /// The address with docker's defaults filled in: the key under which buildx stores the choice of `buildx use`.
    let text: ByteString
    /// The endpoint for the address.
    let endpoint: Endpoint

    static let defaultSocket: ByteString = "/var/run/docker.sock"

    /// The address of the default context, from `-H` or DOCKER_HOST; nil if docker refuses it, or if only Go's URL
    /// parser could parse it.
    ///
    /// Source: docker/cli opts/hosts.go, ParseHost and parseDockerDaemonHost.
    init?(parsing value: ByteString, tls: Bool) {
        let address = value.trimmed
        guard !address.isEmpty else {
            self = tls ? .tcp("localhost", 2376, tls: true) : .unix(Self.defaultSocket)
            return
        }
        let (scheme, rest) = address.cutScheme ?? ("tcp", address)
        switch scheme {
        case "tcp":
            guard let (host, port) = Self.hostAndPort(rest) else { return nil }
            self = .tcp(host, port, tls: tls)
        case "unix":
            guard rest.cutScheme == nil else { return nil }
            self = .unix(rest.isEmpty ? Self.defaultSocket : rest)
        case "npipe": self.init(text: address, endpoint: .notAsked(.namedPipe))
        case "fd": self.init(text: address, endpoint: .notAsked(.fileDescriptor))
        case "ssh": self.init(text: address, endpoint: .notAsked(.ssh))
        default: return nil
        }
    }

    private init(text: ByteString, endpoint: Endpoint) {
        self.text = text
        self.endpoint = endpoint
    }

    private static func unix(_ path: ByteString) -> HostAddress {
        // Unix sockets never use TLS: docker/cli cli/context/docker/load.go, isSocket.
        HostAddress(text: "unix://" + path, endpoint: .unix(path))
    }

    private static func tcp(_ host: ByteString, _ port: UInt16, tls: Bool) -> HostAddress {
        let bracketed = host.contains(":") ? "[" + host + "]" : host
        return HostAddress(
            text: "tcp://" + bracketed + ":" + ByteString(decimal: port),
            endpoint: tls ? .notAsked(.tls) : .tcp(host: host, port: port)
        )
    }

    /// Splits "host:port", with docker's defaults for missing parts. Also nil for paths, credentials and escapes.
    ///
    /// Source: docker/cli opts/hosts.go, ParseTCPAddr.
    static func hostAndPort(_ address: ByteString) -> (host: ByteString, port: UInt16)? {
        var host = address
        var port: ByteString = ""
        if address.hasPrefix("[") {
            guard let (inside, after) = address.dropFirst(1).cut(at: "]"), after.hasPrefix(":"), inside.contains(":")
            else {
                return nil
            }
            (host, port) = (inside, after.dropFirst(1))
        } else if let (before, after) = address.cut(at: ":") {
            guard !after.contains(":") else { return nil }
            (host, port) = (before, after)
        }
        guard host.bytes.allSatisfy(isHostByte) else { return nil }
        guard !port.isEmpty else { return (host.isEmpty ? "localhost" : host, 2375) }
        guard let number = port.decimal, let small = UInt16(exactly: number), small > 0, !port.hasPrefix("0") else {
            return nil
        }
        return (host.isEmpty ? "localhost" : host, small)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }
}

extension ByteString {
    /// The parts before and after the first "://".
    var cutScheme: (scheme: ByteString, rest: ByteString)? {
        guard let range = range(of: "://") else { return nil }
        return (prefix(range.lowerBound), dropFirst(range.upperBound))
    }
}
