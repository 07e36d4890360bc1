import Formats
import Foundation
import Testing

@testable import Doctor

@Suite("The doctor's table and report")
struct TableTests {
    @Test("docs/doctor.md equals the table, so every code keeps its meaning")
    func document() throws {
        let file = URL(fileURLWithPath: #filePath).appending(path: "../../../docs/doctor.md")
        let text = ByteString(try Data(contentsOf: file.standardizedFileURL))
        let expected = Check.allCases.sorted { $0.rawValue < $1.rawValue }.map { check -> ByteString in
            let row = check.row
            let fix = row.fix.isEmpty ? "" : "`" + row.fix + "`"
            let cells = [ByteString(row.title), ByteString(row.why), ByteString(fix)].map {
                $0.replacing("|", with: "\u{0}").replacing("\u{0}", with: "\\|")
            }
            return "| " + check.code + " | " + row.severity.name + " | " + cells.joined(separator: " | ") + " |"
        }
        #expect(text.split("\n").filter { $0.hasPrefix("| DOC") } == expected)
    }

    @Test("A problem has a reason and one command; other findings have neither", arguments: Check.allCases)
    func rows(_ check: Check) {
        let row = check.row
        #expect(row.title.utf8.count > 6 && !row.title.hasSuffix("."))
        #expect(row.why.isEmpty == (row.severity == .ok))
        #expect(row.fix.isEmpty == (row.severity == .ok))
        #expect(!row.fix.contains("\n") && !row.why.contains("\n") && !row.title.contains("\n"))
        #expect(ByteString(row.title + row.why + row.fix).isPrintableASCII)
        #expect(Check.allCases.filter { $0.row.title == row.title } == [check])
        #expect(check.code.count == 6 && check.code.hasPrefix("DOC"))
    }

    @Test("The worst come first, then by code; the worst one determines the exit code")
    func order() {
        let report = Report([
            Finding(.homeInOrder), Finding(.umaskUnusual, "0002"), Finding(.shimMissing), Finding(.severalShims, "b"),
            Finding(.severalShims, "a"), Finding(.dockerFound),
        ])
        #expect(report.findings.map(\.check.rawValue) == [101, 104, 104, 501, 200, 600])
        #expect(report.findings.map(\.detail)[1...2] == ["b", "a"])
        #expect(report.worst == .broken && report.worst.rawValue == 2)
        #expect(Report([Finding(.umaskUnusual)]).worst.rawValue == 1)
        #expect(Report([Finding(.dockerFound)]).worst.rawValue == 0)
        #expect(Report([]).worst == .ok)
    }

    @Test("The JSON contains everything and is valid")
    func json() throws {
        let report = Report([Finding(.dockerFound, "\"x\""), Finding(.defaultACL, "/a b", path: "/a b")])
        let json = try #require(JSON(report.json.text))
        #expect(json[key: "worst"] == .string("warning"))
        let findings = try #require(json[key: "findings"]?.array)
        let keys: [ByteString] = ["code", "severity", "title", "detail", "why", "fix"]
        for finding in findings { #expect(finding.members?.map(\.name) == keys) }
        #expect(findings[0][key: "code"]?.string == "DOC503")
        #expect(findings[0][key: "fix"]?.string == "setfacl -R -k '/a b'")
        #expect(findings[1][key: "severity"]?.string == "ok" && findings[1][key: "detail"]?.string == "\"x\"")
        #expect(JSON(Report([]).json.text)?[key: "worst"]?.string == "ok")
    }

    @Test("For people: three lines for a problem, one for anything else, without colours and control characters")
    func text() {
        let report = Report([Finding(.dockerFound, "x"), Finding(.defaultACL, "/a\u{1B}[2J\n", path: "/a\u{1B}b")])
        let text = report.text(inColour: false).split("\n")
        #expect(text.prefix(2) == ["Builds share layers here; one thing could be better", ""])
        let lines = Array(text.dropFirst(2))
        #expect(lines.count == 5 && lines.last == "")
        #expect(lines[0] == "warning  DOC503  the repository has a default ACL: /a\\x1b[2J\\n")
        #expect(lines[1].trimmed.hasPrefix("why   new files") && lines[2].trimmed == "fix   setfacl -R -k $'/a\\x1bb'")
        #expect(lines[3] == "ok       DOC200  the real docker: x")
        #expect(report.text(inColour: true).range(of: "\n\u{1B}[33mwarning\u{1B}[0m  DOC503") != nil)
    }

    @Test("Long lists are shortened, and say so")
    func listing() {
        #expect(ByteString.listing(["a", "b"], most: 2) == "a, b")
        #expect(ByteString.listing(["a", "b", "c", "d"], most: 2) == "a, b and 2 more")
    }
}
