import Formats
import Foundation
import Testing

@testable import DockerfileLint

/// The files of the folder Corpus, and the findings in each.
struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let text: ByteString
    var testDescription: String { name }

    static let all: [Sample] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Corpus")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { name in
            (try? Data(contentsOf: folder.appending(path: name))).map { Sample(name: name, text: ByteString($0)) }
        }
    }()

    /// The files with findings; all others have none.
    static let expected: [String: [ByteString]] = [
        "agent-sandbox": ["LNT101"], "apt-cli": ["LNT602"], "apt-lists-only": ["LNT605"],
        "apt-negated": ["LNT601", "LNT610", "LNT616"], "args-scopes": ["LNT101", "LNT102"],
        "floating": ["LNT703", "LNT703"], "go-clean": ["LNT511"], "go-commit": ["LNT704", "LNT704"],
        "json-forms": [], "node-cache-cleaned": ["LNT210"], "node-user-mount": ["LNT206"], "node-yarn1": ["LNT305"],
        "nodesource": ["LNT803"], "oh-my-shell": ["LNT803"], "onbuild": ["LNT101"],
        "python-cache-contradiction": ["LNT101"], "python-heredoc": ["LNT101"], "python-nonroot": ["LNT106"],
        "python-upgrade-pip": ["LNT801"], "rustup": ["LNT803"], "unterminated": ["LNT001"],
    ]
}

@Suite("The corpus of Dockerfiles")
struct CorpusTests {
    @Test("There are sixty at least") func size() { #expect(Sample.all.count >= 60) }

    @Test("Print equals input, every byte is in one token, and what is found is what is there", arguments: Sample.all)
    func whole(_ sample: Sample) throws {
        let file = Dockerfile(sample.text)
        #expect(file.printed == sample.text)
        #expect(isCovering(file))
        let name = sample.name.replacing(".Dockerfile", with: "")
        #expect(codes(sample.text) == Sample.expected[name] ?? [])
    }

    @Test("A file that is cut is read, and fixed once only", arguments: Sample.all)
    func truncated(_ sample: Sample) {
        for length in stride(from: sample.text.count % 11, to: sample.text.count, by: 11) {
            let problem = brokenProperty(of: sample.text.prefix(length))
            #expect(problem == nil, "cut at \(length)")
        }
    }

    @Test("Changed bytes never break what must hold", arguments: Sample.all)
    func mutated(_ sample: Sample) {
        var random = Repeating(seed: UInt64(sample.text.count))
        for round in 0..<30 {
            let input = random.changed(sample.text, with: Sample.all)
            #expect(brokenProperty(of: input) == nil, "round \(round): \(input)")
        }
    }

    private func isCovering(_ file: Dockerfile) -> Bool {
        var position = 0
        for piece in file.pieces {
            guard piece.range.lowerBound == position, !piece.range.isEmpty else { return false }
            position = piece.range.upperBound
        }
        return position == file.source.count
    }

    @Test("Tokens are what BuildKit's parser sees")
    func tokens() {
        let file = Dockerfile("# escape=`\n# x\nRUN a `  \n\n # c\n  b\nRUN <<-E c\n\tl\n\tE\nUSER x")
        let tokens = file.pieces.map { ($0.token, ByteString(file.source.bytes[$0.range])) }.filter { $0.0 != .lineEnd }
        #expect(
            tokens.map(\.0) == [
                .directive, .comment, .keyword, .text, .continuation, .blank, .comment, .text, .keyword, .text,
                .heredoc,
                .heredocEnd, .keyword, .text,
            ])
        #expect(file.escape == UInt8(ascii: "`"))
        #expect(file.instructions.map(\.keyword) == [.run, .run, .user])
        #expect(file.instructions.first.map { ByteString($0.text.bytes) } == " a   b")
        #expect(Dockerfile("# x\n# escape=`\nRUN a").escape == 0x5C)
        #expect(Dockerfile("# escape=x\nRUN a").escape == 0x5C)
        #expect(Dockerfile("RUN a \\\\\nRUN b").instructions.count == 2)
        #expect(Dockerfile("RUN a \\\nRUN b").instructions.count == 1)
        #expect(Dockerfile("RUN [\"a\", 1]").instructions.first?.isJSON == false)
        #expect(
            Dockerfile("RUN echo <<<EOF a<<EOF <<EO'F'\nEOF").instructions.first?.heredocs.map(\.name) == [
                Array("EOF".utf8)
            ])
    }
}

/// Checks what must hold for any bytes; nil if it does.
func brokenProperty(of input: ByteString) -> String? {
    let file = Dockerfile(input)
    if file.printed != input { return "print differs from input" }
    let context = ContextFacts(ignoreFile: nil, hasGit: true)
    let findings = Linter.findings(in: file, context: context)
    if findings.contains(where: { $0.offset > input.count || $0.line < 1 || $0.column < 1 }) {
        return "a place is outside"
    }
    let fixed = Linter.fixed(file, context: context)
    if Dockerfile(fixed.source).printed != fixed.source { return "print differs from what was fixed" }
    if Linter.fixed(fixed, context: context).source != fixed.source { return "fixing twice is not fixing once" }
    if !findings.contains(where: \.isFixable), fixed.source != input { return "changed without a finding" }
    return nil
}

/// Random numbers that are the same in every run (splitmix64).
struct Repeating {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func number(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, bound)))
    }

    private static let words: [ByteString] = [
        "\\\n", "\n", "\r\n", "RUN ", "<<EOF\n", "EOF\n", "\"", "'", "`", "$(", ")", "${", "}", "&&", "||", "|", ";",
        "#", "[", "]",
        " --no-cache-dir", "pip install ", "rm -rf ~/.cache/pip/* ", "--mount=type=cache,target=/root/.cache/pip ",
        "ONBUILD ",
        "apt-get clean && ", ">=1", "<3", "PIP_NO_CACHE_DIR=1 ", "sh -c '", "su app -c \"", "{ ", "\u{0}", "\u{FEFF}",
        "\t",
    ]

    /// The text with a few bytes or words inserted, removed, doubled or copied from another file.
    mutating func changed(_ text: ByteString, with others: [Sample]) -> ByteString {
        var bytes = text.bytes
        for _ in 0...number(below: 4) {
            let place = number(below: bytes.count + 1)
            let end = min(bytes.count, place + number(below: 24))
            switch number(below: 6) {
            case 0: bytes.insert(UInt8(truncatingIfNeeded: number(below: 256)), at: place)
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3:
                let other = others[number(below: others.count)].text.bytes
                let start = number(below: other.count + 1)
                bytes.insert(contentsOf: other[start..<min(other.count, start + number(below: 60))], at: place)
            default: bytes.insert(contentsOf: Self.words[number(below: Self.words.count)].bytes, at: place)
            }
        }
        return ByteString(bytes)
    }
}
