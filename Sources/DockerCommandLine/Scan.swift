public import Formats

/// The arguments of one command as pflag divides them, each piece with its place (spf13/pflag flag.go, parseArgs).
public struct Scan: Equatable, Sendable {
    /// The options in the order given; a cluster of letters makes several from one argument.
    public private(set) var occurrences: [Occurrence] = []
    /// The indices of all arguments that are no option, no option's value and not the terminator.
    public private(set) var positionals: [Int] = []
    /// The index of the `--` that ended the options.
    public private(set) var terminator: Int?

    /// One option where it was given.
    public struct Occurrence: Equatable, Sendable {
        /// Which option.
        public let row: OptionTable.Row
        /// Its value; "true" when a flag stands alone.
        public let value: ByteString
        /// The arguments it was written in: two when the value has one to itself.
        public let arguments: Range<Int>
        /// Where the value begins in the last of them; nil when it was not written.
        public let valueOffset: Int?
    }

    /// Divides `arguments[start...]` by the rows of `table`.
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
            // pflag 1.0.7 and later skip what looks like a flag of `go test`; before, it was a value of -t.
            guard !bytes[place...].starts(with: "test.".utf8) else { throw .badSyntax(index) }
            guard let row = table.row(lettered: bytes[place]) else { throw .unknownFlag(index) }
            let rest = bytes.count - place - 1
            if rest > 1, bytes[place + 1] == Self.equals {
                try take(row, at: &index, of: arguments, glued: place + 2)
            } else if row.arity == .value {
                // An "=" that ends the argument is the value itself: pflag strips it only before something.
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

    /// Records the last option of the argument at `index`, whose value begins at byte `glued`, and goes on to the next.
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

    /// The value that counts where the last one wins; nil when there is none, which is not an empty one.
    public func lastValue(of role: OptionTable.Role) -> ByteString? {
        occurrences.last { $0.row.role == role }?.value
    }

    /// The last truth value given; nil when there is none.
    public func lastFlag(of role: OptionTable.Role) -> Bool? {
        lastValue(of: role).flatMap { Bool(goText: $0) }
    }

    /// Whether an option asks for something else than the command's usual work: help, a version, a check.
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
