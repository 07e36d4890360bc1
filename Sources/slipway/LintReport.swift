import DockerfileLint
import Formats
import Shim

/// The findings of one file.
struct LintReport {
    let path: ByteString
    let findings: [Finding]

    /// "FILE:LINE:COLUMN: SEVERITY CODE MESSAGE [LINK]", one per line.
    static func text(of reports: [LintReport]) -> ByteString {
        var lines: [ByteString] = []
        for report in reports {
            for finding in report.findings {
                let place =
                    report.path + ":" + ByteString(decimal: finding.line) + ":" + ByteString(decimal: finding.column)
                lines.append(
                    (place + ": " + finding.severity.name + " " + finding.rule.code + " " + finding.message + " ["
                        + finding.rule.link + "]" + (finding.isFixable ? " (fixable with --fix)" : "")).terminalSafe
                        + "\n")
            }
        }
        return lines.joined(separator: "")
    }

    /// One array for all files.
    static func json(of reports: [LintReport]) -> JSON {
        .array(
            reports.flatMap { report in
                report.findings.map { finding in
                    .object([
                        "file": .string(report.path), "line": .integer(finding.line),
                        "column": .integer(finding.column),
                        "code": .string(finding.rule.code), "severity": .string(finding.severity.name),
                        "message": .string(finding.message), "fixable": .bool(finding.isFixable),
                        "link": .string(finding.rule.link),
                        "edits": .array(
                            finding.edits.map { edit in
                                .object([
                                    "from": .integer(edit.range.lowerBound), "to": .integer(edit.range.upperBound),
                                    "text": .string(edit.replacement),
                                ])
                            }),
                    ])
                }
            })
    }

    /// SARIF 2.1.0, as code hosts read it.
    static func sarif(of reports: [LintReport]) -> JSON {
        let rules = Rule.allCases.map { rule -> JSON in
            let row = rule.row
            return .object([
                "id": .string(rule.code), "shortDescription": .object(["text": .string(ByteString(row.title))]),
                "fullDescription": .object(["text": .string(ByteString(row.consequence))]),
                "help": .object(["text": .string("See " + rule.link)]),
                "defaultConfiguration": .object(["level": .string(row.severity.name)]),
            ])
        }
        let results = reports.flatMap { report in
            report.findings.map { finding -> JSON in
                let region: JSON = .object([
                    "startLine": .integer(finding.line), "startColumn": .integer(finding.column),
                ])
                let location: JSON = .object([
                    "physicalLocation": .object([
                        "artifactLocation": .object(["uri": .string(uri(report.path))]), "region": region,
                    ])
                ])
                return .object([
                    "ruleId": .string(finding.rule.code), "level": .string(finding.severity.name),
                    "message": .object(["text": .string(finding.message)]), "locations": .array([location]),
                ])
            }
        }
        let driver: JSON = .object([
            "name": .string("slipway"), "version": .string(ByteString(Release.version)), "rules": .array(rules),
        ])
        return .object([
            "$schema": .string("https://json.schemastore.org/sarif-2.1.0.json"), "version": .string("2.1.0"),
            "runs": .array([
                .object([
                    "tool": .object(["driver": driver]), "columnKind": .string("utf16CodeUnits"),
                    "results": .array(results),
                ])
            ]),
        ])
    }

    private static func uri(_ path: ByteString) -> ByteString {
        (path.hasPrefix("/") ? "file://" : "") + path.split("/").map(\.percentEncoded).joined(separator: "/")
    }
}
