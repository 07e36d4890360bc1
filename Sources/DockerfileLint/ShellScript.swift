internal import Formats

/// A shell script parsed in as much detail as the rules need: simple commands, their words and redirections, and what
/// joins them. Anything that is not understood becomes a word; nothing fails, and each byte is read once.
struct ShellScript: Sendable {
    /// What separates two commands.
    enum Joint: Sendable {
        /// The start or end of a script, or of a group in it.
        case edge
        /// `&&`
        case and
        /// `||`
        case or
        /// `|` and `|&`
        case pipe
        /// `;`, a new line and `;;`
        case sequence
        /// `&`
        case background
    }

    /// One word.
    struct Word: Equatable, Sendable {
        var range: Range<Int>
        /// It contains quotes or backslashes.
        var isQuoted = false
        /// The shell expands it: `$`, a backquote, or a pattern.
        var isExpanded = false
        /// The range between the quotes, if the whole word is one pair of quotes without expansions.
        var inner: Range<Int>?
    }

    /// `>FILE` and the like.
    struct Redirection: Equatable, Sendable {
        /// The operator, with the file descriptor before it.
        let sign: Range<Int>
        let target: Word
        /// The index in the command of the word that touches it.
        let touches: Int?
    }

    /// A simple command.
    struct Command: Sendable {
        var words: [Word] = []
        var redirections: [Redirection] = []
        var before = Joint.edge
        var after = Joint.edge
        /// The command that uses its output, for `$(...)`, `<(...)` and backquotes; nil if there is none.
        var feeds: Int?
        /// The number of groups around it.
        var depth = 0
        /// From its first byte to its last.
        var range = 0..<0
    }

    let text: LogicalText
    private(set) var commands: [Command] = []

    private static let deepest = 24
    private var position = 0
    private var pending: [(name: [UInt8], strips: Bool)] = []
    // The command whose substitution is being read, and whether that started with a backquote.
    private var holder: Int?
    private var isInBackquotes = false

    /// Parses a whole text.
    init(_ text: LogicalText) { self.init(text, 0..<text.bytes.count) }

    /// A single command with known words, such as those of a JSON array.
    init(_ text: LogicalText, words: [Word]) {
        self.text = text
        end = 0
        let range = (words.first?.range.lowerBound ?? 0)..<(words.last?.range.upperBound ?? 0)
        commands = [Command(words: words, range: range)]
    }

    /// Parses a part of a text, such as the text between quotes.
    init(_ text: LogicalText, _ range: Range<Int>) {
        self.text = text
        end = min(range.upperBound, text.bytes.count)
        position = max(0, range.lowerBound)
        commands.reserveCapacity(8)
        while position < end {
            readList(until: 0, depth: 0)
            // An unmatched closing bracket.
            if position < end { position += 1 }
        }
    }

    private let end: Int

    private func byte(_ offset: Int = 0) -> UInt8 { position + offset < end ? text.bytes[position + offset] : 0 }

    // MARK: - Lists

    /// Parses commands up to `closer`, which is not consumed; 0 for the end.
    private mutating func readList(until closer: UInt8, depth: Int) {
        var joint = Joint.edge
        while true {
            let count = commands.count
            readCommand(before: joint, closer: closer, depth: depth)
            let hasCommand = commands.count > count
            guard position < end else { return }
            let this = byte()
            let next: Joint
            switch this {
            case closer where closer != 0: return
            case UInt8(ascii: "&"):
                let isAnd = byte(1) == this
                position += isAnd ? 2 : 1
                next = isAnd ? .and : .background
            case UInt8(ascii: "|"):
                let isOr = byte(1) == this
                position += isOr || byte(1) == UInt8(ascii: "&") ? 2 : 1
                next = isOr ? .or : .pipe
            case UInt8(ascii: ";"):
                position += 1
                next = .sequence
            case 0x0A:
                position += 1
                skipHeredocs()
                // A line that ends in an operator continues.
                next = hasCommand || joint == .edge ? .sequence : joint
            case UInt8(ascii: "("):
                position += 1
                if depth < Self.deepest { readList(until: UInt8(ascii: ")"), depth: depth + 1) }
                if byte() == UInt8(ascii: ")") { position += 1 }
                continue
            default:
                // ")" of a case pattern, or an unmatched one.
                if closer == 0, depth > 0 { return }
                position += 1
                next = .sequence
            }
            // Commands in its words come after it.
            if hasCommand { commands[count].after = next }
            joint = next
        }
    }

