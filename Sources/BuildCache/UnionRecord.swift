internal import Formats
internal import Host
internal import Notes

/// Which manifest is a union, and which exports it contains: a text file next to what it covers, always replaced
/// atomically.
struct UnionRecord: Equatable, Sendable {
    /// The manifest, in the pool.
    let manifest: Preflight.Blob
    /// Its config, in the pool.
    let config: Preflight.Blob
    /// The number of steps that it knows.
    let records: Int
    /// The number of blobs to which these lead.
    let layers: Int
    /// When its oldest export was completed, in nanoseconds since 1970.
    let oldest: Int64
    /// The exports in it, as numbers, by their keys' directories.
    var exports: [ByteString: Set<UInt64>] = [:]
    /// Separate manifests and configs of the same union for the importers of concurrent builds, numbered from 1
    /// (`CacheGraph`).
    var apart: [Apart] = []
    /// Blobs of unions that this one and its predecessors replaced, and when, in nanoseconds since 1970.
    var former: [Digest: Int64] = [:]

    /// One of the separate manifests, in the pool.
    struct Apart: Equatable, Sendable {
        let manifest: Preflight.Blob
        let config: Preflight.Blob
    }

    /// The file's name in a key's directory, and in a generation.
    static let name: ByteString = "union"
    /// The most bytes to read: the numbers of half a million exports.
    private static let largest = 8 << 20
    private static let title: ByteString = "union 1"

    /// The number of exports in it.
    var exportCount: Int { exports.values.reduce(0) { $0 + $1.count } }

    /// Whether it contains an export.
    func holds(_ export: UInt64, of key: ByteString) -> Bool { exports[key]?.contains(export) ?? false }

    /// The records of a generation with their paths: the wide ones, and then those of keys.
    static func all(in generation: Generation) -> [(path: ByteString, record: UnionRecord)] {
        func read(_ path: ByteString) -> (path: ByteString, record: UnionRecord)? {
            UnionRecord.read(path, in: generation).map { (path, $0) }
        }
        let wide = ((try? Files.names(in: generation.path, limit: .max)) ?? []).filter { $0.hasPrefix(name) }
        let keys = ((try? Files.names(in: generation.exportsPath, limit: .max)) ?? []).filter(KeyRecord.isName)
        return wide.sorted().compactMap { read(generation.path.appending(path: $0)) }
            + keys.sorted().compactMap {
                read(generation.exportsPath.appending(path: $0).appending(path: name))
            }
    }

    /// Its blobs in the pool besides layers, and what its predecessors have left there.
    var blobs: [Digest] { named + former.keys }

    /// Its present blobs there.
    var named: [Digest] { namedBlobs.map(\.digest) }

    /// The same with their sizes.
    var namedBlobs: [Preflight.Blob] { [manifest, config] + apart.flatMap { [$0.manifest, $0.config] } }

    /// Reads a record, which must belong to the generation's owner and be writable by no one else; nil for any other,
    /// and for an incomplete one.
    static func read(_ path: ByteString, in generation: Generation) -> UnionRecord? {
        guard let file = try? Descriptor.open(path, followLinks: false), let status = try? file.status(),
            status.kind == .regular, status.owner == generation.owner, !status.isWritableByOthers,
            let text = try? file.readAll(limit: largest)
        else { return nil }
        return UnionRecord(text)
    }

    /// Removes a record, and what is remembered about it. Its blobs are swept once nothing names them any more.
    static func remove(_ path: ByteString) {
        guard !Files.isMissing(path) else { return }
        for file in [path, path + "-checked"] { try? Files.remove(file) }
    }

    /// From its parts.
    init(manifest: Preflight.Blob, config: Preflight.Blob, records: Int, layers: Int, oldest: Int64) {
        self.manifest = manifest
        self.config = config
        self.records = records
        self.layers = layers
        self.oldest = oldest
    }

