public import Formats
internal import Host
public import Notes
internal import Planning

/// The decisions, one JSON line for each command that Slipway changed or might have changed. Command lines are not
/// recorded, because build arguments contain secrets.
public enum Journal {
    private static let largest = 1 << 20
    /// Much longer than any line, and still quick for the plugin to read before each build.
    private static let largestLine = 1 << 16
    /// How long after the shim's decision docker may start the plugin, in seconds.
    private static let lastingSeconds = 60

    /// The journal's files, the older one first.
    public static var files: [ByteString] {
        guard let folder = Locations.state else { return [] }
        return [folder.appending(path: "journal.1.jsonl"), folder.appending(path: "journal.jsonl")]
    }

    /// Whether this process's parent, the shim that became docker, has just recorded a command. Determined once, before
    /// this process writes a line of its own.
    static let parentHasWritten = hasWritten(Int(Kernel.parentID))

    static func hasWritten(_ process: Int) -> Bool {
        guard let file = files.last, let journal = try? Descriptor.open(file, followLinks: false),
            (try? journal.status().kind) == .regular, (try? journal.seek(beforeEnd: largestLine)) != nil,
            let lines = try? journal.readAll(limit: largestLine).split("\n")
        else { return false }
        // PIDs are reused.
        let since = Int(Clock.now / 1_000_000_000) - lastingSeconds
        let own = "\"pid\":" + ByteString(decimal: process) + ","
        return lines.reversed().contains { line in
            line.range(of: own) != nil && JSON(line)?[key: "pid"]?.integer == process
                && JSON(line)?[key: "time"]?.integer ?? 0 >= since
        }
    }

    /// Appends a decision, with the findings in the build's Dockerfile. A failed journal write must not affect docker.
    static func append(_ plan: Plan, command: ByteString, _ findings: BuildFindings? = nil) {
        append(plan.notes, command: command, isChanged: plan.isChanged, in: nil, findings)
    }

    /// Appends what a background process did, or could not do. `directory` is the build's; nil for this process's own.
    public static func append(_ notes: [Note], command: ByteString, isChanged: Bool, in directory: ByteString? = nil) {
        append(notes, command: command, isChanged: isChanged, in: directory, nil)
    }

    private static func append(
        _ notes: [Note], command: ByteString, isChanged: Bool, in directory: ByteString?, _ findings: BuildFindings?
    ) {
        guard let file = files.last, let older = files.first else { return }
        let directory = directory ?? (try? Kernel.workingDirectory()) ?? ""
        var members: [JSON.Member] = [
            .init(name: "time", value: .integer(Clock.now / 1_000_000_000)),
            .init(name: "pid", value: .integer(Kernel.processID)), .init(name: "command", value: .string(command)),
            .init(name: "directory", value: .string(directory)), .init(name: "changed", value: .bool(isChanged)),
            .init(name: "notes", value: Note.json(notes)),
        ]
        if let check = Kernel.variable("SLIPWAY_CHECK")?.decimal {
            members.append(.init(name: "check", value: .integer(check)))
        }
        if let findings { members.append(.init(name: "lint", value: findings.json)) }
        try? Files.append(line: JSON.object(members).text, to: file, older: older, largest: largest)
    }
}
