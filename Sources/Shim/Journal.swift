public import Formats
internal import Host
internal import Notes
internal import Planning

/// What was decided, a JSON line for each command that was changed or might have been. Command lines are not kept: build
/// arguments hold secrets.
public enum Journal {
    private static let largest = 1 << 20
    /// Much more than a line has, and little to read before each build of the plugin.
    private static let largestLine = 1 << 16

    /// The journal's files, the older first.
    public static var files: [ByteString] {
        guard let folder = Locations.state else { return [] }
        return [folder.appending(path: "journal.1.jsonl"), folder.appending(path: "journal.jsonl")]
    }

    /// The process that wrote the last line; nil where there is none.
    static var lastWriter: Int? {
        guard let file = files.last, let journal = try? Descriptor.open(file, followLinks: false),
            (try? journal.status().kind) == .regular, (try? journal.seek(beforeEnd: largestLine)) != nil,
            let line = try? journal.readAll(limit: largestLine).split("\n").last(where: { !$0.isEmpty })
        else { return nil }
        return JSON(line)?[key: "pid"]?.integer
    }

    /// Appends a decision, with what was found in the build's Dockerfile. A journal that cannot be written is none of docker's business.
    static func append(_ plan: Plan, command: ByteString, _ findings: BuildFindings? = nil) {
        guard let file = files.last, let older = files.first else { return }
        let directory = (try? Kernel.workingDirectory()) ?? ""
        var members: [JSON.Member] = [
            .init(name: "time", value: .integer(Clock.now / 1_000_000_000)),
            .init(name: "pid", value: .integer(Kernel.processID)), .init(name: "command", value: .string(command)),
            .init(name: "directory", value: .string(directory)), .init(name: "changed", value: .bool(plan.isChanged)),
            .init(name: "notes", value: Note.json(plan.notes)),
        ]
        if let check = Kernel.variable("SLIPWAY_CHECK")?.decimal {
            members.append(.init(name: "check", value: .integer(check)))
        }
        if let findings { members.append(.init(name: "lint", value: findings.json)) }
        try? Files.append(line: JSON.object(members).text, to: file, older: older, largest: largest)
    }
}
