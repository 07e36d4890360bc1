public import Formats
public import Notes

/// What the shim will do, decided before it changes anything. `slipway explain` prints the same plan that the shim
/// executes.
public struct Plan: Equatable, Sendable {
    /// The caller's command line, beginning with the program's name.
    public let words: [ByteString]
    /// The changes to it.
    public var edits: [Edit]
    /// The files whose locks docker inherits.
    public var leases: [ByteString]
    /// Why something changes, and why something does not.
    public var notes: [Note]

    /// Whether docker gets a different command.
    public var isChanged: Bool { !edits.isEmpty }
    /// The whole command line.
    public var arguments: [ByteString] { edits.isEmpty ? words : edits.applied(to: words) }
    /// The changes to docker's environment.
    public var environment: [EnvironmentChange] {
        edits.compactMap { if case .environment(let change) = $0 { change } else { nil } }
    }

    /// From named values.
    public init(_ words: [ByteString], edits: [Edit] = [], leases: [ByteString] = [], notes: [Note] = []) {
        self.words = words
        self.edits = edits
        self.leases = leases
        self.notes = notes
    }

    /// The caller's command without changes.
    public static func unchanged(_ words: [ByteString], _ notes: [Note]) -> Plan { Plan(words, notes: notes) }

    /// `{"changed": …, "argv": …, "environment": …, "leases": …, "notes": …}`. Bytes that are not UTF-8 appear as
    /// U+FFFD.
    public var json: JSON {
        .object([
            "changed": .bool(isChanged),
            "argv": .array(arguments.map(JSON.string)),
            "environment": .object(
                environment.map { JSON.Member(name: $0.name, value: .string(orNull: $0.value)) }),
            "leases": .array(leases.map(JSON.string)),
            "notes": Note.json(notes),
        ])
    }
}

/// One variable that is set or removed in docker's environment.
public struct EnvironmentChange: Equatable, Sendable {
    /// The variable's name.
    public let name: ByteString
    /// Its value; nil to remove the variable.
    public let value: ByteString?

    /// From a name and a value; nil removes the variable.
    public init(name: ByteString, value: ByteString?) {
        self.name = name
        self.value = value
    }

    /// An environment with changes applied: entries keep their order, and a changed one comes last.
    public static func apply(_ changes: [EnvironmentChange], to environment: [ByteString]) -> [ByteString] {
        var entries = environment
        for change in changes {
            entries.removeAll { $0.hasPrefix(change.name + "=") }
            if let value = change.value { entries.append(change.name + "=" + value) }
        }
        return entries
    }
}

extension Note {
    /// `[{"code": …, "message": …}]`.
    public static func json(_ notes: [Note]) -> JSON {
        .array(notes.map { .object(["code": .string($0.reason.code), "message": .string($0.message)]) })
    }
}

extension Plan {
    /// For people: the command with its new variables, quoted for a shell, and then a line for each note. It contains
    /// no terminal control sequences.
    public var text: ByteString {
        let set = environment.compactMap { change in change.value.map { change.name + "=" + $0.shellQuoted } }
        let command = (set + arguments.map(\.shellQuoted)).joined(separator: " ")
        let lines = [command] + notes.map { "  " + $0.reason.code + "  " + $0.message }
        return lines.map { $0.terminalSafe + "\n" }.joined(separator: "")
    }
}
