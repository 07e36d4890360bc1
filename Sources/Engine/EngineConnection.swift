internal import Formats
internal import Host
internal import Notes

/// A request to an engine, on a socket of its own.
enum EngineConnection {
    private static let connectPatience: Int64 = 200_000_000
    static let patience: Int64 = 1_000_000_000

    /// The answer to a GET. Throws if the engine was not asked, is silent, or sends an unreadable answer. `meanwhile`
    /// runs after the request was sent; its time does not count as the engine's.
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

    /// Connects to an engine: to a named host until a deadline, otherwise within the patience for one address.
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

    /// Tries every address of a name in turn, as Go does: "localhost" may have two addresses on a host, of which the
    /// engine listens on only one.
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

    /// The time that an engine computes to answer `/info`. A command that asks a faster engine may also compute for
    /// that long meanwhile: what it learns about the tree often saves seconds.
    private static let slowest: Int64 = 5_000_000

    /// The answer of an engine's BuildKit to one call, if the engine's greeting is acceptable. `meanwhile` runs while
    /// the engine works on either; its time does not count.
    static func call(
        _ method: ByteString, _ message: [UInt8], over socket: borrowing Socket, until deadline: Int64,
        if isWelcome: (HTTPResponse) -> Bool, meanwhile: (EngineWait) -> Void
    ) throws(EngineError) -> (greeting: HTTPResponse, message: [UInt8]) {
        var answer = BuildKitAnswer()
        var (deadline, spare) = (deadline, slowest)
        do {
            try socket.send(BuildKitCall.greeting, until: deadline)
            work(.greeting, over: socket, until: &deadline, sparing: &spare, meanwhile)
            while !answer.isUpgraded { try answer.receive(from: socket, until: deadline) }
            guard let greeting = answer.greeting, isWelcome(greeting) else { throw MalformedResponse() }
            try socket.send(BuildKitCall.request(method, message), until: deadline)
            work(.answer, over: socket, until: &deadline, sparing: &spare, meanwhile)
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

    /// Works while waiting. `spare` is what is left of the computing that counts in no budget.
    private static func work(
        _ wait: EngineWait, over socket: borrowing Socket, until deadline: inout Int64, sparing spare: inout Int64,
        _ meanwhile: (EngineWait) -> Void
    ) {
        let (sent, computed) = (Clock.monotonic, Clock.computed)
        socket.excusing(until: deadline, least: spare) { meanwhile(wait) }
        deadline = deadline &+ (Clock.monotonic &- sent)
        spare = max(0, spare &- (Clock.computed &- computed))
    }

    /// The answer of a BuildKit by itself to one call.
    static func callDirectly(
        _ method: ByteString, _ message: [UInt8], over socket: borrowing Socket, until deadline: Int64
    ) throws(EngineError) -> [UInt8] {
        var answer = BuildKitAnswer(isUpgraded: true)
        do {
            try socket.send(BuildKitCall.request(method, message), until: deadline)
            while true {
                if let message = answer.message { return message }
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
            // Work done before the answer arrives delays nobody.
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
    /// Adds the next piece; an answer that ends early is invalid.
    fileprivate mutating func receive(from socket: borrowing Socket, until deadline: Int64) throws {
        let piece = try socket.receive(upTo: 65_536, until: deadline)
        guard !piece.isEmpty else { throw MalformedResponse() }
        try append(piece)
    }
}

/// The machine's hosts file.
enum HostTable {
    /// The addresses of a name in /etc/hosts, in the file's order.
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
