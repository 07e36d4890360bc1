public import Formats

/// The instructions of a Dockerfile, in just enough detail to tell them apart.
public struct DockerfileOutline: Equatable, Sendable {
    /// One instruction.
    public struct Instruction: Equatable, Sendable {
        /// The line where it starts, counted from 1.
        public let line: Int
        /// In upper case.
        public let word: ByteString
        /// The rest, its lines joined. Stored are only the texts of FROM, COPY and ADD, and the names of ARG.
        public let text: ByteString
        /// Eight digits of the digest of word and text.
        public let tag: ByteString
        /// The FROM to which it belongs, counted from 0; -1 before the first.
        public let stage: Int

        /// From named values; the tag is computed.
        public init(line: Int, word: ByteString, text: ByteString, stage: Int) {
            self.init(
                line: line, word: word, text: text, stage: stage,
                tag: SHA256.hexDigest(of: word + "\0" + text).prefix(8))
        }

        init(line: Int, word: ByteString, text: ByteString, stage: Int, tag: ByteString) {
            self.line = line
            self.word = word
            self.text = text
            self.stage = stage
            self.tag = tag
        }
    }

    /// In order.
    public let instructions: [Instruction]

    private static let most = 10_000
    /// Every instruction that BuildKit knows. A line that starts otherwise is not an instruction, and the file perhaps
    /// not a Dockerfile: nothing of such a line is stored.
    ///
    /// Source: moby/buildkit frontend/dockerfile/command/command.go.
    private static let known: Set<ByteString> = [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]

    /// Reads a Dockerfile. It accepts any text; one that is not a Dockerfile gives instructions that match
    /// nothing.
    ///
    /// Source: moby/buildkit frontend/dockerfile/parser/parser.go, Parse.
    public init(_ text: ByteString) {
        var instructions: [Instruction] = []
        var stage = -1
        let lines = text.split("\n").map { $0.hasSuffix("\r") ? $0.dropLast(1) : $0 }
        let escape = Self.escape(lines)
        var index = 0
        while index < lines.count, instructions.count < Self.most {
            let begin = index
            var joined = lines[index].trimmed
            index += 1
            if joined.isEmpty || joined.hasPrefix("#") { continue }
            while joined.hasSuffix(escape), index < lines.count {
                let next = lines[index].trimmed
                index += 1
                // Comments and empty lines within an instruction do not belong to it.
                if next.hasPrefix("#") || next.isEmpty { continue }
                joined = joined.dropLast(1) + next
            }
            for marker in Self.heredocs(in: joined) {
                while index < lines.count, lines[index].trimmed != marker {
                    joined += "\n" + lines[index]
                    index += 1
                }
                index += 1
            }
            let (word, rest) = joined.cut { $0 == 0x20 || $0 == 0x09 }
            let capitals = word.uppercasedASCII
            guard Self.known.contains(capitals) else { continue }
            if capitals == "FROM" { stage += 1 }
            instructions.append(Instruction(line: begin + 1, word: capitals, text: rest.trimmed, stage: stage))
        }
        self.instructions = instructions
    }

    private static func escape(_ lines: [ByteString]) -> ByteString {
        for line in lines {
            guard line.trimmed.hasPrefix("#") else { break }
            let (name, value) = line.trimmed.dropFirst(1).cut(at: "=").map { ($0.before, $0.after) } ?? ("", "")
            if name.trimmed.lowercasedASCII == "escape", value.trimmed == "`" { return "`" }
        }
        return "\\"
    }

    /// The words that end heredocs, as written after "<<": RUN <<EOF, COPY <<-"a" <<b /dir/.
    private static func heredocs(in text: ByteString) -> [ByteString] {
        let word = text.split(" ").first?.lowercasedASCII
        guard word == "run" || word == "copy" || word == "add" else { return [] }
        return text.split(" ").compactMap { part in
            guard let at = part.range(of: "<<"), part.range(of: "<<<") == nil,
                part.prefix(at.lowerBound).bytes.allSatisfy(\.isDigit)
            else { return nil }
            var name = part.dropFirst(at.upperBound)
            if name.hasPrefix("-") { name = name.dropFirst(1) }
            let bare = ByteString(name.bytes.filter { $0 != 0x22 && $0 != 0x27 })
            let isName = bare.bytes.allSatisfy { $0.isDigit || $0.isLetter || $0 == UInt8(ascii: "_") }
            return isName && !bare.isEmpty ? bare : nil
        }
    }

    /// The stored form.
    public var json: JSON {
        .array(
            instructions.map { instruction in
                .array([
                    .integer(instruction.line), .string(instruction.word), .integer(instruction.stage),
                    .string(instruction.tag), .string(instruction.kept),
                ])
            })
    }

