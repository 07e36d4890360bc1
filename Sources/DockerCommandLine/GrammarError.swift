public import Formats

/// Why a command line is not understood; the number is the index of the argument at fault.
public enum GrammarError: Error, Equatable, Sendable {
    /// No such option or letter in the command's table.
    case unknownFlag(Int)
    /// The last argument is an option that needs a value.
    case missingValue(Int)
    /// Go's strconv.ParseBool rejects the value of a boolean option.
    case badBoolean(Int)
    /// pflag refuses it, or its versions interpret it differently.
    case badSyntax(Int)
    /// Something between a group word and its sub-command that cobra and pflag read differently.
    case betweenCommandWords(Int)
    /// docker rewrites the first argument that equals the command word, and that is another argument.
    case commandWordRepeated(Int)

    /// The index of the argument at fault.
    public var index: Int {
        switch self {
        case .unknownFlag(let index), .missingValue(let index), .badBoolean(let index), .badSyntax(let index),
            .betweenCommandWords(let index), .commandWordRepeated(let index):
            index
        }
    }

    /// A few words for people; never the argument itself, which may be a secret.
    public var message: ByteString {
        let fault: ByteString =
            switch self {
            case .unknownFlag: "unknown option"
            case .missingValue: "option without its value"
            case .badBoolean: "not a boolean"
            case .badSyntax: "bad option syntax"
            case .betweenCommandWords: "unclear between command words"
            case .commandWordRepeated: "equals the command word"
            }
        return "argument " + ByteString(decimal: index) + ": " + fault
    }
}
