import Formats
import Synchronization
import Testing

@testable import Git

/// Indexes in git's format, made byte by byte.
struct IndexWriter {
    var version: UInt32 = 2
    var format = GitIndex.ObjectFormat.sha1
    var extensions: [(name: String, content: [UInt8])] = []
    var hasChecksum = true

    struct Entry {
        var path: ByteString
        var mode: UInt32 = 0o100644
        var flags: UInt16 = 0
        var more: UInt16 = 0
    }

    func bytes(_ entries: [Entry]) -> [UInt8] {
        var out = Array("DIRC".utf8) + Self.number(version) + Self.number(UInt32(entries.count))
        var last: [UInt8] = []
        for entry in entries {
            let start = out.count
            for value: UInt32 in [1, 2, 3, 4, 5, 6, entry.mode, 8, 9, 10] { out += Self.number(value) }
            out += [UInt8](repeating: 0xAB, count: format.rawValue)
            let flags = entry.flags | (entry.more == 0 ? 0 : 0x4000)
            out += [UInt8(flags >> 8), UInt8(flags & 0xFF)]
            if entry.more != 0 { out += [UInt8(entry.more >> 8), UInt8(entry.more & 0xFF)] }
            if version == 4 {
                let common = zip(last, entry.path.bytes).prefix { $0 == $1 }.count
                out += Self.variable(last.count - common) + entry.path.bytes.dropFirst(common) + [0]
            } else {
                out += entry.path.bytes + [0]
                while (out.count - start) % 8 != 0 { out.append(0) }
            }
            last = entry.path.bytes
        }
        for (name, content) in extensions {
            out += Array(name.utf8) + Self.number(UInt32(content.count)) + content
        }
        guard hasChecksum else { return out + [UInt8](repeating: 0, count: format.rawValue) }
        let content = ByteString(out)
        return out + (format == .sha1 ? SHA1.digest(of: content) : SHA256.digest(of: content))
    }

    private static func number(_ value: UInt32) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    /// git's own encoding: each further byte counts from one more than the bytes before could express.
    private static func variable(_ value: Int) -> [UInt8] {
        var rest = value
        var out = [UInt8(rest & 0x7F)]
        while rest > 0x7F {
            rest = (rest >> 7) - 1
            out.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
        }
        return out
    }
}

/// The complete content of an index.
struct WholeIndex {
    var entries: [GitIndex.Entry] = []
    var paths: [ByteString] = []
    var shared: [Int] = []

    /// Read in pieces of this size.
    init(
        _ bytes: [UInt8], format: GitIndex.ObjectFormat = .sha1, verifying: Bool = true, pieces: Int = .max
    ) throws(GitIndex.IndexError) {
        var at = 0
        let index = GitIndex(size: bytes.count, format: format) { skipped in
            at += min(skipped, bytes.count - at)
            let piece = bytes[at...].prefix(pieces)
            at += piece.count
            return Array(piece)
        }
        let isWhole = try index.forEach(verifying: verifying) { entry, path, shared in
            entries.append(entry)
            paths.append(ByteString(path.dropLast().map { UInt8(bitPattern: $0) }))
            self.shared.append(path.last == 0 && shared < path.count ? shared : -1)
            return true
        }
        if !isWhole { throw .torn }
    }
}

@Suite("git's index")
struct GitIndexTests {
    private let some: [IndexWriter.Entry] = [
        .init(path: "a.txt"), .init(path: "dir/b", mode: 0o100755), .init(path: "dir/deeper/c"),
        .init(path: "dir2/\n\u{1B}[31m"), .init(path: ByteString("link"), mode: 0o120000),
        .init(path: ByteString([0x6D, 0xFF, 0xFE])), .init(path: "sub", mode: 0o160000),
    ]

