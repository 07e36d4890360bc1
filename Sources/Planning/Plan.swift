public import Formats
public import Notes

/// What the shim will do, decided before anything is touched. `slipway explain` prints it; the shim executes the same one.
public struct Plan: Equatable, Sendable {
    /// The caller's command line, the program's own name first.
    public let words: [ByteString]
    /// What becomes of it.
    public var edits: [Edit]
    /// Files whose locks docker inherits.
    public var leases: [ByteString]
    /// Why, and why not.
    public var notes: [Note]

    /// Whether docker gets another command than the caller's.
    public var isChanged: Bool { !edits.isEmpty }
    /// The whole command line.
    public var arguments: [ByteString] { edits.isEmpty ? words : edits.applied(to: words) }
    /// What docker's environment gets beyond the caller's.
    public var environment: [EnvironmentChange] {
        edits.compactMap { if case .environment(let change) = $0 { change } else { nil } }
    }

    /// Everything by name.
    public init(_ words: [ByteString], edits: [Edit] = [], leases: [ByteString] = [], notes: [Note] = []) {
        self.words = words
        self.edits = edits
        self.leases = leases
        self.notes = notes
    }

    /// The caller's command as it is.
    public static func unchanged(_ words: [ByteString], _ notes: [Note]) -> Plan { Plan(words, notes: notes) }

    /// `{"changed": …, "argv": …, "environment": …, "leases": …, "notes": …}`. Bytes that are no UTF-8 are shown as U+FFFD.
    public var json: JSON {
        .object([
            "changed": .bool(isChanged),
            "argv": .array(arguments.map(JSON.string)),
            "environment": .object(
                environment.map { JSON.Member(name: $0.name, value: $0.value.map(JSON.string) ?? .null) }),
            "leases": .array(leases.map(JSON.string)),
            "notes": Note.json(notes),
        ])
    }
}

/// One variable that docker gets or loses.
public struct EnvironmentChange: Equatable, Sendable {
    /// The variable.
    public let name: ByteString
    /// Its value; nil to take the variable away.
    public let value: ByteString?

    /// A variable and its value, or nil to take it away.
    public init(name: ByteString, value: ByteString?) {
        self.name = name
        self.value = value
    }

    /// An environment with changes made: entries keep their order, a changed one stands last.
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
    /// For people: the command with the variables it gets, as a shell would take it, then a line for each note.
    /// Nothing in it steers a terminal.
    public var text: ByteString {
        let set = environment.compactMap { change in change.value.map { change.name + "=" + $0.shellQuoted } }
        let command = (set + arguments.map(\.shellQuoted)).joined(separator: " ")
        let lines = [command] + notes.map { "  " + $0.reason.code + "  " + $0.message }
        return lines.map { $0.terminalSafe + "\n" }.joined(separator: "")
    }
}
