public import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A stream to an engine, with a deadline for every step. A broken pipe is an error, never a signal.
public struct Socket: ~Copyable {
    private let descriptor: Descriptor

    /// Connects to a unix socket. Throws `timedOut`, `nameTooLong` beyond 107 bytes, `invalid` for a NUL, or the
    /// kernel's error.
    public static func unix(_ path: ByteString, within nanoseconds: Int64) throws(Errno) -> Socket {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < room else { throw .nameTooLong }
        guard !path.bytes.contains(0) else { throw .invalid }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.bytes) }
        return try connect(to: address, family: AF_UNIX, deadline: Clock.monotonic &+ nanoseconds)
    }

    /// Connects to a numeric IPv4 or IPv6 address; `invalid` for anything else. Static glibc has no name service.
    public static func tcp(_ host: ByteString, port: UInt16, within nanoseconds: Int64) throws(Errno) -> Socket {
        let deadline = Clock.monotonic &+ nanoseconds
        var v4 = sockaddr_in()
        v4.sin_family = sa_family_t(AF_INET)
        v4.sin_port = port.bigEndian
        if try host.withCPath({ (text) throws(Errno) in inet_pton(AF_INET, text, &v4.sin_addr) }) == 1 {
            return try connect(to: v4, family: AF_INET, deadline: deadline)
        }
        var v6 = sockaddr_in6()
        v6.sin6_family = sa_family_t(AF_INET6)
        v6.sin6_port = port.bigEndian
        if try host.withCPath({ (text) throws(Errno) in inet_pton(AF_INET6, text, &v6.sin6_addr) }) == 1 {
            return try connect(to: v6, family: AF_INET6, deadline: deadline)
        }
        throw .invalid
    }

    private static func connect<Address>(
        to address: Address, family: Int32, deadline: Int64
    ) throws(Errno) -> Socket {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = try Descriptor(taking: try checked { socket(family, flags, 0) })
        let number = descriptor.number
        let length = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafeBytes(of: address) { raw in
            systemConnect(number, raw.assumingMemoryBound(to: sockaddr.self).baseAddress, length)
        }
        if result != 0 {
            // A unix socket with a full backlog returns EAGAIN and cannot be polled: that counts as a timeout.
            if errno == EAGAIN { throw .timedOut }
            guard errno == EINPROGRESS || errno == EINTR else { throw .current }
            try Readiness.wait(for: number, .write, until: deadline)
            var failure: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            _ = try checked { getsockopt(number, SOL_SOCKET, SO_ERROR, &failure, &size) }
            guard failure == 0 else { throw Errno(code: failure) }
        }
        return Socket(descriptor: descriptor)
    }

    private init(descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Sends all of it before the deadline (monotonic nanoseconds).
    public borrowing func send(_ content: ByteString, until deadline: Int64) throws(Errno) {
        let number = descriptor.number
        var rest = content.bytes[...]
        while !rest.isEmpty {
            try Readiness.wait(for: number, .write, until: deadline)
            do throws(Errno) {
                let sent = try checked {
                    rest.withUnsafeBytes { systemSend(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                }
                rest = rest.dropFirst(sent)
            } catch .wouldBlock {
                // A socket that poll(2) reports as ready may still not be.
            }
        }
    }

    /// Runs `work`, and gives back to every budget the time until something arrived, as of the last time that a budget
    /// was checked. It also gives back the computing in the first `least` nanoseconds.
    public borrowing func excusing(until deadline: Int64, least: Int64 = 0, _ work: () -> Void) {
        Awaited.excusing(descriptor.number, until: deadline, least: least, work)
    }

    /// What has arrived, at most `count` bytes; none at the end of the stream.
    public borrowing func receive(upTo count: Int, until deadline: Int64) throws(Errno) -> [UInt8] {
        while true {
            try Readiness.wait(for: descriptor.number, .read, until: deadline)
            if let piece = try descriptor.readWhatIsThere(upTo: count) { return piece }
        }
    }
}

/// Waiting with a deadline.
enum Readiness {
    enum Direction { case read, write }

    static func wait(for number: Int32, _ direction: Direction, until deadline: Int64) throws(Errno) {
        while true {
            let left = deadline &- Clock.monotonic
            guard left > 0 else { throw .timedOut }
            var request = pollfd(fd: number, events: Int16(direction == .read ? POLLIN : POLLOUT), revents: 0)
            let start = Clock.monotonic
            let ready = poll(&request, 1, Int32(clamping: left / 1_000_000 + 1))
            let error = errno
            Clock.wait(Clock.monotonic &- start)
            if ready > 0 { return }
            // Not with `checked`: the deadline must hold even if signals interrupt the call again and again.
            if ready < 0 && error != EINTR { throw Errno(code: error) }
        }
    }
}

private func systemConnect(_ number: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t) -> Int32 {
    guard let address else { return -1 }
    return connect(number, address, length)
}
private func systemSend(_ number: Int32, _ from: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    send(number, from, count, flags)
}
