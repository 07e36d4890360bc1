import Formats
import Foundation
import Testing

@testable import DockerfileLint

/// One rule as described in docs/lint.md.
struct Explained: Sendable, CustomTestStringConvertible {
    var code: ByteString
    var head: ByteString
    var text: [ByteString] = []
    /// The bad example and the better one.
    var examples: [ByteString] = []

    var rule: Rule? { Rule(code: code) }
    var testDescription: String { code.lossy }

    static let all: [Explained] = {
        let file = URL(fileURLWithPath: #filePath).appending(path: "../../../docs/lint.md").standardizedFileURL
        let text = ByteString((try? Data(contentsOf: file)) ?? Data())
        var all: [Explained] = []
        var example: [ByteString]?
        for line in text.split("\n") {
            if line.hasPrefix("### ") {
                all.append(Explained(code: line.dropFirst(4), head: ""))
            } else if line == "```dockerfile" {
                example = []
            } else if line == "```", let lines = example, !all.isEmpty {
                all[all.count - 1].examples.append(lines.joined(separator: "\n"))
                example = nil
            } else if example != nil {
                example?.append(line)
            } else if !all.isEmpty, !line.isEmpty, !line.hasPrefix("##") {
                if all[all.count - 1].head.isEmpty { all[all.count - 1].head = line }
                all[all.count - 1].text.append(line)
            }
        }
        return all
    }()

    static let context = ContextFacts(ignoreFile: nil, hasGit: false)

    func context(of example: ByteString) -> ContextFacts {
        ContextFacts(ignoreFile: code == "LNT702" ? "node_modules" : nil, hasGit: code == "LNT702")
    }
}

func codes(_ text: ByteString, _ context: ContextFacts = .unknown) -> [ByteString] {
    Linter.findings(in: Dockerfile(text), context: context).map(\.rule.code)
}

func fixed(_ text: ByteString, _ context: ContextFacts = .unknown) -> ByteString {
    Linter.fixed(Dockerfile(text), context: context).source
}

@Suite("docs/lint.md, which is the table of the rules, with examples")
struct DocumentTests {
    @Test("Every rule is there, in the order of the codes")
    func complete() {
        #expect(Explained.all.map(\.code) == Rule.allCases.map(\.code))
        for rule in Rule.allCases { #expect(Rule(code: rule.code.lowercasedASCII) == rule) }
        #expect(Rule(code: "LNT999") == nil && Rule(code: "101") == nil && Rule(code: "SLP101") == nil)
    }

    @Test("What a rule says there is what it says", arguments: Explained.all)
    func words(_ explained: Explained) throws {
        let rule = try #require(explained.rule)
        let row = rule.row
        let isFixed = explained.head.range(of: "fixed by --fix") != nil
        #expect(
            explained.head == row.severity.name + (isFixed ? " · fixed by --fix" : "") + " · **" + ByteString(row.title)
                + "**")
        let consequence = ByteString(row.consequence)
        #expect(explained.text.contains { $0.dropFirst(1) == consequence.dropFirst(1) + "." })
        #expect(consequence.isPrintableASCII && !consequence.hasSuffix("."))
    }

    @Test("A rule finds its example, once, and nothing in what is better", arguments: Explained.all)
    func examples(_ explained: Explained) throws {
        let context = explained.context(of: explained.code)
        let bad = try #require(explained.examples.first), better = try #require(explained.examples.last)
        #expect(explained.examples.count == 2)
        #expect(codes(bad, context) == [explained.code])
        #expect(codes(better, context) == [])
    }

    @Test("What --fix fixes becomes what is better, to the byte; what it does not fix stays", arguments: Explained.all)
    func fixes(_ explained: Explained) throws {
        let context = explained.context(of: explained.code)
        let bad = try #require(explained.examples.first), better = try #require(explained.examples.last)
        let isFixed = explained.head.range(of: "fixed by --fix") != nil
        let findings = Linter.findings(in: Dockerfile(bad), context: context)
        #expect(findings.allSatisfy { $0.isFixable == isFixed } || explained.code == "LNT102")
        #expect(fixed(bad, context) == (isFixed ? better : bad))
        #expect(fixed(fixed(bad, context), context) == fixed(bad, context))
        // Carriage returns and other line ends make no difference.
        for ending in ["\r\n", "\n"] as [ByteString] {
            let windows = bad.split("\n").joined(separator: ending) + ending
            #expect(codes(windows, context) == (explained.code == "LNT001" ? ["LNT001"] : [explained.code]))
            let wanted = better.split("\n").joined(separator: ending) + ending
            #expect(fixed(windows, context) == (isFixed ? wanted : windows))
        }
    }

    @Test("A comment silences its rule, before the instruction and in it", arguments: Explained.all)
    func silenced(_ explained: Explained) throws {
        let context = explained.context(of: explained.code)
        let bad = try #require(explained.examples.first)
        let comment = "# slipway: ignore=LNT999," + explained.code.lowercasedASCII + "\n"
        // Before every instruction; the lines of a here-document are not instructions.
        let lines = bad.split("\n").map { line in line.hasPrefix("echo") ? line : comment + line }
        guard explained.code != "LNT705" else { return }
        #expect(codes(lines.joined(separator: "\n"), context) == [])
        let other = bad.split("\n").map { $0.hasPrefix("echo") ? $0 : "# slipway: ignore=LNT999\n" + $0 }
        #expect(codes(other.joined(separator: "\n"), context) == [explained.code])
    }
}
