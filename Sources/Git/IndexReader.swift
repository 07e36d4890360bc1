internal import Formats

/// Reads an index once, from start to end. Every read is checked against the end.
struct IndexReader {
    private let format: GitIndex.ObjectFormat
    private let source: GitIndex.Source
    /// The bytes before the checksum that have not been read yet.
    private var left: Int
    private var piece: [UInt8] = []
    private var at = 0
    private var path = IndexPath()
    private var hash: (any BlockHash)?

    init(size: Int, format: GitIndex.ObjectFormat, isHashing: Bool, _ source: @escaping GitIndex.Source) {
        self.format = format
        self.source = source
        left = size - format.rawValue
        if isHashing { hash = format == .sha1 ? SHA1() : SHA256() }
    }

    mutating func read(
        until deadline: Deadline, _ body: (GitIndex.Entry, UnsafeBufferPointer<CChar>, Int) -> Bool
    ) throws(GitIndex.IndexError) -> Bool {
        guard left >= 12 else { throw try hasMark() ? .torn : .notAnIndex }
        guard try hasMark() else { throw .notAnIndex }
        let version = try number()
        guard (2...4).contains(version) else { throw .version(version) }
        let count = Int(try number())
        // The minimum size of an entry.
        guard count <= left / (42 + format.rawValue) else { throw .torn }
        var isSound = true
        for index in 0..<count {
            if index % 64 == 0, deadline.hasPassed { return false }
            let entry = try entry(version: version)
            isSound = isSound && path.isSound(for: entry)
            // A split index has entries without names, so its extension is searched for first.
            if isSound, !path.withCString({ body(entry, $0, path.shared) }) { return false }
        }
        while left > 0 {
            if deadline.hasPassed { return false }
            try skipExtension()
        }
        guard isSound else { throw .path }
        try verify()
        return true
    }

    private mutating func hasMark() throws(GitIndex.IndexError) -> Bool {
        for byte in Array("DIRC".utf8) {
            guard left > 0, try self.byte() == byte else { return false }
        }
        return true
    }

    // MARK: - Bytes

    private mutating func refill(skipping count: Int = 0) throws(GitIndex.IndexError) {
        piece = source(count)
        at = 0
        guard !piece.isEmpty else { throw .torn }
        guard hash != nil else { return }
        // The checksum does not cover itself.
        let content = piece.count <= left ? piece : Array(piece[..<left])
        hash?.update(content)
    }

    private mutating func byte() throws(GitIndex.IndexError) -> UInt8 {
        guard left > 0 else { throw .torn }
        if at == piece.count { try refill() }
        defer {
            at += 1
            left -= 1
        }
        return piece[at]
    }

    private mutating func number() throws(GitIndex.IndexError) -> UInt32 {
        if piece.count - at >= 4, left >= 4 {
            defer {
                at += 4
                left -= 4
            }
            return UInt32(piece[at]) << 24 | UInt32(piece[at + 1]) << 16 | UInt32(piece[at + 2]) << 8
                | UInt32(piece[at + 3])
        }
        var value: UInt32 = 0
        for _ in 0..<4 { value = value << 8 | UInt32(try byte()) }
        return value
    }

    private mutating func half() throws(GitIndex.IndexError) -> UInt16 { UInt16(try byte()) << 8 | UInt16(try byte()) }

    private mutating func skip(_ count: Int) throws(GitIndex.IndexError) {
        guard count <= left else { throw .torn }
        var rest = count
        while rest > 0 {
            if at == piece.count {
                // What is not hashed need not be read.
                if hash == nil {
                    left -= rest
                    if left > 0 { try refill(skipping: rest) }
                    return
                }
                try refill()
            }
            let taken = min(rest, piece.count - at)
            at += taken
            left -= taken
            rest -= taken
        }
    }

    // MARK: - Parts

    private mutating func entry(version: UInt32) throws(GitIndex.IndexError) -> GitIndex.Entry {
        let start = left
        try skip(8)
        let (seconds, nanoseconds) = (try number(), try number())
        try skip(8)
        let kind = try Self.kind(ofMode: try number())
        try skip(8)
        let size = try number()
        let name = try ObjectName(format) { () throws(GitIndex.IndexError) in try number() }
        let flags = try half()
        var more: UInt16 = 0
        if flags & 0x4000 != 0 {
            guard version >= 3 else { throw .torn }
            more = try half()
        }
        try readPath(isCompressed: version == 4)
        // One to eight NULs, up to a multiple of eight from the entry's start; one has been read.
        while version < 4, (start - left) % 8 != 0 {
            guard try byte() == 0 else { throw .torn }
        }
        return GitIndex.Entry(
            kind: kind, size: size, modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds,
            stage: UInt8(flags >> 12 & 3), isSkipped: more & 0x4000 != 0, isIntended: more & 0x2000 != 0, name: name)
    }

    private static func kind(ofMode mode: UInt32) throws(GitIndex.IndexError) -> GitIndex.Kind {
        switch mode & 0o170000 {
        case 0o100000: .file(isExecutable: mode & 0o100 != 0)
        case 0o120000: .symbolicLink
        case 0o160000: .submodule
        case 0o040000: .sparseDirectory
        default: throw .torn
        }
    }