    private mutating func skipHeredocs() {
        for (name, strips) in pending {
            while position < end {
                var start = position
                let stop = text.bytes.firstIndex(of: 0x0A, in: position..<end) ?? end
                position = min(stop + 1, end)
                if strips { while start < stop, text.bytes[start] == 0x09 { start += 1 } }
                if text.bytes[start..<stop].elementsEqual(name) { break }
            }
        }
        pending = []
    }

    // MARK: - Commands

    private mutating func readCommand(before: Joint, closer: UInt8, depth: Int) {
        // Its index is reserved first: commands in its words come after it.
        let index = commands.count
        var command = Command()
        command.before = before
        command.depth = depth
        command.feeds = holder
        var isPlaced = false
        reading: while position < end {
            let this = byte()
            switch this {
            case closer where closer != 0: break reading
            case 0x20, 0x09, 0x0D: position += 1
            case 0x5C where byte(1) == 0x0A: position += 2
            case UInt8(ascii: "#"): position = text.bytes.firstIndex(of: 0x0A, in: position..<end) ?? end
            case UInt8(ascii: "&"):
                guard byte(1) == UInt8(ascii: ">") else { break reading }
                readRedirection(into: &command, from: position, index)
            case 0x0A, UInt8(ascii: "|"), UInt8(ascii: ";"), UInt8(ascii: ")"): break reading
            case UInt8(ascii: "("):
                // A function's parentheses, or a group.
                if command.words.isEmpty || byte(1) != UInt8(ascii: ")") { break reading }
                position += 2
            case UInt8(ascii: "<"), UInt8(ascii: ">"):
                if byte(1) == UInt8(ascii: "(") {
                    if !isPlaced { commands.append(command); isPlaced = true }
                    command.words.append(readWord(for: index, depth: depth))
                } else {
                    readRedirection(into: &command, from: position, index)
                }
            default:
                if !isPlaced {
                    commands.append(command)
                    isPlaced = true
                }
                let word = readWord(for: index, depth: depth)
                // A backquote in a group within backquotes.
                if word.range.isEmpty { position += 1 }
                // A number that touches "<" or ">" belongs to it.
                if byte() == UInt8(ascii: "<") || byte() == UInt8(ascii: ">"), !word.isQuoted,
                    text.bytes[word.range].allSatisfy(\.isDigit)
                {
                    readRedirection(into: &command, from: word.range.lowerBound, index)
                } else {
                    command.words.append(word)
                }
            }
        }
        guard isPlaced || !command.redirections.isEmpty else { return }
        let first = min(
            command.words.first?.range.lowerBound ?? .max, command.redirections.first?.sign.lowerBound ?? .max)
        let last = max(
            command.words.last?.range.upperBound ?? 0, command.redirections.last?.target.range.upperBound ?? 0)
        command.range = min(first, last)..<last
        if isPlaced { commands[index] = command } else { commands.append(command) }
    }

    private mutating func readRedirection(into command: inout Command, from start: Int, _ index: Int) {
        let touches = command.words.last?.range.upperBound == start ? command.words.count - 1 : nil
        let isHeredoc = byte() == UInt8(ascii: "<") && byte(1) == UInt8(ascii: "<") && byte(2) != UInt8(ascii: "<")
        while [UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&")].contains(byte()) { position += 1 }
        if byte() == UInt8(ascii: "|") { position += 1 }
        let strips = isHeredoc && byte() == UInt8(ascii: "-")
        if strips { position += 1 }
        let sign = start..<position
        while byte().isBlank { position += 1 }
        let target = isWordEnd(byte()) ? Word(range: position..<position) : readWord(for: nil, depth: Self.deepest)
        command.redirections.append(Redirection(sign: sign, target: target, touches: touches))
        if isHeredoc { pending.append((value(of: target), strips)) }
    }

    private func isWordEnd(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0D, 0x0A, UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: ";"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"):
            true
        case UInt8(ascii: "`"): isInBackquotes || position >= end
        default: position >= end
        }
    }

    // MARK: - Words

