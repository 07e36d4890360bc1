import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

/// What an engine's BuildKit sends, in the form of Go's server.
enum BuildKitText {
    static let greeting = greeting("Docker/28.5.2+dfsg4 (linux)")
    static let upgrade: ByteString = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    static let settings = frame(4, 0, 0, [0, 5, 0, 16, 0, 0])
    static let head = frame(1, 0x4, 1, [0x88])
    static let trailer = frame(1, 0x5, 1, [0x88, 0x9A, 0xCA, 0xC8, 0xB2, 0x12, 0x34, 0xDA, 0x8F, 0x01, 0x30])

    static func greeting(_ server: ByteString) -> ByteString {
        "HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 0\r\nOstype: linux\r\nServer: " + server + "\r\n\r\n"
    }

    static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> ByteString {
        let length = [16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) }
        return ByteString(length + [kind, flags, 0, 0, 0, stream] + payload)
    }

    /// A message in a gRPC frame.
    static func data(_ message: [UInt8]) -> ByteString {
        frame(0, 0, 1, [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: message.count >> $0) } + message)
    }

    /// All frames of an answer.
    static func frames(_ message: [UInt8]) -> ByteString { settings + head + data(message) + trailer }

    static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        let length: [UInt8] =
            bytes.count < 128 ? [UInt8(bytes.count)] : [UInt8(bytes.count & 127) | 128, UInt8(bytes.count >> 7)]
        return [number << 3 | 2] + length + bytes
    }

    static func field(_ number: UInt8, _ text: ByteString) -> [UInt8] { field(number, text.bytes) }

    static func label(_ name: ByteString, _ value: ByteString) -> [UInt8] {
        field(2, field(1, "org.mobyproject.buildkit.worker." + name) + field(2, value))
    }

    static func platform(_ architecture: ByteString, _ system: ByteString = "linux") -> [UInt8] {
        field(3, field(1, architecture) + field(2, system) + field(3, ""))
    }

    static let containerd =
        label("executor", "containerd") + label("snapshotter", "overlayfs") + label("containerd.namespace", "moby")
        + label("containerd.uuid", "93fc71fb") + label("hostname", "vm")

    /// A list of one worker.
    static func worker(
        _ identifier: ByteString = "sppm0a4si6n32hjbq7uzvw9ou", _ labels: [UInt8] = containerd,
        _ platforms: [UInt8] = platform("amd64") + platform("386")
    ) -> [UInt8] {
        // Its garbage collection rules contain numbers.
        field(1, field(1, identifier) + labels + platforms + field(4, [0x08, 0x01, 0x10, 0x80, 0x80, 0x04]))
    }
}

@Suite("Answers of BuildKit") struct BuildKitAnswerTests {
    private typealias Text = BuildKitText

    /// The message, read in pieces of one size; nil if it is refused or incomplete at the end.
    private func read(_ text: ByteString, pieces size: Int) -> [UInt8]? {
        var answer = BuildKitAnswer()
        var rest = text.bytes[...]
        while !rest.isEmpty {
            do { try answer.append(Array(rest.prefix(size))) } catch { return nil }
            rest = rest.dropFirst(size)
        }
        return answer.message
    }

