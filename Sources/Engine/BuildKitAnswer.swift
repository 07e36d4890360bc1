internal import Formats

/// An engine's answer to a ping and, on the same connection, to one call of its BuildKit: two HTTP/1.1 heads, of which
/// the second switches to HTTP/2, and then gRPC in frames. It accepts only what engines send: RFC 9113 without features
/// that no engine uses.
struct BuildKitAnswer {
    /// The answer to the ping, which identifies the engine.
    private(set) var greeting: HTTPResponse?
    /// Whether the engine has switched to HTTP/2.
    private(set) var isUpgraded = false
    /// Whether the engine's settings have arrived and still have to be acknowledged.
    var owesAcknowledgement = false
    /// BuildKit's message; nil until the answer is complete.
    private(set) var message: [UInt8]?

    /// The size of the flow-control window that the request opens, and that is never extended.
    static let longest = 4 << 20
    private static let longestFrame = 16_384
    private static let headLength = 9

    private var buffer: [UInt8] = []
    private var position = 0
    /// How many bytes of the marker at the end of a head have been seen.
    private var matched = 0
    /// The total number of frame bytes so far.
    private var framed = 0
    private var hasSettings = false
    private var hasHead = false
    private var body: [UInt8] = []

    /// The answer of an engine; of a BuildKit by itself, which speaks HTTP/2 from the beginning.
    init(isUpgraded: Bool = false) { self.isUpgraded = isUpgraded }

    /// Adds received bytes. Bytes after the end of the answer are ignored.
    mutating func append(_ bytes: [UInt8]) throws(MalformedResponse) {
        guard message == nil else { return }
        var rest = bytes[...]
        while !isUpgraded, let head = try takeHead(from: &rest) { try read(head) }
        guard isUpgraded else { return }
        buffer += rest
        while message == nil, try takeFrame() {}
        buffer.removeFirst(position)
        position = 0
    }

    // MARK: - HTTP/1.1

    private static let mark: [UInt8] = [13, 10, 13, 10]

    /// The next head, with the marker at its end; nil if that has not arrived yet.
    private mutating func takeHead(from rest: inout ArraySlice<UInt8>) throws(MalformedResponse) -> [UInt8]? {
        for (count, byte) in zip(1..., rest) {
            guard buffer.count < HTTPResponse.longestHead else { throw MalformedResponse() }
            buffer.append(byte)
            matched = byte == Self.mark[matched] ? matched + 1 : (byte == Self.mark[0] ? 1 : 0)
            guard matched == Self.mark.count else { continue }
            defer { (buffer, matched) = ([], 0) }
            rest = rest.dropFirst(count)
            return buffer
        }
        rest = []
        return nil
    }

    private mutating func read(_ head: [UInt8]) throws(MalformedResponse) {
        var response = HTTPResponse(hasBody: false)
        try response.append(head)
        guard response.status == (greeting == nil ? 200 : 101) else { throw MalformedResponse() }
        if greeting == nil { greeting = response } else { isUpgraded = true }
    }

    // MARK: - HTTP/2

