import Formats
import Glibc
import Host
import TestSupport
import Testing

/// A listening socket, closed at the end of the test. Connections wait in its backlog until the test accepts them.
private final class Listener: Sendable {
    let number: Int32
    let port: UInt16

    convenience init(at path: ByteString, backlog: Int32 = 8) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.bytes) }
        self.init(address, AF_UNIX, backlog)
    }

    convenience init() {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        self.init(address, AF_INET, 8)
    }

    private init<Address>(_ address: Address, _ family: Int32, _ backlog: Int32) {
        number = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let number = number
        let bound = withUnsafeBytes(of: address) {
            bind(number, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(MemoryLayout<Address>.size))
        }
        #expect(bound == 0 && listen(number, backlog) == 0)
        var own = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &own) {
            _ = getsockname(number, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &size)
        }
        port = UInt16(bigEndian: own.sin_port)
    }

    deinit { close(number) }

    /// The next connection.
    func take() -> Int32 { accept(number, nil, nil) }
}

private let ample: Int64 = 60_000_000_000
private let brief: Int64 = 50_000_000

@Suite("Sockets")
struct SocketTests {
    private let folder: TemporaryFolder
    private var path: ByteString { folder["socket"] }

    init() throws { folder = try TemporaryFolder() }

    private static func converse(_ socket: borrowing Socket, _ listener: Listener) throws {
        let peer = listener.take()
        try socket.send("ping", until: Clock.monotonic + ample)
        var buffer = [UInt8](repeating: 0, count: 10)
        #expect(recv(peer, &buffer, 10, 0) == 4)
        #expect(send(peer, "pong", 4, 0) == 4)
        #expect(try ByteString(socket.receive(upTo: 2, until: Clock.monotonic + ample)) == "po")
        #expect(try ByteString(socket.receive(upTo: 9, until: Clock.monotonic + ample)) == "ng")
        close(peer)
        #expect(try socket.receive(upTo: 9, until: Clock.monotonic + ample) == [])
    }

    @Test("Bytes go both ways over a unix socket, and the end of the stream is empty")
    func unix() throws {
        let listener = Listener(at: path)
        try Self.converse(Socket.unix(path, within: ample), listener)
    }

    @Test("Bytes go both ways over tcp to a numeric address")
    func tcp() throws {
        let listener = Listener()
        try Self.converse(Socket.tcp("127.0.0.1", port: listener.port, within: ample), listener)
    }

    @Test(
        "A name is not looked up",
        arguments: ["localhost", "", "127.0.0.1 ", "127.1", "[::1]", "1.2.3.4.5", "\0"] as [ByteString])
    func names(_ host: ByteString) {
        #expect(throws: Errno.invalid) { _ = try Socket.tcp(host, port: 1, within: ample) }
    }

    @Test("Nobody is listening")
    func nobody() throws {
        #expect(throws: Errno.noSuchFile) { _ = try Socket.unix(path, within: ample) }
        try folder.write("file", "")
        let refused = Errno(code: ECONNREFUSED)
        #expect(throws: refused) { _ = try Socket.unix(folder["file"], within: ample) }
        func left() -> UInt16 { Listener(at: path).port }
        _ = left()
        #expect(throws: refused) { _ = try Socket.unix(path, within: ample) }
        func port() -> UInt16 { Listener().port }
        let free = port()
        #expect(throws: refused) { _ = try Socket.tcp("127.0.0.1", port: free, within: ample) }
    }

    @Test("A path can have 107 bytes and no NUL")
    func lengths() throws {
        let longest = folder[ByteString("x").repeated(107 - folder.path.count - 1)]
        #expect(longest.count == 107)
        let listener = Listener(at: longest)
        _ = try Socket.unix(longest, within: ample)
        #expect(listener.take() > 0)
        #expect(throws: Errno.nameTooLong) { _ = try Socket.unix(longest + "x", within: ample) }
        #expect(throws: Errno.invalid) { _ = try Socket.unix(longest.dropLast(9) + "\0", within: ample) }
        #expect(throws: Errno.invalid) { _ = try Socket.unix("\0abstract", within: ample) }
    }

    @Test("A silent server is a time-out")
    func silent() throws {
        let listener = Listener(at: path)
        let socket = try Socket.unix(path, within: ample)
        let peer = listener.take()
        #expect(throws: Errno.timedOut) { try socket.receive(upTo: 1, until: Clock.monotonic + brief) }
        #expect(throws: Errno.timedOut) { try socket.receive(upTo: 1, until: Clock.monotonic - 1) }
        close(peer)
    }

    @Test("A server that does not read is a time-out")
    func deaf() throws {
        let listener = Listener(at: path)
        let socket = try Socket.unix(path, within: ample)
        let peer = listener.take()
        #expect(throws: Errno.timedOut) {
            try socket.send(ByteString("x").repeated(4 << 20), until: Clock.monotonic + brief)
        }
        close(peer)
    }

    @Test("A server with a full backlog is a time-out")
    func backlog() throws {
        let listener = Listener(at: path, backlog: 0)
        // The kernel decides the backlog's exact length; 64 exceeds it.
        func connect(_ left: Int) throws {
            let held = try Socket.unix(path, within: brief)
            if left > 0 { try connect(left - 1) }
            _ = try? held.receive(upTo: 0, until: 0)
        }
        #expect(throws: Errno.timedOut) { try connect(64) }
        #expect(listener.number > 0)
    }

    @Test("A server that hangs up is an error, not a signal")
    func hungUp() throws {
        let listener = Listener(at: path)
        let socket = try Socket.unix(path, within: ample)
        close(listener.take())
        #expect(throws: Errno(code: EPIPE)) {
            for _ in 0..<2 { try socket.send("x", until: Clock.monotonic + ample) }
        }
    }
}
