public import Formats

/// The images that a Dockerfile starts from, copies from and mounts, and its frontend. Whatever only BuildKit works out is a doubt.
public struct NamedImages: Sendable {
    /// What cannot be told, for people.
    public struct Unclear: Error, Equatable {
        /// The word, or what is wrong.
        public let text: ByteString

        /// With a text of one's own.
        public init(text: ByteString) { self.text = text }
    }

    /// In the order of the file, each once.
    public private(set) var names: [ByteString] = []
    private var stages: Set<ByteString>
    private var arguments: [ByteString: ByteString]

    private static let most = 16
    private static let longestWord = 1024

    /// `contexts` are the names of contexts that stand for images, `arguments` what the build gives.
    public init(
        in dockerfile: Dockerfile, arguments: [ByteString: ByteString] = [:], contexts: [ByteString] = []
    ) throws(Unclear) {
        self.arguments = arguments
        stages = Set(contexts.map(\.lowercasedASCII))
        try readFrontend(dockerfile)
        var count = 0
        for instruction in dockerfile.instructions {
            let words = Self.words(instruction.arguments, of: instruction, dockerfile.escape)
            switch instruction.keyword {
            case .arg where count == 0: define(words, given: arguments)
            case .from:
                guard let first = words.first, !instruction.isOnBuild else { throw Unclear(text: "FROM") }
                try use(try expanded(first))
                if words.count >= 3 { stages.insert(words[2].lowercasedASCII) }
                stages.insert(ByteString(decimal: count))
                count += 1
            case .copy, .add, .run:
                for flag in instruction.flags {
                    try readFlag(ByteString(instruction.text.bytes[flag]))
                }
            default: continue
            }
        }
        guard count > 0 else { throw Unclear(text: "there is no FROM") }
    }

    private static func words(
        _ range: Range<Int>, of instruction: Dockerfile.Instruction, _ escape: UInt8
    ) -> [ByteString] {
        guard instruction.keyword == .from || instruction.keyword == .arg else { return [] }
        return WordScanner.words(of: range, in: instruction.text.bytes, escape: escape).map {
            ByteString(instruction.text.bytes[$0])
        }
    }

    /// A frontend is an image, and one of somebody's own may name images in any way.
    ///
    /// Source: moby/buildkit frontend/dockerfile/parser/directives.go, DetectSyntax, which also takes other comments.
    private mutating func readFrontend(_ dockerfile: Dockerfile) throws(Unclear) {
        let source = dockerfile.source
        guard let first = dockerfile.pieces.first, first.token != .byteOrderMark else {
            throw Unclear(text: "the Dockerfile's first bytes")
        }
        let start = ByteString(source.bytes.prefix(64)).trimmed
        if start.hasPrefix("#!") || start.hasPrefix("//") || start.hasPrefix("{") {
            throw Unclear(text: "the Dockerfile's first line")
        }
        guard let syntax = dockerfile.syntax else { return }
        let frontend = ByteString(source.bytes[syntax]).split(" ").first ?? ""
        let known = ["docker/dockerfile", "docker.io/docker/dockerfile"] as [ByteString]
        guard known.contains(where: { frontend == $0 || frontend.hasPrefix($0 + ":") }) else {
            throw Unclear(text: "the frontend " + frontend.prefix(Self.longestWord))
        }
        try add(frontend)
    }

    private mutating func define(_ words: [ByteString], given: [ByteString: ByteString]) {
        for word in words {
            let (name, value) = word.cut(at: "=") ?? (word, "")
            // One that only BuildKit knows, such as a platform, may not be needed.
            arguments[name] = given[name] ?? (try? expanded(value))
        }
    }

    private mutating func readFlag(_ flag: ByteString) throws(Unclear) {
        if flag.hasPrefix("--from=") { try use(try expanded(flag.dropFirst(7))) }
        guard flag.hasPrefix("--mount=") else { return }
        guard flag.count <= Self.longestWord, let fields = CSV.fields(of: flag.dropFirst(8)) else {
            throw Unclear(text: "--mount")
        }
        for field in fields {
            guard let (name, value) = field.cut(at: "="), name.trimmed.lowercasedASCII == "from" else { continue }
            try use(try expanded(value))
        }
    }

    private mutating func use(_ name: ByteString) throws(Unclear) {
        guard !stages.contains(name.lowercasedASCII), name != "scratch" else { return }
        try add(name)
    }

    /// Adds an image that is named elsewhere.
    public mutating func add(_ name: ByteString) throws(Unclear) {
        guard !name.isEmpty, name.count <= Self.longestWord else { throw Unclear(text: "an image without a name") }
        guard !names.contains(name) else { return }
        guard names.count < Self.most else { throw Unclear(text: "more than 16 images") }
        names.append(name)
    }

    /// `$NAME`, `${NAME}` and `${NAME:-default}` of the arguments before the first FROM; nothing else.
    private func expanded(_ word: ByteString) throws(Unclear) -> ByteString {
        guard word.count <= Self.longestWord else { throw Unclear(text: "a word of more than 1024 bytes") }
        var rest = word
        for quote in ["\"", "'"] as [ByteString] where word.count >= 2 && word.hasPrefix(quote) && word.hasSuffix(quote)
        {
            rest = word.dropFirst(1).dropLast(1)
        }
        guard !rest.bytes.contains(where: Self.isSpecial) else { throw Unclear(text: word) }
        var result: ByteString = ""
        while let (before, after) = rest.cut(at: "$") {
            result += before
            if after.hasPrefix("{") {
                guard let (inside, behind) = after.dropFirst(1).cut(at: "}") else { throw Unclear(text: word) }
                result += try value(of: inside, in: word)
                rest = behind
            } else {
                let name = ByteString(after.bytes.prefix(while: Self.isOfName))
                guard let value = arguments[name] else { throw Unclear(text: word) }
                result += value
                rest = after.dropFirst(name.count)
            }
            // Arguments that double each other would fill any memory.
            guard result.count <= Self.longestWord else { throw Unclear(text: word) }
        }
        return result + rest
    }

    private func value(of inside: ByteString, in word: ByteString) throws(Unclear) -> ByteString {
        var (name, fallback) = (inside, ByteString())
        if let operation = inside.range(of: ":-") {
            name = inside.prefix(operation.lowerBound)
            fallback = inside.dropFirst(operation.upperBound)
        }
        guard name.bytes.allSatisfy(Self.isOfName), !fallback.contains("$"),
            let value = arguments[name] ?? (fallback.isEmpty ? nil : "")
        else { throw Unclear(text: word) }
        return value.isEmpty ? fallback : value
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "`") || byte == UInt8(ascii: "\"")
            || byte == UInt8(ascii: "'")
    }

    private static func isOfName(_ byte: UInt8) -> Bool { byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_") }
}
