import Formats
import Testing

@testable import Engine

@Suite("HTTP answers") struct HTTPResponseTests {
    /// The answer, read in pieces of one size; nil if it is refused or incomplete at the stream's end.
    private func read(_ text: ByteString, pieces size: Int) -> HTTPResponse? {
        var response = HTTPResponse()
        do {
            var rest = text.bytes[...]
            while !rest.isEmpty {
                try response.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            if !response.isComplete { try response.close() }
            return response
        } catch {
            return nil
        }
    }

    @Test(
        "Valid ones, however they are split",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
            ("HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n", 200, ""),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 000000000000000005\r\n\r\nhello", 200, "hello"),
            ("HTTP/1.1 200 OK\r\nazAZ09!#$%&'*+-.^_`|~: x\r\nContent-Length: 0\r\n\r\n", 200, ""),
            (chunked + "00000005\r\nhello\r\n0\r\n\r\n", 200, "hello"),
            ("HTTP/1.1 404\r\n\r\n", 404, ""), ("HTTP/1.1 100 Continue\r\n\r\n", 100, ""),
            ("HTTP/1.1 500 \r\nX: \r\nContent-Length: 1\r\n\r\nx", 500, "x"),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n1A\r\n" + twentySix
                    + "\r\n0\r\n\r\n",
                200, "hello" + twentySix
            ),
        ] as [(ByteString, Int, ByteString)])
    func good(text: ByteString, status: Int, body: ByteString) {
        for size in [1, 2, 3, 7, 1000] {
            let response = read(text, pieces: size)
            #expect(response?.status == status)
            #expect(response.map { ByteString($0.body) } == body)
        }
    }

    @Test(
        "Invalid ones, however they are split",
        arguments: [
            "", "\r\n\r\n", "garbage\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 +20 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nA: b",
            "HTTP/1.1 200 OK\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: \u{0}\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA : x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA/: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA@: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA[: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA{: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA\u{7F}: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0000000000000000005\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nA: x\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx",
            chunked + "5\r\nhello", chunked + "5\r\nhello\r\n", chunked + "5\r\nhello\r\n0\r\n",
            chunked + "5\r\nhellox\r\n0\r\n\r\n",
            chunked + "6\r\nhello\r\n0\r\n\r\n", chunked + "\r\n\r\n", chunked + "x\r\n", chunked + "-1\r\n",
            chunked + "5;a=b\r\nhello\r\n0\r\n\r\n", chunked + "FFFFFFFF\r\n", chunked + "FFFFFFFFF\r\n",
            chunked + "000000001\r\na\r\n0\r\n\r\n", chunked + "000000000000000001\r\n", chunked + "400001\r\n",
            chunked + "0\r\nTrailer: x\r\n\r\n",
            chunked + "0\r\n\r\nmore", chunked + "5\nhello\r\n0\r\n\r\n",
        ] as [ByteString])
    func bad(text: ByteString) {
        for size in [1, 2, 3, 7, 1000] { #expect(read(text, pieces: size) == nil) }
    }

    @Test("The limits hold for every way in which an answer can end") func bounds() {
        let filler = ByteString(repeatElement(0x61, count: 20_000))
        #expect(read("HTTP/1.1 200 OK\r\nA: " + filler + "\r\n\r\n", pieces: 1000) == nil)
        // It is refused before it ends.
        for endless in ["HTTP/1.1 200 OK\r\nA: " + filler, chunked + filler] {
            var response = HTTPResponse()
            #expect(throws: MalformedResponse.self) { try response.append(endless.bytes) }
        }
        let megabyte = ByteString(repeatElement(0x61, count: 1 << 20))
        let five = megabyte + megabyte + megabyte + megabyte + megabyte
        #expect(read("HTTP/1.1 200 OK\r\n\r\n" + five, pieces: 65_536) == nil)
        let chunk = "100000\r\n" + megabyte + "\r\n"
        #expect(read(chunked + chunk + chunk + chunk + chunk + "0\r\n\r\n", pieces: 65_536)?.body.count == 4 << 20)
        #expect(read(chunked + chunk + chunk + chunk + chunk + "1\r\na\r\n0\r\n\r\n", pieces: 65_536) == nil)
    }

    @Test("What is just as long as it may be is read, and one byte more is refused", arguments: [1000, 1 << 20])
    func greatest(pieces: Int) {
        func letters(_ count: Int) -> ByteString { ByteString(repeatElement(0x61, count: count)) }
        let start: ByteString = "HTTP/1.1 200 OK\r\nA: "
        let filler = letters(16_384 - start.count - 4)
        #expect(read(start + filler + "\r\n\r\n", pieces: pieces)?.status == 200)
        #expect(read(start + filler + "a\r\n\r\n", pieces: pieces) == nil)
        let body = letters(4 << 20)
        #expect(read("HTTP/1.1 200 OK\r\n\r\n" + body, pieces: pieces)?.body.count == 4 << 20)
        #expect(read("HTTP/1.1 200 OK\r\n\r\n" + body + "a", pieces: pieces) == nil)
        let counted = "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n" + body
        #expect(read(counted, pieces: pieces)?.body.count == 4 << 20)
        #expect(read(chunked + "400000\r\n" + body + "\r\n0\r\n\r\n", pieces: pieces)?.body.count == 4 << 20)
    }

    @Test("Behind a complete answer nothing may follow")
    func complete() throws {
        var response = HTTPResponse()
        try response.append("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8.map { $0 })
        #expect(response.isComplete)
        try response.append([])
        try response.close()
        #expect(throws: MalformedResponse.self) { try response.append([0x61]) }
    }

    @Test("An answer to HEAD ends with its head, whatever that says about a body")
    func head() throws {
        for header: ByteString in ["Content-Length: 99", "Transfer-Encoding: chunked", "X: y"] {
            var response = HTTPResponse(hasBody: false)
            try response.append(("HTTP/1.1 404 Not Found\r\n" + header + "\r\n\r\n").bytes)
            #expect(response.isComplete && response.status == 404 && response.body.isEmpty)
        }
    }

    @Test("Noise never traps") func noise() {
        var generator = SystemRandomNumberGenerator()
        let good = (chunked + "5\r\nhello\r\n0\r\n\r\n").bytes
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = read(ByteString(bytes), pieces: Int.random(in: 1...60, using: &generator))
        }
    }
}

private let twentySix: ByteString = "abcdefghijklmnopqrstuvwxyz"
private let chunked: ByteString = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