    /// nil for an incomplete text.
    init?(_ text: ByteString) {
        var lines = text.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        // The last line must end with a newline, too.
        guard lines.popLast()?.isEmpty == true, lines.popLast().map({ ByteString($0) }) == "end",
            lines.popFirst().map({ ByteString($0) }) == Self.title,
            let manifest = Self.blob(lines.popFirst(), "manifest"), let config = Self.blob(lines.popFirst(), "config"),
            let counts = Self.words(lines.popFirst(), "holds"), counts.count == 3, let records = counts[0].decimal,
            let layers = counts[1].decimal, let oldest = counts[2].decimal
        else { return nil }
        self.init(manifest: manifest, config: config, records: records, layers: layers, oldest: Int64(oldest))
        while let line = lines.popFirst() {
            if let words = Self.words(line, "former"), words.count == 2, let blob = Digest(words[0]),
                let time = words[1].decimal
            {
                former[blob] = Int64(time)
            } else if let manifest = Self.blob(line, "apart"), let config = Self.blob(lines.popFirst(), "config") {
                apart.append(Apart(manifest: manifest, config: config))
            } else if let words = Self.words(line, "key"), words.count == 1, KeyRecord.isName(words[0]),
                let numbers = lines.popFirst().flatMap(Self.numbers)
            {
                exports[words[0]] = numbers
            } else {
                return nil
            }
        }
    }

    private static func words(_ line: ArraySlice<UInt8>?, _ first: ByteString) -> [ByteString]? {
        guard let line, line.starts(with: first.bytes) else { return nil }
        let words = ByteString(line).split(" ")
        return words.first == first ? Array(words.dropFirst()) : nil
    }

    private static func blob(_ line: ArraySlice<UInt8>?, _ first: ByteString) -> Preflight.Blob? {
        guard let words = words(line, first), words.count == 2, let digest = Digest(words[0]),
            let size = words[1].decimal
        else { return nil }
        return Preflight.Blob(digest: digest, size: size)
    }

    private static func numbers(_ line: ArraySlice<UInt8>) -> Set<UInt64>? {
        guard line.count % 16 == 0 else { return nil }
        var numbers: Set<UInt64> = []
        numbers.reserveCapacity(line.count / 16)
        var number: UInt64 = 0
        for (index, byte) in line.enumerated() {
            guard let value = Hex.value(of: byte) else { return nil }
            number = number << 4 | UInt64(value)
            if index % 16 == 15 { numbers.insert(number) }
        }
        return numbers
    }

    /// The same for the same exports, whoever writes it.
    var text: ByteString {
        var text = Self.title + "\n"
        text += "manifest " + manifest.digest.name + " " + ByteString(decimal: manifest.size) + "\n"
        text += "config " + config.digest.name + " " + ByteString(decimal: config.size) + "\n"
        text += "holds " + [records, layers, Int(oldest)].map { ByteString(decimal: $0) }.joined(separator: " ") + "\n"
        for one in apart {
            text += "apart " + one.manifest.digest.name + " " + ByteString(decimal: one.manifest.size) + "\n"
            text += "config " + one.config.digest.name + " " + ByteString(decimal: one.config.size) + "\n"
        }
        for (blob, time) in former.sorted(by: { $0.key < $1.key }) {
            text += "former " + blob.name + " " + ByteString(decimal: time) + "\n"
        }
        for (key, numbers) in exports.sorted(by: { $0.key < $1.key }) {
            text += "key " + key + "\n"
            for number in numbers.sorted() { text += ByteString(String(number, radix: 16)).zeroPadded(to: 16) }
            text += "\n"
        }
        return text + "end\n"
    }
}

extension ExportName {
    /// The unique number of the export with this name; nil for a name that is certainly foreign. Looks only at the end
    /// of the name, because a key has hundreds of exports.
    static func number(of name: ByteString) -> UInt64? {
        guard name.count > 17, name.bytes[name.count - 17] == UInt8(ascii: "-") else { return nil }
        var number: UInt64 = 0
        for byte in name.bytes.suffix(16) {
            guard let value = Hex.value(of: byte) else { return nil }
            number = number << 4 | UInt64(value)
        }
        return number
    }

    /// When the build of an export started, in seconds since 1970, by the export's name; 0 for a foreign name.
    static func started(_ name: ByteString) -> Int64 {
        guard name.count > 27 else { return 0 }
        var time: Int64 = 0
        for byte in name.bytes[(name.count - 27)..<(name.count - 17)] {
            guard let value = Hex.value(of: byte) else { return 0 }
            time = time << 4 | Int64(value)
        }
        return time
    }
}
