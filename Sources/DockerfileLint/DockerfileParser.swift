internal import Formats

/// Reads a Dockerfile line by line, as BuildKit does (frontend/dockerfile/parser/parser.go, `Parse`).
struct DockerfileParser {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var escape = UInt8(ascii: "\\")
    private(set) var pieces: [Dockerfile.Piece] = []
    private(set) var syntax: Range<Int>?
    private(set) var instructions: [Dockerfile.Instruction] = []
    // Codes from comments that apply to the next instruction.
    private var ignored: [ByteString] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse(isTimeUp: () -> Bool) {
        if bytes.hasPrefix("\u{FEFF}", at: 0..<bytes.count) { add(.byteOrderMark, 0..<3) }
        var mayBeDirective = true
        var lines = 0
        while position < bytes.count {
            lines += 1
            if lines % 64 == 0, isTimeUp() { return }
            let line = contentOfLine(from: position)
            let text = bytes.trimmed(line, \.isSpace)
            if text.isEmpty {
                mayBeDirective = false
                skipBlankLine(line)
            } else if bytes[text.lowerBound] == UInt8(ascii: "#") {
                let isDirective = mayBeDirective && readDirective(text)
                mayBeDirective = isDirective
                addComment(line, isDirective ? .directive : .comment)
            } else {
                mayBeDirective = false
                readInstruction(line)
            }
        }
    }

    // MARK: - Lines

    /// A line without its end.
    private func contentOfLine(from start: Int) -> Range<Int> {
        var end = bytes.firstIndex(of: 0x0A, in: start..<bytes.count) ?? bytes.count
        while end > start, bytes[end - 1] == 0x0D { end -= 1 }
        return start..<end
    }

    private mutating func add(_ token: Dockerfile.Token, _ range: Range<Int>) {
        position = max(position, range.upperBound)
        if !range.isEmpty { pieces.append(.init(token: token, range: range)) }
    }

    /// The rest of a line: carriage returns and the newline.
    private mutating func addLineEnd() {
        var end = position
        while end < bytes.count, bytes[end] == 0x0D { end += 1 }
        if end < bytes.count, bytes[end] == 0x0A { end += 1 }
        add(.lineEnd, position..<end)
    }

    private mutating func skipBlankLine(_ line: Range<Int>) {
        add(.blank, line)
        addLineEnd()
    }

    private mutating func addComment(_ line: Range<Int>, _ token: Dockerfile.Token) {
        let text = bytes.trimmed(line, \.isSpace)
        add(.blank, line.lowerBound..<text.lowerBound)
        add(token, text.lowerBound..<line.upperBound)
        addLineEnd()
        if token == .comment { ignored += Suppression.codes(in: bytes, text) }
    }

    /// `# name=value`; any other line ends the head of the file.
    private mutating func readDirective(_ text: Range<Int>) -> Bool {
        var name = text.lowerBound + 1
        while name < text.upperBound, bytes[name].isSpace { name += 1 }
        var end = name
        while end < text.upperBound, bytes[end].isLetter || end > name && bytes[end].isDigit { end += 1 }
        var value = end
        while value < text.upperBound, bytes[value].isSpace { value += 1 }
        guard end > name, value < text.upperBound, bytes[value] == UInt8(ascii: "=") else { return false }
        let content = bytes.trimmed(value + 1..<text.upperBound, \.isSpace)
        guard !content.isEmpty else { return false }
        if bytes.holdsIgnoringCase("escape", at: name..<end) {
            if content.count == 1, [0x5C, 0x60].contains(bytes[content.lowerBound]) {
                escape = bytes[content.lowerBound]
            }
        } else if bytes.holdsIgnoringCase("syntax", at: name..<end), syntax == nil {
            syntax = content
        }
        return true
    }

    /// Where the escape character is that continues a line; nil if the line ends. A doubled one does not continue it.
    private func continuation(of line: Range<Int>) -> Int? {
        var end = line.upperBound
        while end > line.lowerBound, bytes[end - 1].isBlank { end -= 1 }
        guard end > line.lowerBound, bytes[end - 1] == escape else { return nil }
        if end - 1 > line.lowerBound, bytes[end - 2] == escape { return nil }
        return end - 1
    }

    // MARK: - Instructions