    private mutating func readPath(isCompressed: Bool) throws(GitIndex.IndexError) {
        guard path.keep(removing: isCompressed ? try variableNumber() : nil) else { throw .torn }
        while true {
            if at == piece.count, left > 0 { try refill() }
            let end = min(piece.count, at + left)
            guard at < end else { throw .torn }
            let stop = path.take(piece, at..<end)
            left -= stop - at
            at = stop
            // A path without an end is not read to its end.
            if path.isTooLong { throw .path }
            guard stop == end else { break }
        }
        _ = try byte()
        path.end()
    }

    /// Source: git varint.c, decode_varint.
    private mutating func variableNumber() throws(GitIndex.IndexError) -> Int {
        var value = 0
        for place in 0..<5 {
            let byte = try byte()
            value = (place == 0 ? 0 : value + 1) << (place == 0 ? 0 : 7) | Int(byte & 0x7F)
            if byte & 0x80 == 0 { return value }
        }
        throw .torn
    }

    /// Extensions whose name starts with a small letter are mandatory.
    private mutating func skipExtension() throws(GitIndex.IndexError) {
        var name: [UInt8] = []
        for _ in 0..<4 { name.append(try byte()) }
        try skip(Int(try number()))
        if name.elementsEqual("link".utf8) { throw .split }
        let isOptional = (0x41...0x5A).contains(name[0])
        guard isOptional || name.elementsEqual("sdir".utf8) else { throw .extension(ByteString(name)) }
    }

    private mutating func verify() throws(GitIndex.IndexError) {
        guard let hash else { return }
        var kept = Array(piece[min(at, piece.count)...])
        while kept.count < format.rawValue {
            let more = source(0)
            guard !more.isEmpty else { throw .torn }
            kept += more
        }
        guard kept.count == format.rawValue else { throw .torn }
        guard kept.contains(where: { $0 != 0 }) else { return }
        guard hash.digest().elementsEqual(kept) else { throw .checksum }
    }
}

/// The path of an entry, and what it shares with the one before: each byte of the index is looked at once.
private struct IndexPath {
    /// The longest path in Linux, with its NUL (PATH_MAX).
    private static let room = 4096

    private var bytes = [UInt8](repeating: 0, count: room)
    private var count = 0
    private(set) var isTooLong = false
    /// The previous path.
    private var last: [UInt8] = []
    private var lastStage: UInt8 = 0
    private var isFirst = true
    /// How many bytes both share.
    private var common = 0
    /// Bytes that certainly equal those of the previous path: names that end there have been checked.
    private var known = 0
    /// The positions of slashes in the path, in order.
    private var slashes: [Int] = []
    private(set) var shared = 0

    /// Starts with the previous path without its last bytes, or with an empty path. False if the previous path is too
    /// short.
    mutating func keep(removing removed: Int?) -> Bool {
        let removed = removed ?? count
        guard removed <= count else { return false }
        // Only the removed part is remembered: the rest need not be compared.
        known = count - removed
        last.removeAll(keepingCapacity: true)
        last.append(contentsOf: bytes[known..<count])
        count = known
        return true
    }

    /// Appends the bytes up to a NUL or the end of the range, and returns where that is.
    mutating func take(_ piece: [UInt8], _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = piece[index]
            if byte == 0 { return index }
            if count < Self.room - 1 {
                bytes[count] = byte
                count += 1
            } else {
                isTooLong = true
            }
            index += 1
        }
        return index
    }

    mutating func end() {
        bytes[count] = 0
        common = known
        while common < count, common - known < last.count, bytes[common] == last[common - known] { common += 1 }
        while let slash = slashes.last, slash >= common { slashes.removeLast() }
        shared = slashes.last.map { $0 + 1 } ?? 0
    }

    /// Paths are joined to a directory and files there are changed, so no path may lead out of it.
    mutating func isSound(for entry: GitIndex.Entry) -> Bool {
        guard !isTooLong, areNamesSound(of: entry.kind), isInOrder(entry.stage) else { return false }
        lastStage = entry.stage
        isFirst = false
        return true
    }

    /// Checks from the first name in which the two paths differ.
    private mutating func areNamesSound(of kind: GitIndex.Kind) -> Bool {
        var end = count
        if kind == .sparseDirectory, end > 0, bytes[end - 1] == 0x2F { end -= 1 }
        var start = shared
        for index in max(shared, min(common, end))...max(end, shared) where index >= end || bytes[index] == 0x2F {
            guard isName(start, min(index, end)) else { return false }
            if index < end { slashes.append(index) }
            start = index + 1
        }
        if end < count, slashes.last != end { slashes.append(end) }
        return true
    }

    private func isName(_ start: Int, _ end: Int) -> Bool {
        switch end - start {
        case ...0: false
        case 1: bytes[start] != 0x2E
        case 2: bytes[start] != 0x2E || bytes[start + 1] != 0x2E
        case 4: bytes[start] != 0x2E || ByteString(bytes[start..<end]).lowercasedASCII != ".git"
        default: true
        }
    }

    private func isInOrder(_ stage: UInt8) -> Bool {
        guard !isFirst else { return true }
        let rest = common - known
        if common == count { return rest == last.count && lastStage < stage }
        return rest == last.count || last[rest] < bytes[common]
    }

    /// The path with its NUL.
    func withCString(_ body: (UnsafeBufferPointer<CChar>) -> Bool) -> Bool {
        bytes.withUnsafeBytes { raw in
            body(UnsafeBufferPointer(rebasing: raw.bindMemory(to: CChar.self)[...count]))
        }
    }
}
