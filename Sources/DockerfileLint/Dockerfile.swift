public import Formats

/// A Dockerfile taken apart without loss: its tokens cover every byte once, in their order. Reads what BuildKit's parser reads
/// (moby/buildkit frontend/dockerfile/parser), never fails, and takes time that grows with the file's length alone.
public struct Dockerfile: Sendable {
    /// What a token is.
    public enum Token: UInt8, Sendable {
        /// The mark of UTF-8 before the first line.
        case byteOrderMark
        /// Blanks before or after what counts.
        case blank
        /// The end of a line, with its carriage return.
        case lineEnd
        /// A comment, also one between the lines of an instruction.
        case comment
        /// `# name=value` at the head of the file.
        case directive
        /// The word that names an instruction.
        case keyword
        /// An instruction's text on one line.
        case text
        /// The escape character that ends a line, with the blanks after it.
        case continuation
        /// A here-document's lines.
        case heredoc
        /// The line that ends a here-document.
        case heredocEnd
    }

    /// A token and its bytes.
    public struct Piece: Equatable, Sendable {
        /// What it is.
        public let token: Token
        /// Where it stands.
        public let range: Range<Int>
    }

    /// A here-document: `<<NAME` and the lines that belong to it.
    struct Heredoc: Equatable, Sendable {
        /// Its word in the instruction's text.
        let word: Range<Int>
        /// `<<-`: tabs at the beginning of lines do not count.
        let stripsTabs: Bool
        /// Whether its name is quoted, so that nothing in it is expanded.
        let isQuoted: Bool
        /// Its lines.
        var body: Range<Int>
        /// Whether the line that ends it is there.
        var isEnded = false
        let name: [UInt8]
    }

    /// What an instruction is called.
    enum Keyword: Sendable {
        case from, run, copy, add, env, arg, user, shell, workdir, cmd, entrypoint, other, unknown
    }

    /// One instruction.
    struct Instruction: Equatable, Sendable {
        /// What it is; for ONBUILD, what comes after that word.
        var keyword: Keyword
        /// Where it begins.
        let start: Int
        /// After its last line, here-documents included.
        var end: Int
        /// All that stands after the word that names it.
        var text: LogicalText
        /// Where in the text its own flags and arguments begin: after ONBUILD's instruction, if it is one.
        var argumentStart = 0
        /// It is ONBUILD: it happens in other builds.
        var isOnBuild = false
        /// Words that begin with "--" before the arguments.
        var flags: [Range<Int>] = []
        /// Whether the arguments are a JSON array.
        var isJSON = false
        /// In the order of their words.
        var heredocs: [Heredoc] = []
        /// Codes that comments silence in it, in capitals.
        var ignored: [ByteString] = []

        /// Its bytes.
        var length: Int { end - start }

        /// What stands after the flags.
        var arguments: Range<Int> { argumentStart..<text.bytes.count }
    }

    /// The file itself.
    public let source: ByteString
    /// The character that continues a line: a backslash, or what `# escape=` chose.
    public internal(set) var escape = UInt8(ascii: "\\")
    /// All tokens, in order.
    public internal(set) var pieces: [Piece] = []
    /// `# syntax=`: where its value stands.
    var syntax: Range<Int>?
    var instructions: [Instruction] = []

    /// Takes a file apart. When time is up, what is left of it is not.
    public init(_ source: ByteString, isTimeUp: () -> Bool = { false }) {
        self.source = source
        var parser = DockerfileParser(source.bytes)
        parser.parse(isTimeUp: isTimeUp)
        escape = parser.escape
        pieces = parser.pieces
        syntax = parser.syntax
        instructions = parser.instructions
    }

    /// Whether an instruction has more bytes than these.
    public func holdsInstruction(longerThan length: Int) -> Bool { instructions.contains { $0.length > length } }

    /// The file put together again from its tokens.
    public var printed: ByteString {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        for piece in pieces { bytes += source.bytes[piece.range] }
        return ByteString(bytes)
    }
}

/// Where lines begin: lines and columns are counted from 1, columns in bytes.
struct LineTable {
    private var starts = [0]

    init(_ bytes: [UInt8]) {
        for (index, byte) in bytes.enumerated() where byte == 0x0A { starts.append(index + 1) }
    }

    func place(of offset: Int) -> (line: Int, column: Int) {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        let line = max(1, low)
        return (line, offset - starts[line - 1] + 1)
    }
}
