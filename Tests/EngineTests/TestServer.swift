import Formats
import Foundation
import Glibc
import Host
import Testing

@testable import Engine

/// A server for one connection on a unix socket or on 127.0.0.1, which sends what a test specifies.
final class TestServer: Sendable {
    /// One action of the server after it has read a request.
    enum Step: Sendable {
        case send(ByteString)
        case pause(milliseconds: UInt32)
        /// Waits for what the client sends next, which is added to what was received.
        case receive
        case close
    }

    let port: UInt16
    private let listener: Int32
    private let requests = Requests()

    private final class Requests: @unchecked Sendable {
        private let lock = NSLock()
        private var texts: [ByteString] = []
        func add(_ text: ByteString) { lock.withLock { texts.append(text) } }
        var all: [ByteString] { lock.withLock { texts } }
    }

    /// What clients sent.
    var received: [ByteString] { requests.all }

    /// On a unix socket; the answer depends on the request line without its version.
    init(at path: ByteString, answering answer: @escaping @Sendable (ByteString) -> [Step]) throws {
        let requests = requests
        listener = try Self.open(Self.address(path), AF_UNIX) { Self.serve($0, answer, requests) }.number
        port = 0
    }

    /// On a unix socket.
    convenience init(at path: ByteString, _ steps: Step...) throws {
        try self.init(Self.address(path), AF_UNIX, steps)
    }

    private static func address(_ path: ByteString) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.bytes) }
        return address
    }

    /// On a free port of 127.0.0.1.
    convenience init(_ steps: Step...) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try self.init(address, AF_INET, steps)
    }

    private init<Address>(_ address: Address, _ family: Int32, _ steps: [Step]) throws {
        let requests = requests
        (listener, port) = try Self.open(address, family) { Self.serve($0, { _ in steps }, requests) }
    }

    private static func open<Address>(
        _ address: Address, _ family: Int32, _ serve: @escaping @Sendable (Int32) -> Void
    ) throws -> (number: Int32, port: UInt16) {
        let listener = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let length = socklen_t(MemoryLayout<Address>.size)
        let bound = withUnsafeBytes(of: address) {
            bind(listener, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, length)
        }
        #expect(bound == 0 && listen(listener, 8) == 0)
        var own = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &own) {
            _ = getsockname(listener, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &size)
        }
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else {
                    close(listener)
                    return
                }
                serve(client)
            }
        }
        return (listener, UInt16(bigEndian: own.sin_port))
    }

    /// The thread closes the listener: a descriptor number closed here could already be reused when the thread uses
    /// it again.
    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func serve(_ client: Int32, _ answer: (ByteString) -> [Step], _ requests: Requests) {
        var request: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        // What greets by TLS says no more until it is answered.
        while ByteString(request).range(of: "\r\n\r\n") == nil, request.first != TLSGreeting.handshake {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            request += buffer.prefix(count)
        }
        requests.add(ByteString(request))
        for step in answer(ByteString(request).split("\r")[0].dropLast(9)) {
            switch step {
            case .send(let text):
                _ = text.bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            case .pause(let milliseconds): usleep(milliseconds * 1000)
            case .receive:
                let count = recv(client, &buffer, buffer.count, 0)
                if count > 0 { requests.add(ByteString(buffer.prefix(count))) }
            case .close: break
            }
        }
        close(client)
    }
}

extension TestServer.Step {
    /// A complete answer.
    static func answer(_ body: ByteString) -> TestServer.Step {
        .send("HTTP/1.1 200 OK\r\nContent-Length: " + ByteString(decimal: body.count) + "\r\n\r\n" + body)
    }
}
