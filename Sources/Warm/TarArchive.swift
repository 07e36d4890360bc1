internal import Formats

/// An archive for `docker cp - CONTAINER:PLACE`; root owns everything in it.
///
/// Source: POSIX.1-2017 pax, ustar interchange format; GNU tar's 'L' entry for names beyond 100 bytes.
struct TarArchive: Sendable {
    private var bytes: [UInt8] = []
    private var folders: Set<ByteString> = []

    /// An empty archive.
    init() {}

    /// Adds a file and the folders above it, which everybody may read.
    mutating func add(file path: ByteString, _ content: ByteString) {
        add(folder: path.parentPath)
        entry(path, kind: "0", mode: 0o644, content.bytes)
    }

    /// Adds a folder and those above it.
    mutating func add(folder path: ByteString) {
        guard path != "." && path != "/" && folders.insert(path).inserted else { return }
        add(folder: path.parentPath)
        entry(path + "/", kind: "5", mode: 0o755, [])
    }

    /// The archive, with its two empty blocks at the end.
    var data: ByteString { ByteString(bytes + [UInt8](repeating: 0, count: 1024)) }

    private mutating func entry(_ path: ByteString, kind: Character, mode: Int, _ content: [UInt8]) {
        if path.count > 100 { entry("././@LongLink", kind: "L", mode: 0, path.bytes + [0]) }
        var header: [UInt8] = []
        func field(_ text: ByteString, _ width: Int) {
            header += text.prefix(width).bytes
            header += [UInt8](repeating: 0, count: max(0, width - text.count))
        }
        func octal(_ number: Int, _ width: Int) {
            let digits = String(number, radix: 8)
            field(ByteString(String(repeating: "0", count: max(0, width - 1 - digits.utf8.count)) + digits), width)
        }
        field(path, 100)
        octal(mode, 8)
        octal(0, 8)
        octal(0, 8)
        octal(content.count, 12)
        octal(0, 12)
        let before = header
        let after: ByteString = ByteString(String(kind))
        // The checksum is computed over the header with blanks in place of the checksum.
        var rest: [UInt8] = after.bytes + [UInt8](repeating: 0, count: 100) + Array("ustar".utf8) + [0]
        rest += Array("00".utf8)
        rest += [UInt8](repeating: 0, count: 512 - before.count - 8 - rest.count)
        let sum = (before + rest).reduce(8 * 0x20) { $0 + Int($1) }
        octal(sum, 7)
        header += [0x20]
        bytes += header + rest + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }
}
