public import Formats

/// The arguments of one command as pflag splits them, each piece with its position (spf13/pflag flag.go, parseArgs).
public struct Scan: Equatable, Sendable {
    /// The options in the given order; a cluster of letters gives several from one argument.
    public private(set) var occurrences: [Occurrence] = []
    /// The indices of all arguments that are neither options, values of options nor the terminator.
    public private(set) var positionals: [Int] = []
    /// The index of the `--` that ended the options.
    public private(set) var terminator: Int?

    /// One occurrence of an option.
    public struct Occurrence: Equatable, Sendable {
        /// The option.
        public let row: OptionTable.Row
        /// Its value; "true" for a flag without one.
        public let value: ByteString
        /// The arguments in which it is written: two if the value is a separate one.
        public let arguments: Range<Int>
        /// Where the value starts in the last of them; nil if it was not written.
        public let valueOffset: Int?
    }

    /// Splits `arguments[start...]` by the rows of `table`.
    public init(_ arguments: [ByteString], from start: Int, table: OptionTable) throws(GrammarError) {
        var index = max(0, start)
        while index < arguments.count {
            let bytes = arguments[index].bytes
            guard bytes.count > 1, bytes[0] == Self.dash else {
                guard table.isInterspersed else {
                    positionals += index..<arguments.count
                    return
                }
                positionals.append(index)
                index += 1
                continue
            }
            if bytes[1] != Self.dash {
                try takeLetters(at: &index, of: arguments, table)
            } else if bytes.count > 2 {
                try takeLong(at: &index, of: arguments, table)
            } else {
                terminator = index
                positionals += (index + 1)..<arguments.count
                return
            }
        }
    }

    private static let dash = UInt8(ascii: "-")
    private static let equals = UInt8(ascii: "=")

    /// `--name`, `--name=value`, `--name value` (parseLongArg).
    private mutating func takeLong(
        at index: inout Int, of arguments: [ByteString], _ table: OptionTable
    ) throws(GrammarError) {
        let text = arguments[index].bytes[2...]
        guard text.first != Self.dash, text.first != Self.equals else { throw .badSyntax(index) }
        let end = text.firstIndex(of: Self.equals)
        guard let row = table.row(named: text[..<(end ?? text.endIndex)]) else { throw .unknownFlag(index) }
        if let end {
            try take(row, at: &index, of: arguments, glued: end + 1)
        } else {
            try take(row, at: &index, of: arguments, glued: nil)
        }
    }

    /// `-abc`, `-fvalue`, `-f=value`, `-f value` (parseShortArg, parseSingleShortArg).
    private mutating func takeLetters(
        at index: inout Int, of arguments: [ByteString], _ table: OptionTable
    ) throws(GrammarError) {
        let argument = index
        let bytes = arguments[argument].bytes
        var place = 1
        while index == argument {
            // pflag 1.0.7 and later skip what looks like a flag of `go test`; in earlier versions it was a value of
            // -t.
            guard !bytes[place...].starts(with: "test.".utf8) else { throw .badSyntax(index) }
            guard let row = table.row(lettered: bytes[place]) else { throw .unknownFlag(index) }
            let rest = bytes.count - place - 1
            if rest > 1, bytes[place + 1] == Self.equals {
                try take(row, at: &index, of: arguments, glued: place + 2)
            } else if row.arity == .value {
                // An "=" at the end of the argument is the value itself: pflag strips it only if something follows.
                try take(row, at: &index, of: arguments, glued: rest > 0 ? place + 1 : nil)
            } else if rest > 0 {
                occurrences.append(
                    Occurrence(row: row, value: "true", arguments: argument..<(argument + 1), valueOffset: nil))
                place += 1
            } else {
                try take(row, at: &index, of: arguments, glued: nil)
            }
        }
    }

    /// Records the last option of the argument at `index`, whose value starts at byte `glued`, and moves on to the
    /// next.
    private mutating func take(
        _ row: OptionTable.Row, at index: inout Int, of arguments: [ByteString], glued: Int?
    ) throws(GrammarError) {
        let first = index
        let value: ByteString
        var offset = glued
        if let glued {
            value = arguments[index].dropFirst(glued)
        } else if row.arity != .value {
            value = "true"
        } else {
            index += 1
            guard index < arguments.count else { throw .missingValue(first) }
            // Taken as it is, even "--" or another option.
            value = arguments[index]
            offset = 0
        }
        if row.arity != .value, Bool(goText: value) == nil { throw .badBoolean(first) }
        index += 1
        occurrences.append(Occurrence(row: row, value: value, arguments: first..<index, valueOffset: offset))
    }
}

extension Scan {
    /// The values of all options read as `role`, in the order given.
    public func values(of role: OptionTable.Role) -> [ByteString] {
        occurrences.filter { $0.row.role == role }.map(\.value)
    }

    /// The value in effect if the last one wins; nil if there is none, which differs from an empty value.
    public func lastValue(of role: OptionTable.Role) -> ByteString? {
        occurrences.last { $0.row.role == role }?.value
    }

    /// The last truth value given; nil when there is none.
    public func lastFlag(of role: OptionTable.Role) -> Bool? {
        lastValue(of: role).flatMap { Bool(goText: $0) }
    }

    /// Whether an option requests something other than the command's usual work: help, a version, a check.
    public var isPassThrough: Bool {
        occurrences.contains { occurrence in
            switch occurrence.row.role {
            case .untouchable: true
            case .check: Bool(goText: occurrence.value) == true
            // docker/buildx util/buildflags/callfunc.go, ParseCallFunc: both of these mean a build.
            case .call: !occurrence.value.isEmpty && occurrence.value != "build"
            default: false
            }
        }
    }
}