    private mutating func readWord(for command: Int?, depth: Int) -> Word {
        let start = position
        var word = Word(range: start..<start)
        var quotes = 0
        if byte(1) == UInt8(ascii: "("), byte() == UInt8(ascii: "<") || byte() == UInt8(ascii: ">") {
            position += 1
            word.isExpanded = true
            readGroup(for: command, depth: depth)
        }
        while position < end, !isWordEnd(byte()) {
            switch byte() {
            case 0x5C:
                word.isQuoted = true
                position = min(position + 2, end)
            case UInt8(ascii: "'"):
                word.isQuoted = true
                quotes += 1
                let close = text.bytes.firstIndex(of: UInt8(ascii: "'"), in: position + 1..<end) ?? end
                if quotes == 1, position == start { word.inner = position + 1..<close }
                position = min(close + 1, end)
            case UInt8(ascii: "\""):
                word.isQuoted = true
                quotes += 1
                let isFirst = quotes == 1 && position == start
                position += 1
                let inside = position
                if readQuoted(for: command, depth: depth, &word), isFirst { word.inner = inside..<position }
                position = min(position + 1, end)
            case UInt8(ascii: "$"), UInt8(ascii: "`"):
                word.isExpanded = true
                readExpansion(for: command, depth: depth)
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["):
                word.isExpanded = true
                position += 1
            default: position += 1
            }
        }
        word.range = start..<max(start, min(position, end))
        if quotes != 1 || word.inner.map({ $0.upperBound + 1 != word.range.upperBound }) ?? true { word.inner = nil }
        return word
    }

    /// Parses up to the closing quote, which is not consumed; returns whether all of it is literal.
    private mutating func readQuoted(for command: Int?, depth: Int, _ word: inout Word) -> Bool {
        var isPlain = true
        while position < end, byte() != UInt8(ascii: "\"") {
            switch byte() {
            case 0x5C:
                isPlain = false
                position = min(position + 2, end)
            case UInt8(ascii: "$"), UInt8(ascii: "`"):
                isPlain = false
                word.isExpanded = true
                readExpansion(for: command, depth: depth)
            default: position += 1
            }
        }
        return isPlain
    }

    private mutating func readExpansion(for command: Int?, depth: Int) {
        if byte() == UInt8(ascii: "`") {
            position += 1
            readSubstitution(until: UInt8(ascii: "`"), for: command, depth: depth)
        } else if byte(1) == UInt8(ascii: "(") {
            position += 1
            readGroup(for: command, depth: depth)
        } else if byte(1) == UInt8(ascii: "{") {
            position += 2
            while position < end, byte() != UInt8(ascii: "}"), byte() != 0x0A {
                if byte() == UInt8(ascii: "$"), byte(1) == UInt8(ascii: "("), depth < Self.deepest {
                    position += 1
                    readGroup(for: command, depth: depth)
                } else {
                    position += byte() == 0x5C ? 2 : 1
                }
            }
            position = min(position + 1, end)
        } else {
            position += 1
        }
    }

    private mutating func readGroup(for command: Int?, depth: Int) {
        position += 1
        readSubstitution(until: UInt8(ascii: ")"), for: command, depth: depth)
    }

    private mutating func readSubstitution(until closer: UInt8, for command: Int?, depth: Int) {
        guard depth < Self.deepest else { return }
        let outer = (holder, pending, isInBackquotes)
        (holder, pending, isInBackquotes) = (command, [], closer == UInt8(ascii: "`"))
        readList(until: closer, depth: depth + 1)
        (holder, pending, isInBackquotes) = outer
        if byte() == closer { position += 1 }
    }

    // MARK: - Values of words

    /// A word without its quotes and backslashes; expansions stay as written.
    func value(of word: Word) -> [UInt8] {
        guard word.isQuoted else { return Array(text.bytes[word.range]) }
        if let inner = word.inner { return Array(text.bytes[inner]) }
        var (value, quote, index) = ([UInt8](), UInt8(0), word.range.lowerBound)
        while index < word.range.upperBound {
            let byte = text.bytes[index]
            if quote == UInt8(ascii: "'") {
                if byte == quote { quote = 0 } else { value.append(byte) }
            } else if byte == 0x5C, index + 1 < word.range.upperBound {
                index += 1
                let next = text.bytes[index]
                if quote != 0, ![0x22, 0x5C, 0x24, 0x60, 0x0A].contains(next) { value.append(byte) }
                if next != 0x0A { value.append(next) }
            } else if byte == quote, quote != 0 {
                quote = 0
            } else if quote == 0, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            } else {
                value.append(byte)
            }
            index += 1
        }
        return value
    }
}
