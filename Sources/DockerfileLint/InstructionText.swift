internal import Formats

extension Dockerfile.Keyword {
    /// The keyword at a place, in upper or lower case.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        func `is`(_ name: StaticString) -> Bool { bytes.holdsIgnoringCase(name, at: range) }
        switch range.count {
        case 3:
            self =
                `is`("run")
                ? .run : `is`("env") ? .env : `is`("arg") ? .arg : `is`("add") ? .add : `is`("cmd") ? .cmd : .unknown
        case 4: self = `is`("copy") ? .copy : `is`("from") ? .from : `is`("user") ? .user : .unknown
        case 5: self = `is`("shell") ? .shell : `is`("label") ? .other : .unknown
        case 6: self = `is`("expose") || `is`("volume") ? .other : .unknown
        case 7: self = `is`("workdir") ? .workdir : `is`("onbuild") ? .other : .unknown
        case 10: self = `is`("entrypoint") ? .entrypoint : `is`("maintainer") || `is`("stopsignal") ? .other : .unknown
        case 11: self = `is`("healthcheck") ? .other : .unknown
        default: self = .unknown
        }
    }
}

extension Dockerfile.Instruction {
    /// Only these may have here-documents, and not in JSON form (parser.go, `canContainHeredoc`).
    var mayHaveHeredocs: Bool { [.run, .copy, .add].contains(keyword) && !isJSON }

    mutating func readOnBuild(isOnBuild: Bool) {
        guard isOnBuild else { return }
        self.isOnBuild = true
        let bytes = text.bytes
        var start = 0
        while start < bytes.count, bytes[start].isSpace { start += 1 }
        var end = start
        while end < bytes.count, !bytes[end].isSpace { end += 1 }
        keyword = .init(bytes, start..<end)
        argumentStart = end
    }

    /// Splits off the words that start with "--" (frontend/dockerfile/parser/split_command.go,
    /// `extractBuilderFlags`), and determines the form of the rest.
    mutating func readFlags(escape: UInt8) {
        let bytes = text.bytes
        var position = argumentStart
        while true {
            while position < bytes.count, bytes[position].isSpace { position += 1 }
            guard bytes.hasPrefix("--", at: position..<bytes.count) else { break }
            let end = WordScanner.end(of: position, in: bytes, escape: escape)
            guard end > position + 2 else { break }
            flags.append(position..<end)
            position = end
        }
        argumentStart = position
        guard [.run, .cmd, .entrypoint, .shell, .copy, .add].contains(keyword), position < bytes.count,
            bytes[position] == UInt8(ascii: "["), let last = bytes.last(where: { !$0.isSpace }),
            last == UInt8(ascii: "]"), let array = JSON(ByteString(bytes[position...]).trimmed)?.array
        else { return }
        isJSON = array.allSatisfy { $0.string != nil }
    }
}

/// Words of a Dockerfile, with quotes and escapes (frontend/dockerfile/shell, `lex`).
enum WordScanner {
    /// The end of the word that starts at a place.
    static func end(of start: Int, in bytes: [UInt8], escape: UInt8) -> Int {
        var (position, quote) = (start, UInt8(0))
        while position < bytes.count {
            let byte = bytes[position]
            if quote != 0 {
                if byte == quote {
                    quote = 0
                } else if byte == escape, quote != UInt8(ascii: "'") {
                    position += 1
                }
            } else if byte.isSpace {
                break
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            } else if byte == escape {
                position += 1
            }
            position += 1
        }
        return min(position, bytes.count)
    }

    /// The words of a range.
    static func words(of range: Range<Int>, in bytes: [UInt8], escape: UInt8) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var position = range.lowerBound
        while true {
            while position < range.upperBound, bytes[position].isSpace { position += 1 }
            guard position < range.upperBound else { return words }
            let end = min(end(of: position, in: bytes, escape: escape), range.upperBound)
            words.append(position..<end)
            position = max(end, position + 1)
        }
    }

    /// A word without its quotes and escapes.
    static func value(of range: Range<Int>, in bytes: [UInt8], escape: UInt8) -> [UInt8] {
        var (value, position, quote) = ([UInt8](), range.lowerBound, UInt8(0))
        while position < range.upperBound {
            let byte = bytes[position]
            if byte == quote, quote != 0 {
                quote = 0
            } else if byte == escape, quote != UInt8(ascii: "'"), position + 1 < range.upperBound {
                position += 1
                value.append(bytes[position])
            } else if quote == 0, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            } else {
                value.append(byte)
            }
            position += 1
        }
        return value
    }
}

/// `<<NAME`, `<<-NAME`, `<<"NAME"` and `3<<NAME` as words of their own (parser.go, `heredocsFromLine`).
enum HeredocWords {
    static func find(in instruction: Dockerfile.Instruction, escape: UInt8) -> [Dockerfile.Heredoc] {
        let bytes = instruction.text.bytes
        guard bytes.contains("<<", in: 0..<bytes.count) else { return [] }
        return WordScanner.words(of: instruction.arguments, in: bytes, escape: escape).compactMap { word in
            var start = word.lowerBound
            while start < word.upperBound, bytes[start].isDigit { start += 1 }
            guard bytes.hasPrefix("<<", at: start..<word.upperBound) else { return nil }
            start += 2
            let strips = start < word.upperBound && bytes[start] == UInt8(ascii: "-")
            if strips { start += 1 }
            let rest = start..<word.upperBound
            guard !rest.isEmpty, bytes.firstIndex(of: UInt8(ascii: "<"), in: rest) == nil else { return nil }
            let name = WordScanner.value(of: rest, in: bytes, escape: escape)
            guard !name.isEmpty else { return nil }
            return Dockerfile.Heredoc(
                word: word, stripsTabs: strips, isQuoted: name.count != rest.count, body: 0..<0, name: name)
        }
    }
}
