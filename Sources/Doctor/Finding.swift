public import Formats

/// One finding, good or bad.
public struct Finding: Equatable, Sendable {
    /// The check that found it.
    public let check: Check
    /// The paths, versions or numbers concerned; may be empty.
    public let detail: ByteString
    /// The command that fixes it; empty if there is nothing to fix.
    public let fix: ByteString

    /// A finding. `path` replaces <path> in the command that fixes it; `fix` is a command that fits better.
    init(_ check: Check, _ detail: ByteString = "", path: ByteString? = nil, fix: ByteString? = nil) {
        self.check = check
        self.detail = PublicAddress.redacting(detail)
        let template = fix ?? ByteString(check.row.fix)
        self.fix = path.map { template.replacing("<path>", with: $0.shellQuoted) } ?? template
    }

    /// How bad it is.
    public var severity: Severity { check.row.severity }

    /// code, severity, title, detail, why, fix.
    public var json: JSON {
        .object([
            "code": .string(check.code), "severity": .string(severity.name),
            "title": .string(ByteString(check.row.title)), "detail": .string(detail),
            "why": .string(ByteString(check.row.why)), "fix": .string(fix),
        ])
    }
}

/// All findings, the worst first.
public struct Report: Sendable {
    /// The worst first, and by their codes.
    public let findings: [Finding]

    /// Sorts findings.
    init(_ findings: [Finding]) {
        self.findings = findings.enumerated().sorted {
            let (left, right) = ($0.element, $1.element)
            if left.severity != right.severity { return left.severity > right.severity }
            return (left.check.rawValue, $0.offset) < (right.check.rawValue, $1.offset)
        }.map(\.element)
    }

    /// The worst severity; `ok` if there are no findings.
    public var worst: Severity { findings.map(\.severity).max() ?? .ok }

    /// {"findings": [...], "worst": "...", "verdict": "...", "says": "..."}
    public var json: JSON {
        .object([
            "findings": .array(findings.map(\.json)), "worst": .string(worst.name), "verdict": .string(verdict.name),
            "says": .string(verdictText),
        ])
    }

    /// For people: the verdict, each problem with its reason and its fix, then a line for each check that passed.
    public func text(inColour: Bool) -> ByteString {
        var lines = [verdictText, ""]
        for finding in findings {
            let row = finding.check.row
            let head = Self.label(row.severity, inColour: inColour) + "  " + finding.check.code + "  "
            let title = ByteString(row.title) + (finding.detail.isEmpty ? "" : ": " + finding.detail.terminalSafe)
            lines.append(head + title)
            guard row.severity != .ok else { continue }
            lines.append("                 why   " + ByteString(row.why))
            lines.append("                 fix   " + finding.fix.terminalSafe)
        }
        return lines.map { $0 + "\n" }.joined(separator: "")
    }

    private static func label(_ severity: Severity, inColour: Bool) -> ByteString {
        let word = severity.name.padded(to: 7)
        guard inColour else { return word }
        let colour: ByteString =
            switch severity {
            case .ok: "32"
            case .warning: "33"
            case .broken: "31"
            }
        return "\u{1B}[" + colour + "m" + word + "\u{1B}[0m"
    }
}

extension ByteString {
    /// Replaces every occurrence of a text.
    func replacing(_ part: ByteString, with other: ByteString) -> ByteString {
        guard !part.isEmpty, let found = range(of: part) else { return self }
        return prefix(found.lowerBound) + other + dropFirst(found.upperBound).replacing(part, with: other)
    }

    /// At most this many of the names, and the number of the others.
    static func listing(_ names: [ByteString], most: Int = 5) -> ByteString {
        let shown = names.prefix(most).joined(separator: ", ")
        return names.count > most ? shown + " and " + ByteString(decimal: names.count - most) + " more" : shown
    }
}
