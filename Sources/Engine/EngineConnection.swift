internal import Formats
internal import Host
internal import Notes

/// One question to an engine, over its own socket.
enum EngineConnection {
    private static let connectPatience: Int64 = 200_000_000
    static let patience: Int64 = 1_000_000_000

    /// The answer to a GET. Throws what keeps a command from being sure of its engine: not asked, silent, unreadable.
    /// `meanwhile` runs once the question is on its way; its time is not counted as the engine's.
    static func get(
        _ path: ByteString, from endpoint: Endpoint, hostTable: ByteString, within nanoseconds: Int64 = patience,
        meanwhile: () -> Void = {}
    ) throws(EngineError) -> HTTPResponse {
        let response = try send(
            "GET", path, to: endpoint, hostTable: hostTable, within: nanoseconds, meanwhile: meanwhile)
        guard response.status == 200 else {
            throw EngineError(.engineAnswerUnreadable, "status " + ByteString(decimal: response.status))
        }
        return response
    }

    /// The answer to a request without a body, whatever its status.
    static func send(
        _ method: ByteString, _ path: ByteString, to endpoint: Endpoint, hostTable: ByteString,
        within nanoseconds: Int64 = patience, meanwhile: () -> Void = {}
    ) throws(EngineError) -> HTTPResponse {
        let start = Clock.monotonic
        let socket = try connect(
            to: endpoint, hostTable: hostTable, until: start &+ min(nanoseconds, connectPatience))
        return try exchange(method, path, over: socket, until: start &+ nanoseconds, meanwhile: meanwhile)
    }

    /// Connects to an engine; to a host by its name before a deadline, else within the patience for one address.
    static func connect(to endpoint: Endpoint, hostTable: ByteString, until deadline: Int64) throws(EngineError)
        -> Socket
    {
        switch endpoint {
        case .notAsked(let way): throw EngineError(.endpointNotAsked, way.name)
        case .unix(let path):
            do throws(Errno) {
                return try Socket.unix(path, within: connectPatience)
            } catch {
                throw EngineError(.engineSilent, ByteString(error.description))
            }
        case .tcp(let host, let port):
            do throws(Errno) {
                return try Socket.tcp(host, port: port, within: connectPatience)
            } catch .invalid {
                return try connect(toName: host, port, hostTable: hostTable, until: deadline)
            } catch {
                throw EngineError(.engineSilent, ByteString(error.description))
            }
        }
    }

    /// Tries every address of a name in turn, as Go does: a host's "localhost" may have two, and the engine but one.
    private static func connect(
        toName name: ByteString, _ port: UInt16, hostTable: ByteString, until deadline: Int64
    ) throws(EngineError) -> Socket {
        let text = try? Files.read(hostTable, limit: 1 << 20)
        let addresses = HostTable.addresses(of: name, in: text ?? "")
        guard !addresses.isEmpty else { throw EngineError(.endpointNotAsked, Endpoint.Way.nameService.name) }
        var failure = Errno.timedOut
        for address in addresses {
            let left = deadline &- Clock.monotonic
            guard left > 0 else { break }
            do throws(Errno) {
                return try Socket.tcp(address, port: port, within: left)
            } catch {
                failure = error
            }
        }
        throw EngineError(.engineSilent, ByteString(failure.description))
    }

    /// What an engine computes to answer `/info`. Whoever asks a quicker one may do so much meanwhile: what is known of a tree by then often
    /// saves seconds.
    private static let slowest: Int64 = 5_000_000

    /// What the BuildKit of an engine answers to one call, if the engine's greeting is to one's liking. `meanwhile` runs while BuildKit
    /// thinks; its time is not counted.
    static func call(
        _ method: ByteString, _ message: [UInt8], over socket: borrowing Socket, until deadline: Int64,
        if isWelcome: (HTTPResponse) -> Bool, meanwhile: () -> Void
    ) throws(EngineError) -> (greeting: HTTPResponse, message: [UInt8]) {
        var answer = BuildKitAnswer()
        do {
            try socket.send(BuildKitCall.greeting, until: deadline)
            while !answer.isUpgraded { try answer.receive(from: socket, until: deadline) }
            guard let greeting = answer.greeting, isWelcome(greeting) else { throw MalformedResponse() }
            try socket.send(BuildKitCall.request(method, message), until: deadline)
            let sent = Clock.monotonic
            socket.excusing(until: deadline, least: slowest, meanwhile)
            let deadline = deadline &+ (Clock.monotonic &- sent)
            while true {
                if let message = answer.message { return (greeting, message) }
                if answer.owesAcknowledgement {
                    try socket.send(BuildKitCall.acknowledgement, until: deadline)
                    answer.owesAcknowledgement = false
                }
                try answer.receive(from: socket, until: deadline)
            }
        } catch let error as Errno {
            throw EngineError(.engineSilent, ByteString(error.description))
        } catch {
            throw EngineError(.engineAnswerUnreadable)
        }
    }

    private static func exchange(
        _ method: ByteString, _ path: ByteString, over socket: borrowing Socket, until deadline: Int64,
        meanwhile: () -> Void
    ) throws(EngineError) -> HTTPResponse {
        var response = HTTPResponse(hasBody: method != "HEAD")
        do {
            try socket.send(
                method + " " + path + " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n", until: deadline)
            let sent = Clock.monotonic
            // What is done before the answer comes costs nobody anything.
            socket.excusing(until: deadline, meanwhile)
            let deadline = deadline &+ (Clock.monotonic &- sent)
            while !response.isComplete {
                let piece = try socket.receive(upTo: 65_536, until: deadline)
                if piece.isEmpty { try response.close() } else { try response.append(piece) }
            }
            return response
        } catch let error as Errno {
            throw EngineError(.engineSilent, ByteString(error.description))
        } catch {
            throw EngineError(.engineAnswerUnreadable)
        }
    }
}

extension BuildKitAnswer {
    /// Takes in the next piece; an answer that ends before it is whole is none.
    fileprivate mutating func receive(from socket: borrowing Socket, until deadline: Int64) throws {
        let piece = try socket.receive(upTo: 65_536, until: deadline)
        guard !piece.isEmpty else { throw MalformedResponse() }
        try append(piece)
    }
}

/// The machine's own table of names.
enum HostTable {
    /// The addresses that /etc/hosts gives a name, in its order.
    static func addresses(of name: ByteString, in text: ByteString) -> [ByteString] {
        let wanted = name.lowercasedASCII
        var addresses: [ByteString] = []
        for line in text.split("\n") {
            let fields = (line.cut(at: "#")?.before ?? line).bytes.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard let address = fields.first else { continue }
            if fields.dropFirst().contains(where: { ByteString($0).lowercasedASCII == wanted }) {
                addresses.append(ByteString(address))
            }
        }
        return addresses
    }
}
