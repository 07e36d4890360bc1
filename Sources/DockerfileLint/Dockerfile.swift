public import Formats

/// A Dockerfile parsed without loss: its tokens cover every byte once, in order. It reads what BuildKit's parser reads
/// (moby/buildkit frontend/dockerfile/parser), never fails, and takes time proportional to the file's length.
public struct Dockerfile: Sendable {
    /// The kind of a token.
    public enum Token: UInt8, Sendable {
        /// The UTF-8 byte order mark before the first line.
        case byteOrderMark
        /// Blanks before or after the content.
        case blank
        /// The end of a line, with its carriage return.
        case lineEnd
        /// A comment, including one between the lines of an instruction.
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
        /// Its range in the file.
        public let range: Range<Int>
    }

    /// A here-document: `<<NAME` and its lines.
    struct Heredoc: Equatable, Sendable {
        /// The range of its word in the instruction's text.
        let word: Range<Int>
        /// `<<-`: tabs at the start of lines do not count.
        let stripsTabs: Bool
        /// Whether its name is quoted, so that nothing in it is expanded.
        let isQuoted: Bool
        /// Its lines.
        var body: Range<Int>
        /// Whether the line that ends it exists.
        var isEnded = false
        let name: [UInt8]
    }

    /// The name of an instruction.
    enum Keyword: Sendable {
        case from, run, copy, add, env, arg, user, shell, workdir, cmd, entrypoint, other, unknown
    }

    /// One instruction.
    struct Instruction: Equatable, Sendable {
        /// Its kind; for ONBUILD, that of the instruction after this word.
        var keyword: Keyword
        /// Where it starts.
        let start: Int
        /// The end of its last line, here-documents included.
        var end: Int
        /// Everything after its name.
        var text: LogicalText
        /// Where its own flags and arguments start in the text: after the name of ONBUILD's instruction, if it is
        /// one.
        var argumentStart = 0
        /// Whether it is ONBUILD: it is executed in other builds.
        var isOnBuild = false
        /// Words before the arguments that start with "--".
        var flags: [Range<Int>] = []
        /// Whether the arguments are a JSON array.
        var isJSON = false
        /// In the order of their words.
        var heredocs: [Heredoc] = []
        /// Codes that comments suppress for it, in upper case.
        var ignored: [ByteString] = []

        /// Its length in bytes.
        var length: Int { end - start }

        /// What follows the flags.
        var arguments: Range<Int> { argumentStart..<text.bytes.count }
    }

    /// The file itself.
    public let source: ByteString
    /// The character that continues a line: a backslash, or what `# escape=` chose.
    public internal(set) var escape = UInt8(ascii: "\\")
    /// All tokens, in order.
    public internal(set) var pieces: [Piece] = []
    /// The range of the value of `# syntax=`.
    var syntax: Range<Int>?
    var instructions: [Instruction] = []

    /// Parses a file. When the time is up, the rest is not parsed.
    public init(_ source: ByteString, isTimeUp: () -> Bool = { false }) {
        self.source = source
        var parser = DockerfileParser(source.bytes)
        parser.parse(isTimeUp: isTimeUp)
        escape = parser.escape
        pieces = parser.pieces
        syntax = parser.syntax
        instructions = parser.instructions
    }

    /// Whether an instruction is longer than this, in bytes.
    public func holdsInstruction(longerThan length: Int) -> Bool { instructions.contains { $0.length > length } }

    /// The file, reassembled from its tokens.
    public var printed: ByteString {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        for piece in pieces { bytes += source.bytes[piece.range] }
        return ByteString(bytes)
    }
}

/// Where lines start: lines and columns are counted from 1, columns in bytes.
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