    @Test(
        "Valid ones, however they are split",
        arguments: [
            (Text.frames([]), []), (Text.frames([1, 2, 3]), [1, 2, 3]),
            // Other frames of Go's server: an acknowledgement, a wider window, a ping, a frame of an unknown type.
            (
                Text.settings + Text.frame(4, 1, 0, []) + Text.frame(8, 0, 0, [0, 15, 0, 1])
                    + Text.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) + Text.frame(0x77, 0xFF, 3, [9]) + Text.head
                    + Text.data([7]) + Text.trailer, [7]
            ),
            // A message in two frames, and bytes after the end.
            (
                Text.settings + Text.head + Text.frame(0, 0, 1, [0, 0, 0]) + Text.frame(0, 0, 1, [0, 2, 5, 6])
                    + Text.trailer + "garbage of any kind", [5, 6]
            ),
        ] as [(ByteString, [UInt8])])
    func good(frames: ByteString, message: [UInt8]) {
        for size in [1, 2, 7, 100, 100_000] {
            #expect(read(Text.greeting + Text.upgrade + frames, pieces: size) == message)
        }
    }

    @Test("The server's settings have to be acknowledged, an acknowledgement has not")
    func acknowledging() throws {
        var answer = BuildKitAnswer(isUpgraded: true)
        #expect(!answer.owesAcknowledgement)
        try answer.append(Text.settings.bytes)
        #expect(answer.owesAcknowledgement)
        answer.owesAcknowledgement = false
        try answer.append(Text.frame(4, 1, 0, []).bytes)
        #expect(!answer.owesAcknowledgement)
        #expect(BuildKitCall.acknowledgement == ByteString([0, 0, 0, 4, 1, 0, 0, 0, 0]))
    }

    @Test(
        "Frames that are refused or incomplete",
        arguments: [
            "", Text.settings, Text.settings + Text.head, Text.settings + Text.head + Text.data([1]),
            // No settings first; only acknowledged ones; settings on a stream, or truncated; an acknowledgement with
            // a payload.
            Text.head + Text.data([1]) + Text.trailer,
            Text.frame(4, 1, 0, []) + Text.head + Text.data([1]) + Text.trailer,
            Text.frame(4, 0, 1, []) + Text.frames([1]), Text.frame(4, 0, 0, [1, 2]) + Text.frames([1]),
            Text.settings + Text.frame(4, 1, 0, [0, 5, 0, 16, 0, 0]) + Text.frames([1]),
            // An error: its only head ends the stream. A body without a head; one that ends the stream, or is padded.
            Text.settings + Text.trailer, Text.settings + Text.data([1]) + Text.trailer,
            Text.settings + Text.trailer + Text.data([1]) + Text.trailer,
            Text.settings + Text.head + Text.frame(0, 1, 1, [0, 0, 0, 0, 0]),
            Text.settings + Text.head + Text.frame(0, 8, 1, [0, 0, 0, 0, 0]) + Text.trailer,
            // Two heads; a continued one; one that is padded, or has a priority; another stream.
            Text.settings + Text.head + Text.head + Text.data([1]) + Text.trailer,
            Text.settings + Text.frame(1, 0, 1, [0x88]) + Text.data([1]) + Text.trailer,
            Text.settings + Text.frame(1, 0xC, 1, [0x88]) + Text.data([1]) + Text.trailer,
            Text.settings + Text.frame(1, 0x24, 1, [0x88]) + Text.data([1]) + Text.trailer,
            Text.settings + Text.frame(1, 4, 3, [0x88]) + Text.data([1]) + Text.trailer,
            // No message, a compressed one, half of one, one and a half.
            Text.settings + Text.head + Text.trailer,
            Text.settings + Text.head + Text.frame(0, 0, 1, [1, 0, 0, 0, 0]) + Text.trailer,
            Text.settings + Text.head + Text.frame(0, 0, 1, [0, 0, 0, 0, 2, 1]) + Text.trailer,
            Text.settings + Text.head + Text.frame(0, 0, 1, [0, 0, 0, 0, 0, 1]) + Text.trailer,
            Text.settings + Text.head + Text.frame(0, 0, 1, [0, 0xFF, 0xFF, 0xFF, 0xFF]) + Text.trailer,
            // The end of the stream, of the connection, another stream, a continuation.
            Text.settings + Text.frame(3, 0, 1, [0, 0, 0, 1]) + Text.frames([1]),
            Text.settings + Text.frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]) + Text.frames([1]),
            Text.settings + Text.frame(5, 4, 1, [0, 0, 0, 2]) + Text.frames([1]),
            Text.settings + Text.frame(9, 4, 1, []) + Text.frames([1]),
            "HTTP/1.1 400 Bad Request\r\n\r\n",
        ] as [ByteString])
    func bad(frames: ByteString) {
        for size in [1, 2, 7, 100, 100_000] {
            #expect(read(Text.greeting + Text.upgrade + frames, pieces: size) == nil)
        }
    }

    @Test(
        "Heads that are refused",
        arguments: [
            "HTTP/1.1 403 Forbidden\r\n\r\n" + Text.upgrade, Text.upgrade + Text.upgrade, Text.greeting + Text.greeting,
            Text.greeting + "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            Text.greeting + "HTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n" + Text.upgrade,
            Text.greeting + "HTTP/1.1 101 \r\nA\r\n\r\n", "\r\n\r\n" + Text.upgrade,
        ] as [ByteString])
    func heads(heads: ByteString) {
        for size in [1, 7, 100_000] { #expect(read(heads + Text.frames([1]), pieces: size) == nil) }
    }

    @Test("Bounds: of a head, a frame and the whole") func bounds() {
        let filler = ByteString(repeatElement(0x61, count: 17_000))
        #expect(
            read("HTTP/1.1 200 OK\r\nA: " + filler + "\r\n\r\n" + Text.upgrade + Text.frames([1]), pieces: 999) == nil)
        let start = Text.greeting + Text.upgrade + Text.settings
        let longest = Text.frame(0x77, 0, 0, [UInt8](repeating: 0, count: 16_384))
        let end = Text.head + Text.data([1]) + Text.trailer
        func many(_ count: Int) -> ByteString { ByteString((0..<count).flatMap { _ in longest.bytes }) }
        #expect(read(start + many(255) + end, pieces: 65_536) == [1])
        #expect(read(start + many(256) + end, pieces: 65_536) == nil)
        #expect(read(start + Text.frame(0x77, 0, 0, [UInt8](repeating: 0, count: 16_385)) + end, pieces: 999) == nil)
        // Many empty frames are as long.
        let none = ByteString((0..<466_034).flatMap { _ in [0, 0, 0, 6, 0, 0, 0, 0, 0] as [UInt8] })
        #expect(read(start + none + end, pieces: 65_536) == nil)
    }

    @Test("A head, and all frames together, may be just as long as their limits", arguments: [999, 1 << 20])
    func greatest(pieces: Int) {
        func head(_ extra: Int) -> ByteString {
            let line: ByteString = "HTTP/1.1 200 OK\r\nA: "
            return line + ByteString(repeatElement(0x61, count: 16_384 - line.count - 4 + extra)) + "\r\n\r\n"
        }
        let frames = Text.frames([1])
        #expect(read(head(0) + Text.upgrade + frames, pieces: pieces) == [1])
        #expect(read(head(1) + Text.upgrade + frames, pieces: pieces) == nil)
        func filled(_ extra: Int) -> ByteString {
            func skipped(_ count: Int) -> ByteString { Text.frame(0x77, 0, 0, [UInt8](repeating: 0, count: count - 9)) }
            var all = Text.settings
            var left = 4 << 20 + extra - frames.count
            while left >= 2000 {
                all += skipped(1000)
                left -= 1000
            }
            all += skipped(left)
            return all + Text.head + Text.data([1]) + Text.trailer
        }
        #expect(filled(0).count == 4 << 20)
        #expect(read(Text.greeting + Text.upgrade + filled(0), pieces: pieces) == [1])
        #expect(read(Text.greeting + Text.upgrade + filled(1), pieces: pieces) == nil)
    }

    @Test("The first bit of a stream's number is nobody's")
    func reserved() {
        let frames = [Text.settings, Text.head, Text.data([1, 2]), Text.trailer].map { frame -> ByteString in
            var bytes = frame.bytes
            bytes[5] |= 0x80
            return ByteString(bytes)
        }
        #expect(read(Text.greeting + Text.upgrade + frames.joined(separator: ""), pieces: 7) == [1, 2])
    }

    @Test("Noise never traps") func noise() {
        var generator = SystemRandomNumberGenerator()
        let good = (Text.greeting + Text.upgrade + Text.frames(Text.worker())).bytes
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let message = read(ByteString(bytes), pieces: Int.random(in: 1...600, using: &generator))
            if let message { _ = try? BuildKitWorker.only(in: message) }
        }
    }

    @Test("The request is what an engine expects, byte for byte") func request() {
        let request = BuildKitCall.request("/a", [0x0A])
        let frames = request.dropFirst(24)
        #expect(request.hasPrefix("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        #expect(frames.hasPrefix(Text.frame(4, 0, 0, [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0, 64, 0, 0])))
        #expect(frames.hasSuffix(Text.frame(0, 1, 1, [0, 0, 0, 0, 1, 0x0A])))
        // The connection's window, with the 65,535 bytes that it has anyway as wide as the stream's.
        #expect(frames.dropFirst(27).hasPrefix(Text.frame(8, 0, 0, [0, 63, 0, 1])))
        let headers: [[UInt8]] = [
            [0x83, 0x86, 0x04, 2], Array("/a".utf8), [0x01, 6], Array("docker".utf8), [0x0F, 0x10, 16],
            Array("application/grpc".utf8), [0, 2], Array("te".utf8), [8], Array("trailers".utf8),
        ]
        #expect(frames.dropFirst(27 + 13).hasPrefix(Text.frame(1, 4, 1, Array(headers.joined()))))
        #expect(frames.count == 27 + 13 + 9 + 0x2E + 9 + 6)
        let long = [UInt8](repeating: 7, count: 300)
        #expect(BuildKitCall.request("/a", long).hasSuffix(Text.frame(0, 1, 1, [0, 0, 0, 1, 44] + long)))
    }
}