    /// Source: RFC 9113, 6.
    private enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let settings: UInt8 = 4
        /// Frames that end a stream or a connection, open another stream, or continue a head.
        static let unexpected: [UInt8] = [3, 5, 7, 9]
    }

    private enum Flag {
        static let endStream: UInt8 = 0x1
        static let acknowledgement: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4
        static let padded: UInt8 = 0x8
        static let priority: UInt8 = 0x20
    }

    /// Reads one frame; false if more bytes are needed.
    private mutating func takeFrame() throws(MalformedResponse) -> Bool {
        let head = Array(buffer[position...].prefix(Self.headLength))
        guard head.count == Self.headLength else { return false }
        let length = Self.number(head[0..<3])
        guard length <= Self.longestFrame, framed + Self.headLength + length <= Self.longest else {
            throw MalformedResponse()
        }
        let start = position + Self.headLength
        guard buffer.count - start >= length else { return false }
        position = start + length
        framed += Self.headLength + length
        // The first bit of a stream ID is reserved.
        let stream = Self.number([head[5] & 0x7F] + head[6..<9])
        try read(head[3], head[4], stream, buffer[start..<position])
        return true
    }

    private mutating func read(
        _ kind: UInt8, _ flags: UInt8, _ stream: Int, _ payload: ArraySlice<UInt8>
    ) throws(MalformedResponse) {
        func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
        guard hasSettings || (kind == Kind.settings && !has(Flag.acknowledgement)) else { throw MalformedResponse() }
        switch kind {
        case Kind.data:
            // The status follows later, so this frame must not end the stream.
            guard stream == 1, hasHead, !has(Flag.padded), !has(Flag.endStream) else { throw MalformedResponse() }
            body += payload
        case Kind.headers:
            guard stream == 1, has(Flag.endHeaders), !has(Flag.padded), !has(Flag.priority),
                has(Flag.endStream) == hasHead
            else { throw MalformedResponse() }
            if hasHead { try end() }
            hasHead = true
        case Kind.settings:
            guard stream == 0, payload.count % 6 == 0, !has(Flag.acknowledgement) || payload.isEmpty else {
                throw MalformedResponse()
            }
            hasSettings = true
            if !has(Flag.acknowledgement) { owesAcknowledgement = true }
        default:
            guard !Kind.unexpected.contains(kind) else { throw MalformedResponse() }
        }
    }

    /// The body is one message. It reads neither the status nor any other compressed header: a server that fails sends
    /// no message, and one that stops midway sends no complete one.
    ///
    /// Source: grpc/grpc PROTOCOL-HTTP2.md, Length-Prefixed-Message; grpc-go server.go, processUnaryRPC.
    private mutating func end() throws(MalformedResponse) {
        guard body.count >= 5, body[0] == 0, Self.number(body[1..<5]) == body.count - 5 else {
            throw MalformedResponse()
        }
        message = Array(body[5...])
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}

/// What to send to get such an answer.
enum BuildKitCall {
    /// The ping, and the request to switch to HTTP/2. HTTP/2 bytes have to wait for the answer: the engine discards
    /// those that arrive early.
    static let greeting: ByteString =
        "HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\nPOST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

    static let acknowledgement = frame(4, flags: 0x1, stream: 0, [])

    /// A complete call with a message of fewer than 16,000 bytes to a method such as
    /// "/moby.buildkit.v1.Control/ListWorkers".
    static func request(_ method: ByteString, _ message: [UInt8]) -> ByteString {
        // No header table, no streams opened by the engine, and a stream window for a whole answer; then the
        // connection window, which is 65,535 by default.
        let window = BuildKitAnswer.longest
        let settings = [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4] + number(window, bytes: 4)
        // Source: RFC 7541, 6 and A: POST, http, :path, :authority, content-type, and te as a literal name.
        let headers: [UInt8] =
            [0x83, 0x86, 0x04] + text(method) + [0x01] + text("docker") + [0x0F, 0x10] + text("application/grpc") + [0]
            + text("te") + text("trailers")
        return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, flags: 0, stream: 0, settings)
            + frame(8, flags: 0, stream: 0, number(window - 65_535, bytes: 4))
            + frame(1, flags: 0x4, stream: 1, headers)
            + frame(0, flags: 0x1, stream: 1, [0] + number(message.count, bytes: 4) + message)
    }

    /// Shorter than 127 bytes, and without Huffman coding.
    private static func text(_ text: ByteString) -> [UInt8] { number(text.count, bytes: 1) + text.bytes }

    private static func frame(_ kind: UInt8, flags: UInt8, stream: Int, _ payload: [UInt8]) -> ByteString {
        ByteString(number(payload.count, bytes: 3) + [kind, flags] + number(stream, bytes: 4) + payload)
    }

    private static func number(_ number: Int, bytes count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
