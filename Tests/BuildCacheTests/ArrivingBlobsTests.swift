import Formats
import Foundation
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("Blobs are hashed while they arrive")
struct ArrivingBlobsTests {
    private let folder: TemporaryFolder
    private let arriving: ArrivingBlobs

    init() throws {
        folder = try TemporaryFolder()
        try folder.makeFolder("ingest")
        try folder.makeFolder("pool")
        arriving = ArrivingBlobs(in: [folder["ingest"], folder["pool"], folder["missing"]])
    }

    /// Looks so many times at what is there.
    private func look(_ times: Int = 3) {
        var left = times
        arriving.hash {
            left -= 1
            return left >= 0
        }
    }

    private func write(_ text: ByteString, to name: ByteString) throws {
        try Descriptor.open(folder[name], .append(mode: 0o600)).write(text)
    }

    private func digest(of name: ByteString) throws -> Digest? {
        try arriving.digest(of: try Files.status(folder[name], followLinks: false))
    }

    @Test("A file that grows, and then gets its name")
    func grows() throws {
        #expect(throws: Errno.self) { try digest(of: "ingest/1") }
        try write("abc", to: "ingest/1")
        #expect(try digest(of: "ingest/1") == nil, "nobody has looked")
        look(8)
        try write("def", to: "ingest/1")
        look(8)
        try Files.rename(folder["ingest/1"], to: folder["pool/x"])
        try write("ghi", to: "pool/x")
        #expect(try digest(of: "pool/x") == Digest(of: "abcdefghi"))
        #expect(try digest(of: "pool/x") == Digest(of: "abcdefghi"), "asking changes nothing")
    }

    @Test("What was hashed is not read again, and the rest is")
    func onlyTheRest() throws {
        try write("abc", to: "ingest/1")
        look(8)
        let file = try Descriptor.open(folder["ingest/1"], .update(mode: 0o600))
        try file.write("ABCd")
        #expect(try digest(of: "ingest/1") == Digest(of: "abcd"))
    }

    @Test("A file that takes the place of another is not taken for it")
    func replaced() throws {
        try write("abc", to: "ingest/1")
        look(8)
        // Its number is free for the next file, unless somebody has it open.
        try Files.remove(folder["ingest/1"])
        try write("ABCdef", to: "ingest/1")
        #expect(try digest(of: "ingest/1") == nil)
        look(8)
        #expect(try digest(of: "ingest/1") == Digest(of: "ABCdef"))
        try Descriptor.open(folder["ingest/1"], .update(mode: 0o600)).truncate()
        #expect(try digest(of: "ingest/1") == nil, "it has become shorter")
    }

    @Test("A file that the client has deleted is let go")
    func deleted() throws {
        func isOpen() throws -> Bool {
            try Files.names(in: "/proc/self/fd", limit: 65_536).contains { name in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name.lossy)
                return target?.hasPrefix(folder["ingest/1"].lossy) == true
            }
        }
        try write("abc", to: "ingest/1")
        look()
        #expect(try isOpen())
        try Files.remove(folder["ingest/1"])
        #expect(try isOpen())
        look()
        #expect(try !isOpen())
    }

    @Test("Links to blobs that were here, symbolic links and folders are not looked at")
    func others() throws {
        try write("abc", to: "elsewhere")
        try Files.makeHardLink(folder["pool/linked"], to: folder["elsewhere"])
        try FileManager.default.createSymbolicLink(
            atPath: folder["pool/symbolic"].lossy, withDestinationPath: folder["elsewhere"].lossy)
        try folder.makeFolder("pool/folder")
        look(20)
        #expect(try digest(of: "elsewhere") == nil)
    }

    @Test("More files than may be open are hashed afterwards, each to the end")
    func many() throws {
        for number in 0..<200 { try write(ByteString(decimal: number), to: "pool/" + ByteString(decimal: number)) }
        look(500)
        let digests = try (0..<200).map { try digest(of: "pool/" + ByteString(decimal: $0)) }
        #expect(digests.count { $0 != nil } == 128)
        #expect(digests.enumerated().allSatisfy { $1 == nil || $1 == Digest(of: ByteString(decimal: $0)) })
    }
}