    /// nil for a foreign value.
    public init?(_ json: JSON) {
        guard let rows = json.array else { return nil }
        instructions = rows.compactMap { row in
            guard let row = row.array, row.count == 5, let line = row[0].integer, let word = row[1].string,
                let stage = row[2].integer, let tag = row[3].string,
                let text = row[4].string
            else { return nil }
            return Instruction(line: line, word: word, text: text, stage: stage, tag: tag)
        }
        guard instructions.count == rows.count else { return nil }
    }
}

extension DockerfileOutline.Instruction {
    /// The part of the text needed for explanations; values of arguments and commands are not stored.
    fileprivate var kept: ByteString {
        switch word {
        case "FROM": PublicAddress.redacting(text)
        case "COPY", "ADD": PublicAddress.redacting(text.cut(at: "\n")?.before ?? text)
        case "ARG": Self.names(in: text).joined(separator: " ")
        default: ""
        }
    }

    /// The names that an ARG declares. A value may contain quotes and blanks, and no part of it is a name.
    private static func names(in text: ByteString) -> [ByteString] {
        var names: [ByteString] = []
        var word: [UInt8] = []
        var (quote, isEscaped) = (nil as UInt8?, false)
        func end() {
            let name = ByteString(word.prefix { $0 != UInt8(ascii: "=") })
            if isName(name) { names.append(name) }
            word = []
        }
        for byte in text.bytes {
            if quote == nil, !isEscaped, byte == 0x20 || byte == 0x09 || byte == 0x0A {
                end()
                continue
            }
            word.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
            } else if byte == quote {
                quote = nil
            } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            }
        }
        end()
        return names
    }

    private static func isName(_ name: ByteString) -> Bool {
        guard let first = name.bytes.first, !first.isDigit else { return false }
        return name.bytes.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
    }

    /// The build arguments that it declares or uses, and the contexts from which it takes files.
    fileprivate var names: [ByteString] {
        switch word {
        case "ARG": return Self.names(in: text)
        case "FROM":
            // Words that may stand for an image, and also "${NAME}" and "$NAME".
            let parts = text.bytes.split { !($0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_")) }
            return text.split(" ") + (text.contains("$") ? parts.map { ByteString($0) } : [])
        case "COPY", "ADD", "RUN":
            let words = text.bytes.split { $0 <= 0x20 || $0 == UInt8(ascii: ",") }.map { ByteString($0) }
            // --from=NAME, and from=NAME of a --mount, also in "--mount=from=NAME,...".
            return words.compactMap { word in
                word.hasPrefix("-") || word.hasPrefix("from=") ? word.cutLast(at: "=")?.after : nil
            }
        default: return []
        }
    }
}

extension DockerfileOutline {
    /// The names that it uses for arguments and contexts.
    var names: Set<ByteString> { Set(instructions.flatMap(\.names)) }
}

extension DockerfileOutline {
    /// The instructions that become steps in BuildKit, except for FROM.
    private static let stepping: [ByteString] = ["RUN", "COPY", "ADD", "WORKDIR"]

    /// The index of the instruction for a step of a stage, FROM being number 1; nil if they do not match. The stage
    /// has BuildKit's name: empty for the only one, "stage-N" for one without a name.
    public func index(stage: ByteString, number: Int, word: ByteString) -> Int? {
        guard let stage = stageNumber(stage), number > 1 else { return nil }
        var left = number - 1
        for (index, instruction) in instructions.enumerated() where instruction.stage == stage {
            guard Self.stepping.contains(instruction.word) else { continue }
            left -= 1
            if left == 0 { return instruction.word == word ? index : nil }
        }
        return nil
    }

    private func stageNumber(_ name: ByteString) -> Int? {
        let stages = instructions.filter { $0.word == "FROM" }
        if name.isEmpty { return stages.count == 1 ? 0 : nil }
        // With several platforms: "linux/amd64 build".
        let name = name.cutLast(at: " ")?.after ?? name
        for stage in stages {
            let words = stage.text.split(" ").filter { !$0.isEmpty }
            if words.count >= 3, words[words.count - 2].lowercasedASCII == "as",
                words[words.count - 1].lowercasedASCII == name.lowercasedASCII
            {
                return stage.stage
            }
        }
        guard name.hasPrefix("stage-") else { return nil }
        return name.dropFirst(6).decimal.flatMap { number in stages.contains { $0.stage == number } ? number : nil }
    }
}

extension ByteString {
    /// The parts before and after the first matching byte; everything and nothing if there is none.
    func cut(where isSeparator: (UInt8) -> Bool) -> (ByteString, ByteString) {
        guard let index = bytes.firstIndex(where: isSeparator) else { return (self, "") }
        return (ByteString(bytes[..<index]), ByteString(bytes[(index + 1)...]))
    }
}
