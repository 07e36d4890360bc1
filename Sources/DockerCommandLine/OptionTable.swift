/// The options of one command, as data.
public struct OptionTable: Sendable {
    /// The command the rows belong to.
    public let command: StaticString
    /// Whether options may follow positionals (pflag's SetInterspersed); if not, the first positional ends them.
    public let isInterspersed: Bool
    /// One row each; so few that a linear search is faster than building an index at start-up.
    public let rows: [Row]

    /// What follows an option's name.
    public enum Arity: Sendable {
        /// A value, in the same argument or the next.
        case value
        /// Nothing, or a boolean after "=".
        case flag
        /// As `flag`, but declared with pflag's NoOptDefVal "true" instead of as a boolean.
        case optional
    }

    /// What an option means for Slipway; everything else about it is grammar.
    public enum Role: Sendable {
        /// Its value does not affect any decision.
        case ignored
        /// A command with this option is left unchanged.
        case untouchable
        case configDirectory, context, host, tls, tlsVerify
        case builder, file, target, platform, buildArgument, buildContext, tag, output
        case cacheFrom, cacheTo, noCache, noCacheFilter
        /// `--set` of bake.
        case override
        case environment, environmentFile, mount, volume, tmpfs
        case projectDirectory, profile, building
        case device, volumesFrom, driver, driverOption
        case attaching, privileged, runtime, otherIsolation, userNamespace, volumeDriver
        case detach, remove, restart, label, labelFile
        case capabilityAdd, capabilityDrop, securityOption, pidsLimit
        case memory, cpus
        /// Limits memory in another way: docker refuses some of these together with a `--memory` that does not match.
        case otherMemory
        /// Limits processors in another way: docker refuses some of these together with `--cpus`.
        case otherCPUs
        /// `--call`: any method but a build leaves the command unchanged.
        case call
        /// `--check`: leaves the command unchanged if it is true.
        case check
    }

    /// One option.
    public struct Row: Sendable {
        /// The long name without dashes.
        public let name: StaticString
        /// The letter, if there is one.
        public let short: Unicode.Scalar?
        /// What follows the name.
        public let arity: Arity
        /// What the option means.
        public let role: Role

        init(_ name: StaticString, short: Unicode.Scalar? = nil, _ arity: Arity, _ role: Role = .ignored) {
            self.name = name
            self.short = short
            self.arity = arity
            self.role = role
        }
    }

    /// The row with exactly this long name.
    func row(named name: ArraySlice<UInt8>) -> Row? {
        rows.first { row in row.name.withUTF8Buffer { $0.elementsEqual(name) } }
    }

    /// The row with this letter.
    func row(lettered letter: UInt8) -> Row? {
        rows.first { $0.short?.value == UInt32(letter) }
    }
}

extension OptionTable.Row: Equatable {
    /// Whether both are the same option with the same meaning.
    public static func == (left: OptionTable.Row, right: OptionTable.Row) -> Bool {
        let sameName = left.name.withUTF8Buffer { one in right.name.withUTF8Buffer { one.elementsEqual($0) } }
        return sameName && left.short == right.short && left.arity == right.arity && left.role == right.role
    }
}
