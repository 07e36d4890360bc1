internal import Formats
internal import Host

/// A repository's own configuration as git reads it: every value in order, `include.path` followed in place, and the
/// worktree's file last. It does not follow conditional includes, and does not read the configuration of users and
/// machines.
///
/// Source: git config.c (git_parse_source, handle_path_include) and setup.c (check_repository_format).
struct GitConfig: Equatable, Sendable {
    /// One value. The name is "section.key" or "section.name.key", in lower case except for the subsection's name.
    struct Entry: Equatable, Sendable {
        let name: ByteString
        /// nil for a key without a value, which means true.
        let value: ByteString?
        /// Whether it is in the repository's own file: only there does git look for extensions.
        fileprivate let isOwn: Bool
    }

    private(set) var entries: [Entry] = []

    /// The limit in bytes for all files together.
    private static let largest = 262_144
    private static let deepest = 10
    /// A line of seven bytes can include a missing file: a quarter of a megabyte of such lines would take a quarter
    /// of a second.
    private static let mostFiles = 64

    /// An empty configuration.
    init() {}

    /// Reads "config" and, with extensions.worktreeConfig, "config.worktree"; empty if git would refuse the first.
    init(common: ByteString, directory: ByteString, _ owners: Owners) {
        var reader = Reader(owners)
        reader.read(common.appending(path: "config"), depth: 0)
        guard !reader.isRefused else { return }
        entries = reader.entries
        if Self.boolean(own("extensions.worktreeconfig")) == true {
            reader.read(directory.appending(path: "config.worktree"), depth: 1)
            if !reader.isRefused { entries = reader.entries }
        }
    }

    /// A single file; nil if git would refuse it.
    init?(_ text: ByteString) {
        var parser = GitConfigParser(text)
        while let (name, value) = parser.next() { entries.append(Entry(name: name, value: value, isOwn: true)) }
        if parser.isBroken { return nil }
    }

    /// The last value of a name, which is the one that counts; a key without a value is "true".
    func last(_ name: ByteString) -> ByteString? {
        entries.last { $0.name == name }.map { $0.value ?? "true" }
    }

    /// The last value in the repository's own file.
    func own(_ name: ByteString) -> ByteString? {
        entries.last { $0.isOwn && $0.name == name }.map { $0.value ?? "true" }
    }

    /// The first address of a remote, from which git fetches; an empty one cancels those before it.
    func url(ofRemote remote: ByteString) -> ByteString? {
        let all = entries.filter { $0.name == "remote." + remote + ".url" }.map { $0.value ?? "" }
        let start = all.lastIndex(of: "").map { $0 + 1 } ?? 0
        return all[start...].first
    }

    /// The boolean that git reads from a value; nil if there is no value, or it is not a boolean.
    static func boolean(_ value: ByteString?) -> Bool? {
        guard let value = value?.lowercasedASCII else { return nil }
        switch value {
        case "true", "yes", "on": return true
        case "false", "no", "off", "": return false
        default:
            var digits = value
            if let unit = digits.suffix(1).bytes.first, "kmg".utf8.contains(unit) { digits = digits.dropLast(1) }
            if digits.hasPrefix("-") || digits.hasPrefix("+") { digits = digits.dropFirst(1) }
            let isHex = digits.hasPrefix("0x")
            if isHex { digits = digits.dropFirst(2) }
            guard !digits.isEmpty, digits.bytes.allSatisfy({ isHex ? $0.isHexDigit : $0.isDigit }) else {
                return nil
            }
            return digits.bytes.contains { $0 != UInt8(ascii: "0") }
        }
    }

    private struct Reader {
        let owners: Owners
        var entries: [Entry] = []
        var isRefused = false
        private var budget = GitConfig.largest
        private var filesLeft = GitConfig.mostFiles

        init(_ owners: Owners) { self.owners = owners }

        /// A missing file counts as empty. A file that another user wrote counts no more than their repository would.
        mutating func read(_ path: ByteString, depth: Int) {
            guard depth <= GitConfig.deepest, filesLeft > 0, !isRefused else { return isRefused = true }
            filesLeft -= 1
            let text: ByteString
            var isForeign = false
            do throws(Errno) {
                text = try Files.read(path, limit: budget) { [owners] status in
                    isForeign = depth > 0 && !owners.own(status)
                    return !isForeign
                }
            } catch {
                if error != .noSuchFile && !isForeign { isRefused = true }
                return
            }
            budget -= text.count
            var parser = GitConfigParser(text)
            while let (name, value) = parser.next() {
                entries.append(Entry(name: name, value: value, isOwn: depth == 0))
                if name == "include.path", let value, let included = Self.included(value, by: path) {
                    read(included, depth: depth + 1)
                }
            }
            if parser.isBroken { isRefused = true }
        }