    @Test(
        "Versions 2, 3 and 4 of both formats", arguments: [2, 3, 4] as [UInt32], [GitIndex.ObjectFormat.sha1, .sha256])
    func versions(version: UInt32, format: GitIndex.ObjectFormat) throws {
        var entries = some
        if version >= 3 { entries[0].more = 0x4000 }
        let writer = IndexWriter(version: version, format: format)
        let index = try WholeIndex(writer.bytes(entries), format: format)
        #expect(index.paths == entries.map(\.path))
        #expect(
            index.entries.map(\.kind) == [
                .file(isExecutable: false), .file(isExecutable: true), .file(isExecutable: false),
                .file(isExecutable: false), .symbolicLink, .file(isExecutable: false), .submodule,
            ])
        #expect(index.entries.map(\.isSkipped) == [version >= 3] + [Bool](repeating: false, count: 6))
        let first = try #require(index.entries.first)
        #expect(first.name.start == 0xABAB_ABAB_ABAB_ABAB)
        #expect((first.modifiedSeconds, first.modifiedNanoseconds, first.size) == (3, 4, 10))
    }

    @Test("Read in pieces of any size, it is the same", arguments: [2, 3, 4] as [UInt32], [true, false])
    func pieces(version: UInt32, isVerifying: Bool) throws {
        let writer = IndexWriter(version: version, extensions: [("TREE", [UInt8](repeating: 7, count: 99))])
        let bytes = writer.bytes(some)
        for size in 1...bytes.count {
            let index = try WholeIndex(bytes, verifying: isVerifying, pieces: size)
            #expect(index.paths == some.map(\.path))
        }
    }

    @Test("An index without files is valid", arguments: [GitIndex.ObjectFormat.sha1, .sha256])
    func empty(format: GitIndex.ObjectFormat) throws {
        let bytes = IndexWriter(format: format).bytes([])
        #expect(try WholeIndex(bytes, format: format).paths.isEmpty)
        #expect(throws: GitIndex.IndexError.torn) { try WholeIndex(Array(bytes.dropLast()), format: format) }
    }

    @Test("A path without an end is not read to the end of the file", arguments: [2, 4] as [UInt32])
    func endless(version: UInt32) {
        var next = IndexWriter(version: version).bytes([.init(path: "a")]).prefix(12 + 62 + (version == 4 ? 1 : 0))
        var pieces = 0
        let index = GitIndex(size: 1 << 30) { _ in
            defer { next = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)[...] }
            pieces += 1
            return pieces > 100 ? [] : Array(next)
        }
        #expect(throws: GitIndex.IndexError.path) { try index.forEach(verifying: false) { _, _, _ in true } }
        #expect(pieces < 5)
    }

    @Test("The longest path that Linux permits, and no longer one", arguments: [2, 4] as [UInt32])
    func longPaths(version: UInt32) throws {
        let long = ByteString(repeatElement(UInt8(ascii: "x"), count: 4093))
        let entries: [IndexWriter.Entry] = [.init(path: "a/" + long), .init(path: "b"), .init(path: "b/" + long)]
        let writer = IndexWriter(version: version)
        #expect(try WholeIndex(writer.bytes(entries)).paths == entries.map(\.path))
        #expect(throws: GitIndex.IndexError.path) { try WholeIndex(writer.bytes([.init(path: "a/x" + long)])) }
        #expect(throws: GitIndex.IndexError.path) {
            try WholeIndex(writer.bytes([.init(path: "a/" + long), .init(path: "a/" + long + "y")]))
        }
    }

    @Test("Paths come with the directories that they share with the previous one", arguments: [2, 4] as [UInt32])
    func shared(version: UInt32) throws {
        let index = try WholeIndex(
            IndexWriter(version: version).bytes(some + [.init(path: "sub/a/b"), .init(path: "sub/a/bc")]))
        #expect(index.shared == [0, 0, 4, 0, 0, 0, 0, 0, 6])
        let deep = try WholeIndex(
            IndexWriter(version: version).bytes(["a/b/c/d", "a/b/x", "a/c/x", "b"].map { .init(path: $0) }))
        #expect(deep.shared == [0, 4, 2, 0])
    }

    @Test("A caller that stops gets no more entries, and one without time gets none")
    func stopping() throws {
        let index = GitIndex(IndexWriter().bytes(some))
        var seen = 0
        let isWhole = try index.forEach { _, _, _ in
            seen += 1
            return seen < 3
        }
        #expect(!isWhole && seen == 3)
        // Time may run out at any question: before the entries, and before each extension.
        let extended = IndexWriter(extensions: [("TREE", [1]), ("REUC", [2])]).bytes(some)
        for most in 0...3 {
            var entries = 0
            let questions = Atomic<Int>(0)
            let deadline = Deadline { questions.add(1, ordering: .relaxed).oldValue >= most }
            let isWhole = try GitIndex(extended).forEach(until: deadline) { _, _, _ in
                entries += 1
                return true
            }
            #expect(isWhole == (most == 3))
            #expect(entries == (most == 0 ? 0 : some.count))
        }
    }

    @Test("Sides of a merge, and files that are only intended to be added")
    func flags() throws {
        let index = try WholeIndex(
            IndexWriter(version: 3).bytes([
                .init(path: "a", flags: 1 << 12), .init(path: "a", flags: 2 << 12), .init(path: "b", more: 0x2000),
            ]))
        #expect(index.entries.map(\.stage) == [1, 2, 0])
        #expect(index.entries.map(\.isIntended) == [false, false, true])
    }

    @Test("A sparse index has directories")
    func sparse() throws {
        let writer = IndexWriter(version: 3, extensions: [("sdir", [])])
        let index = try WholeIndex(
            writer.bytes([.init(path: "a"), .init(path: "left/", mode: 0o040000, more: 0x4000)]))
        #expect(index.entries.map(\.kind) == [.file(isExecutable: false), .sparseDirectory])
        #expect(throws: GitIndex.IndexError.path) {
            try WholeIndex(writer.bytes([.init(path: "a/.git/", mode: 0o040000, more: 0x4000)]))
        }
    }

    @Test("Nothing below a sparse directory leads out of the tree", arguments: ["a/../x", "a/..", "a//x", "a/.git"])
    func belowSparse(path: String) {
        let writer = IndexWriter(version: 3)
        let first = IndexWriter.Entry(path: "a/", mode: 0o040000, more: 0x4000)
        #expect(throws: GitIndex.IndexError.path) {
            try WholeIndex(writer.bytes([first, .init(path: ByteString(path))]))
        }
    }

    @Test("A split index is recognized, although its entries have no names")
    func split() {
        let writer = IndexWriter(extensions: [("link", [UInt8](repeating: 7, count: 20))])
        #expect(throws: GitIndex.IndexError.split) { try WholeIndex(writer.bytes([.init(path: "")])) }
    }

    @Test("Objects are the same if all of their name is")
    func names() throws {
        func name(_ bytes: [UInt8], _ format: GitIndex.ObjectFormat) throws -> ObjectName {
            var words = stride(from: 0, to: bytes.count, by: 4).map { at in
                bytes[at..<at + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            }[...]
            return try ObjectName(format) { words.removeFirst() }
        }
        for format in [GitIndex.ObjectFormat.sha1, .sha256] {
            let bytes = (0..<UInt8(format.rawValue)).map { 0xAB ^ $0 }
            for place in bytes.indices {
                var other = bytes
                other[place] ^= 1
                #expect(try name(bytes, format) != name(other, format))
            }
            #expect(try name(bytes, format) == name(bytes, format))
            #expect(try name(bytes, format).bytes == bytes)
        }
        let bytes = [UInt8](repeating: 0xAB, count: 20)
        let long = bytes + [UInt8](repeating: 0, count: 12)
        #expect(try name(long, .sha256) != name(bytes, .sha1))
    }

    @Test("Extensions that may be ignored are ignored, and no others")
    func extensions() throws {
        _ = try WholeIndex(IndexWriter(extensions: [("TREE", [1, 2, 3]), ("FSMN", [])]).bytes(some))
        #expect(throws: GitIndex.IndexError.extension("tree")) {
            try WholeIndex(IndexWriter(extensions: [("tree", [1])]).bytes(some))
        }
    }

    @Test(
        "Paths that lead out of the working tree, or into git's own directory",
        arguments: ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", ".git/config", "a/.GIT/hooks/x", "a/"])
    func paths(path: String) {
        #expect(throws: GitIndex.IndexError.path) {
            try WholeIndex(IndexWriter().bytes([.init(path: ByteString(path))]))
        }
    }

    @Test(
        "Names that only look like those",
        arguments: [".abc", "a/.GIT2", "..a", ".gi", "a..", ".git.", "a/...", "agit"])
    func harmless(path: String) throws {
        #expect(try WholeIndex(IndexWriter().bytes([.init(path: ByteString(path))])).entries.count == 1)
    }

    @Test("Paths out of order, or twice")
    func order() {
        for paths: [ByteString] in [["b", "a"], ["a", "a"]] {
            #expect(throws: GitIndex.IndexError.path) {
                try WholeIndex(IndexWriter().bytes(paths.map { .init(path: $0) }))
            }
        }
    }

    @Test("Files that are not an index, and future versions")
    func foreign() {
        #expect(throws: GitIndex.IndexError.notAnIndex) {
            try WholeIndex(Array("not an index at all, but as long as one".utf8))
        }
        #expect(throws: GitIndex.IndexError.notAnIndex) { try WholeIndex([]) }
        #expect(throws: GitIndex.IndexError.version(5)) { try WholeIndex(IndexWriter(version: 5).bytes(some)) }
    }

    @Test("The checksum counts if there is one and it is requested")
    func checksum() throws {
        var bytes = IndexWriter().bytes(some)
        bytes[12] ^= 1
        #expect(throws: GitIndex.IndexError.checksum) { try WholeIndex(bytes) }
        _ = try WholeIndex(bytes, verifying: false)
        _ = try WholeIndex(IndexWriter(hasChecksum: false).bytes(some))
    }

    @Test("Truncated anywhere it is reported as torn, and never traps", arguments: [2, 3, 4] as [UInt32])
    func torn(version: UInt32) {
        let bytes = IndexWriter(version: version, extensions: [("TREE", [1, 2, 3])]).bytes(some)
        for length in bytes.indices {
            #expect(throws: GitIndex.IndexError.self) { try WholeIndex(Array(bytes.prefix(length))) }
        }
        // Behind what tells that it is an index there is room for a checksum.
        #expect(throws: GitIndex.IndexError.notAnIndex) { try WholeIndex(Array(bytes.prefix(23))) }
        #expect(throws: GitIndex.IndexError.torn) { try WholeIndex(Array(bytes.prefix(24))) }
    }

    @Test("The beginning of a checksum is no padding of the last entry")
    func padding() throws {
        let bytes = IndexWriter(hasChecksum: false).bytes([.init(path: "abc")])
        #expect(throws: GitIndex.IndexError.torn) {
            try WholeIndex(bytes.dropLast(21) + bytes.suffix(20), verifying: false)
        }
        _ = try WholeIndex(bytes, verifying: false)
    }

    @Test("Any byte may be changed to any other without a trap", arguments: [2, 3, 4] as [UInt32])
    func spoiled(version: UInt32) {
        let bytes = IndexWriter(version: version, extensions: [("TREE", [1, 2, 3])]).bytes(some)
        for place in bytes.indices {
            for value: UInt8 in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
                var spoiled = bytes
                spoiled[place] = value
                if let index = try? WholeIndex(spoiled, verifying: false) {
                    #expect(index.shared.allSatisfy { $0 >= 0 } && index.entries.allSatisfy { $0.stage < 4 })
                }
            }
        }
    }
}