    private mutating func readInstruction(_ first: Range<Int>) {
        let silenced = ignored
        ignored = []
        var line = first
        let start = bytes.trimmed(first, \.isSpace).lowerBound
        add(.blank, first.lowerBound..<start)
        var end = start
        let continued = continuation(of: first)
        while end < (continued ?? first.upperBound), !bytes[end].isSpace { end += 1 }
        add(.keyword, start..<end)
        var text = LogicalText()
        var isFirst = true
        while true {
            let stop = continuation(of: line)
            let from = isFirst ? end : line.lowerBound
            isFirst = false
            let content = from..<max(from, stop ?? line.upperBound)
            text.append(bytes, content)
            add(.text, content)
            guard let stop else {
                addLineEnd()
                break
            }
            add(.continuation, stop..<line.upperBound)
            addLineEnd()
            guard let next = nextOfInstruction() else { break }
            line = next
        }
        var instruction = Dockerfile.Instruction(
            keyword: .init(bytes, start..<end), start: start, end: position, text: text)
        instruction.ignored = silenced + ignored
        ignored = []
        // A name that is continued on the next line is still one word.
        if end == continued, let first = text.bytes.first, !first.isSpace { instruction.keyword = .unknown }
        instruction.readOnBuild(isOnBuild: bytes.holdsIgnoringCase("onbuild", at: start..<end))
        instruction.readFlags(escape: escape)
        if instruction.mayHaveHeredocs { readHeredocs(of: &instruction) }
        instruction.end = position
        instructions.append(instruction)
    }

    /// The next line of a continued instruction: comments and empty lines do not end it.
    private mutating func nextOfInstruction() -> Range<Int>? {
        while position < bytes.count {
            let line = contentOfLine(from: position)
            let text = bytes.trimmed(line, \.isSpace)
            if text.isEmpty {
                skipBlankLine(line)
            } else if bytes[text.lowerBound] == UInt8(ascii: "#") {
                addComment(line, .comment)
            } else {
                return line
            }
        }
        return nil
    }

    private mutating func readHeredocs(of instruction: inout Dockerfile.Instruction) {
        for var heredoc in HeredocWords.find(in: instruction, escape: escape) {
            let start = position
            var end = start
            while position < bytes.count, !heredoc.isEnded {
                let line = contentOfLine(from: position)
                var name = line
                if heredoc.stripsTabs {
                    while name.lowerBound < name.upperBound, bytes[name.lowerBound] == 0x09 {
                        name = name.lowerBound + 1..<name.upperBound
                    }
                }
                if bytes[name].elementsEqual(heredoc.name) {
                    heredoc.isEnded = true
                    add(.heredoc, start..<line.lowerBound)
                    add(.heredocEnd, line)
                    addLineEnd()
                } else {
                    let text = bytes.trimmed(line, \.isSpace)
                    if !text.isEmpty, bytes[text.lowerBound] == UInt8(ascii: "#") {
                        instruction.ignored += Suppression.codes(in: bytes, text)
                    }
                    position = line.upperBound
                    while position < bytes.count, bytes[position] == 0x0D { position += 1 }
                    if position < bytes.count, bytes[position] == 0x0A { position += 1 }
                    end = position
                }
            }
            if !heredoc.isEnded { add(.heredoc, start..<end) }
            heredoc.body = start..<end
            instruction.heredocs.append(heredoc)
        }
    }
}

/// `# slipway: ignore=CODE,CODE`
enum Suppression {
    static func codes(in bytes: [UInt8], _ comment: Range<Int>) -> [ByteString] {
        let isMark: (UInt8) -> Bool = { $0.isSpace || $0 == UInt8(ascii: "#") }
        var rest = bytes.trimmed(comment, isMark)
        for mark in ["slipway:", "ignore="] as [StaticString] {
            guard bytes.hasPrefix(mark, at: rest) else { return [] }
            rest = bytes.trimmed(rest.lowerBound + mark.utf8CodeUnitCount..<rest.upperBound, \.isSpace)
        }
        var end = rest.lowerBound
        while end < rest.upperBound, bytes[end].isNameByte || bytes[end] == UInt8(ascii: ",") || bytes[end].isBlank {
            end += 1
        }
        return bytes[rest.lowerBound..<end].split(whereSeparator: { $0 == UInt8(ascii: ",") || $0.isBlank }).map {
            ByteString($0).uppercasedASCII
        }
    }
}