@Suite("Workers of BuildKit") struct BuildKitWorkerTests {
    private typealias Text = BuildKitText

    private func read(_ message: [UInt8]) -> Result<BuildKitWorker?, MalformedResponse> {
        Result { () throws(MalformedResponse) in try BuildKitWorker.only(in: message) }
    }

    @Test("With containerd's store, as reported by 28 and 26") func containerd() throws {
        let worker = try #require(try BuildKitWorker.only(in: Text.worker()))
        #expect(worker.identifier == "sppm0a4si6n32hjbq7uzvw9ou")
        #expect(worker.usesContainerdStore)
        #expect(worker.architecture == "amd64")
        let info = try #require(EngineInfo(worker, greeting: "Docker/28.5.2+dfsg4 (linux)"))
        let same = try #require(EngineInfo(infoText()))
        #expect(info.obstacleToExport(buildx: Version(0, 19)) == nil && info.tellsOfCache)
        #expect(
            [info.operatingSystem, info.architecture] == [same.operatingSystem, same.architecture]
                && info.version == same.version && info.usesContainerdStore == same.usesContainerdStore)
    }

    @Test("With the classic store, by either kind of the engine's own identifier") func classic() throws {
        for identifier: ByteString in [
            "713a1e2a-f668-4477-aaec-75bac6913f05", "3VUB:37YQ:E2QB:5DKN:PBH2:X2BH:V37S:74GG:6XIM:IBRZ:MGZD:WHTY",
        ] {
            let list = Text.worker(identifier, Text.label("moby.host-gateway-ip", "172.30.8.1"), Text.platform("arm64"))
            let worker = try #require(try BuildKitWorker.only(in: list))
            #expect(!worker.usesContainerdStore && worker.identifier == identifier && worker.architecture == "arm64")
        }
    }

    @Test("An empty list has no worker") func none() { #expect(read([]) == .success(nil)) }

    @Test(
        "Uncertain answers",
        arguments: [
            // The ID that all had up to 24.0.0; none; some that cannot be used in a filter.
            Text.worker("moby", []), Text.worker(""), Text.worker("a\"b"), Text.worker("a b"),
            Text.worker(ByteString(repeatElement(0x61, count: 97))),
            Text.worker() + Text.worker(),
            // Half of the labels for containerd, and another executor.
            Text.worker("a", Text.label("snapshotter", "overlayfs")),
            Text.worker("a", Text.label("containerd.uuid", "x")),
            Text.worker("a", Text.containerd + Text.label("executor", "oci")),
            Text.worker("a", Text.containerd + Text.label("snapshotter", "")),
            // Architectures that `/info` names differently, or that a 32-bit engine has; no platform; another
            // operating system.
            Text.worker("a", Text.containerd, Text.platform("arm")),
            Text.worker("a", Text.containerd, Text.platform("386")),
            Text.worker("a", Text.containerd, Text.platform("386") + Text.platform("amd64")),
            Text.worker("a", Text.containerd, []), Text.worker("a", Text.containerd, Text.platform("amd64", "windows")),
            // Invalid protobuf: truncated, a number without an end or too large, a group, a field without a number.
            Array(Text.worker().dropLast()), [0x0A], [0x08] + [UInt8](repeating: 0xFF, count: 10), [0x0B, 0x0C],
            [0x02, 0x00],
            [0x08, 0x80], [0x09, 1, 2, 3], [0x0D, 1, 2],
            [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ] as [[UInt8]])
    func uncertain(message: [UInt8]) { #expect(read(message) == .failure(MalformedResponse())) }

    @Test(
        "Names of engines",
        arguments: [
            ("Docker/28.5.2+dfsg4 (linux)", Version(28, 5), "linux"),
            ("Docker/24.0.9 (windows)", Version(24, 0), "windows"),
            ("Docker/23.0.6 (linux)", nil, ""), ("Docker/20.10.24+dfsg1 (linux)", nil, ""),
            ("Docker/dev (linux)", nil, ""),
            ("Libpod/5.4.1 (linux)", nil, ""), ("", nil, ""), ("Docker/28.5.2", nil, ""), ("Docker/28.5.2 ()", nil, ""),
            ("Docker/28.5.2 linux)", nil, ""),
        ] as [(ByteString, Version?, ByteString)])
    func names(name: ByteString, version: Version?, system: ByteString) {
        let release = EngineInfo.release(in: name)
        #expect(release?.0 == version)
        #expect(release?.system ?? "" == system)
    }

    @Test("The question leaves out the known worker") func question() throws {
        #expect(BuildKitWorker.question(besides: nil) == [])
        let known = try #require(BuildKitWorker(identifier: "a1", usesContainerdStore: true, architecture: "amd64"))
        #expect(BuildKitWorker.question(besides: known) == BuildKitText.field(1, "id!=\"a1\""))
    }
}