        private static func included(_ value: ByteString, by path: ByteString) -> ByteString? {
            guard !value.isEmpty, !value.hasPrefix("~/") else {
                return Kernel.variable("HOME").flatMap { $0.hasPrefix("/") ? $0 + value.dropFirst(1) : nil }
            }
            // Another user's home, or git's installation prefix.
            return value.hasPrefix("~") || value.hasPrefix("%(") ? nil : value.absolute(in: path.parentPath)
        }
    }
}

/// git's configuration format, value by value (git-config(1), "Syntax"). Reads the bytes once.
private struct GitConfigParser {
    private let bytes: [UInt8]
    private var at = 0
    private var section: ByteString = ""
    /// git would refuse the file; the values read so far do not count.
    private(set) var isBroken = false

    init(_ text: ByteString) {
        bytes = (text.hasPrefix("\u{FEFF}") ? text.dropFirst(3) : text).bytes
    }

    private static let newline = UInt8(ascii: "\n")

    private var current: UInt8? {
        guard at < bytes.count else { return nil }
        // A carriage return before a newline does not count.
        if bytes[at] == 0x0D, at + 1 < bytes.count, bytes[at + 1] == Self.newline { return Self.newline }
        return bytes[at]
    }

    private mutating func take() -> UInt8? {
        guard let byte = current else { return nil }
        at += bytes[at] == 0x0D && byte == Self.newline ? 2 : 1
        return byte
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private static func isOfKey(_ byte: UInt8) -> Bool { byte.isLetter || byte.isDigit || byte == UInt8(ascii: "-") }

    mutating func next() -> (name: ByteString, value: ByteString?)? {
        while !isBroken, let byte = current {
            switch byte {
            case _ where Self.isBlank(byte): at += 1
            case UInt8(ascii: "#"), UInt8(ascii: ";"):
                while let byte = take(), byte != Self.newline {}
            case UInt8(ascii: "["):
                at += 1
                isBroken = !takeSection()
            case _ where byte.isLetter:
                let name = takeKey()
                while let byte = current, byte == 0x20 || byte == 0x09 { at += 1 }
                guard let byte = take(), byte != Self.newline else { return (name, nil) }
                guard byte == UInt8(ascii: "="), let value = takeValue() else {
                    isBroken = true
                    return nil
                }
                return (name, value)
            default: isBroken = true
            }
        }
        return nil
    }

    private mutating func takeSection() -> Bool {
        var name: [UInt8] = []
        while let byte = take() {
            if byte == UInt8(ascii: "]") {
                section = ByteString(name)
                return true
            }
            if Self.isBlank(byte) { return takeName(of: ByteString(name), byte) }
            guard Self.isOfKey(byte) || byte == UInt8(ascii: ".") else { return false }
            name.append(byte.smallASCII)
        }
        return false
    }

    private mutating func takeName(of kind: ByteString, _ first: UInt8) -> Bool {
        var byte: UInt8? = first
        while let blank = byte, Self.isBlank(blank) {
            guard blank != Self.newline else { return false }
            byte = take()
        }
        guard byte == UInt8(ascii: "\"") else { return false }
        var name: [UInt8] = []
        while var byte = take(), byte != Self.newline {
            if byte == UInt8(ascii: "\"") {
                section = kind + "." + ByteString(name)
                return take() == UInt8(ascii: "]")
            }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = take(), escaped != Self.newline else { return false }
                byte = escaped
            }
            name.append(byte)
        }
        return false
    }

    private mutating func takeKey() -> ByteString {
        var key: [UInt8] = []
        while let byte = current, Self.isOfKey(byte) {
            key.append(byte.smallASCII)
            at += 1
        }
        return section + "." + ByteString(key)
    }

    /// The value without quotes, escapes and trailing comment; nil if git would refuse it.
    private mutating func takeValue() -> ByteString? {
        var value: [UInt8] = []
        // Trailing blanks count only if they are quoted.
        var length = 0
        var (isQuoted, isComment) = (false, false)
        while let byte = take() {
            if byte == Self.newline {
                guard isQuoted else { break }
                return nil
            }
            if isComment { continue }
            switch byte {
            case _ where Self.isBlank(byte) && !isQuoted:
                if length > 0 { value.append(byte) }
                continue
            case UInt8(ascii: "#") where !isQuoted, UInt8(ascii: ";") where !isQuoted:
                isComment = true
                continue
            case UInt8(ascii: "\\"):
                // The end of the file counts as a newline.
                switch take() ?? Self.newline {
                case Self.newline: break
                case UInt8(ascii: "t"): value.append(0x09)
                case UInt8(ascii: "b"): value.append(0x08)
                case UInt8(ascii: "n"): value.append(Self.newline)
                case UInt8(ascii: "\\"), UInt8(ascii: "\""): value.append(bytes[at - 1])
                default: return nil
                }
            case UInt8(ascii: "\""):
                isQuoted.toggle()
            default: value.append(byte)
            }
            // A quotation mark or a continued line is no character, but keeps the blanks before it.
            length = value.count
        }
        return isQuoted ? nil : ByteString(value.prefix(length))
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool { isDigit || (0x61...0x66).contains(smallASCII) }
}
