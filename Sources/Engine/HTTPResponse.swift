internal import Formats

/// An answer that is not the HTTP/1.1 that engines send.
struct MalformedResponse: Error, Equatable {}

/// One HTTP answer, parsed piece by piece. It accepts only what engines send: RFC 9112 without features that no
/// engine uses.
struct HTTPResponse {
    /// The three digits of the status line.
    private(set) var status = 0
    /// The engine's newest API version, which every answer reports.
    private(set) var apiVersion: Version?
    /// The engine's name for itself, such as "Docker/28.5.2 (linux)"; empty if it has none.
    private(set) var server: ByteString = ""
    /// The part of the body that has arrived.
    private(set) var body: [UInt8] = []
    /// Whether the answer is complete.
    private(set) var isComplete = false

    static let longestHead = 16_384
    private static let longestChunkSize = 16
    static let longestBody = 4 << 20

    private enum Expectation {
        case head
        case bytes(Int)
        case untilClose
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailer
    }

    private var expectation = Expectation.head
    private var buffer: [UInt8] = []
    private var position = 0
    /// The position before which the awaited marker does not occur.
    private var searched = 0
    private let hasBody: Bool

    /// An empty parser; an answer to HEAD has no body, whatever its head says.
    init(hasBody: Bool = true) { self.hasBody = hasBody }

    /// Adds received bytes.
    mutating func append(_ bytes: [UInt8]) throws(MalformedResponse) {
        guard !isComplete || bytes.isEmpty else { throw MalformedResponse() }
        buffer += bytes
        while try advance() {}
        // Bytes after the end are an error.
        guard !isComplete || position == buffer.count else { throw MalformedResponse() }
        buffer.removeFirst(position)
        searched = max(0, searched - position)
        position = 0
    }

    /// Marks the end of the stream.
    mutating func close() throws(MalformedResponse) {
        if case .untilClose = expectation { isComplete = true }
        guard isComplete else { throw MalformedResponse() }
    }

    /// One step; false if more bytes are needed, or none.
    private mutating func advance() throws(MalformedResponse) -> Bool {
        guard !isComplete else { return false }
        switch expectation {
        case .head:
            guard let head = try take(through: [13, 10, 13, 10], limit: Self.longestHead) else { return false }
            try read(head: head)
        case .bytes(let count):
            guard try moveToBody(count, thenExpect: Expectation.bytes) else { return false }
            isComplete = true
        case .untilClose:
            _ = try moveToBody(Int.max, thenExpect: { _ in .untilClose })
            return false
        case .chunkSize:
            guard let line = try take(through: [13, 10], limit: Self.longestChunkSize) else { return false }
            let size = try Self.chunkSize(line)
            expectation = size == 0 ? .trailer : .chunk(size)
        case .chunk(let count):
            guard try moveToBody(count, thenExpect: Expectation.chunk) else { return false }
            expectation = .chunkEnd
        case .chunkEnd:
            guard let line = try take(through: [13, 10], limit: 2) else { return false }
            guard line.isEmpty else { throw MalformedResponse() }
            expectation = .chunkSize
        case .trailer:
            guard let line = try take(through: [13, 10], limit: 2) else { return false }
            guard line.isEmpty else { throw MalformedResponse() }
            isComplete = true
        }
        return true
    }

    /// The bytes before `mark`; both are consumed. nil if the mark has not arrived yet.
    private mutating func take(through mark: [UInt8], limit: Int) throws(MalformedResponse) -> ArraySlice<UInt8>? {
        let window = buffer[position...].prefix(limit)
        var start = max(position, min(searched, window.endIndex))
        while let found = window[start...].firstIndex(of: mark[0]) {
            if window[found...].starts(with: mark) {
                defer { position = found + mark.count }
                return buffer[position..<found]
            }
            start = found + 1
        }
        guard window.count < limit else { throw MalformedResponse() }
        // The mark's first bytes may have arrived already.
        searched = max(position, window.endIndex - (mark.count - 1))
        return nil
    }

    /// Moves up to `count` bytes into the body; true once all of them have been moved.
    private mutating func moveToBody(
        _ count: Int, thenExpect rest: (Int) -> Expectation
    ) throws(MalformedResponse) -> Bool {
        let piece = buffer[position...].prefix(count)
        guard body.count + piece.count <= Self.longestBody else { throw MalformedResponse() }
        body += piece
        position += piece.count
        expectation = rest(count - piece.count)
        return piece.count == count
    }

    private mutating func read(head: ArraySlice<UInt8>) throws(MalformedResponse) {
        let lines = try Self.lines(of: head)
        status = try Self.status(lines[0])
        var length: Int?
        var isChunked = false
        for line in lines.dropFirst() {
            guard let (name, value) = line.cut(at: ":"), !name.isEmpty, name.bytes.allSatisfy(Self.isTokenByte) else {
                throw MalformedResponse()
            }
            switch name.lowercasedASCII {
            case "content-length":
                guard length == nil, value.count < 20, let number = value.trimmed.decimal else {
                    throw MalformedResponse()
                }
                length = number
            case "transfer-encoding":
                guard !isChunked, value.trimmed.lowercasedASCII == "chunked" else { throw MalformedResponse() }
                isChunked = true
            case "content-encoding": throw MalformedResponse()
            case "server": server = value.trimmed
            case "api-version": apiVersion = Version(parsing: value.trimmed)
            default: continue
            }
        }
        guard hasBody else {
            isComplete = true
            return
        }
        switch (length, isChunked) {
        case (let length?, false):
            guard length <= Self.longestBody else { throw MalformedResponse() }
            expectation = .bytes(length)
        case (nil, true): expectation = .chunkSize
        case (nil, false): expectation = .untilClose
        case (_?, true): throw MalformedResponse()
        }
    }

    private static func lines(of head: ArraySlice<UInt8>) throws(MalformedResponse) -> [ByteString] {
        var lines: [ByteString] = []
        for line in head.split(separator: 10, omittingEmptySubsequences: false) {
            lines.append(ByteString(line))
        }
        for index in lines.indices.dropLast() {
            guard lines[index].bytes.last == 13 else { throw MalformedResponse() }
            lines[index] = lines[index].dropLast(1)
        }
        guard !lines.contains(where: { $0.bytes.contains(13) || $0.bytes.contains(0) }) else {
            throw MalformedResponse()
        }
        return lines
    }

    private static func status(_ line: ByteString) throws(MalformedResponse) -> Int {
        guard line.hasPrefix("HTTP/1.1 ") || line.hasPrefix("HTTP/1.0 ") else { throw MalformedResponse() }
        let rest = line.dropFirst(9)
        guard let status = rest.prefix(3).decimal, status >= 100, rest.count == 3 || rest.dropFirst(3).hasPrefix(" ")
        else {
            throw MalformedResponse()
        }
        return status
    }

    /// Chunk extensions are refused: no engine sends them.
    private static func chunkSize(_ line: ArraySlice<UInt8>) throws(MalformedResponse) -> Int {
        guard (1...8).contains(line.count) else { throw MalformedResponse() }
        var size = 0
        for digit in line {
            guard let value = Hex.value(of: digit) else { throw MalformedResponse() }
            size = size << 4 | Int(value)
        }
        guard size <= longestBody else { throw MalformedResponse() }
        return size
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: Self.tokenSigns.contains(byte)
        }
    }

    private static let tokenSigns = Array("!#$%&'*+-.^_`|~".utf8)
}
