internal import Formats

/// `volume create`.
public struct VolumeInvocation: Equatable, Sendable {
    /// The options before the command word.
    public let globals: GlobalOptions
    /// The index of `create`.
    public let commandWordIndex: Int
    /// The options and the name, with their places.
    public let scan: Scan

    init(_ arguments: [ByteString], globals: GlobalOptions, wordAt commandWordIndex: Int) throws(GrammarError) {
        self.globals = globals
        self.commandWordIndex = commandWordIndex
        scan = try Scan(arguments, from: commandWordIndex + 1, table: .volumeCreate)
    }

    /// Whether it requests help.
    public var isPassThrough: Bool { scan.isPassThrough }

    /// The engine's path of the future volume; at most one.
    public var mountSources: [MountSource] { MountSource(created: scan).map { [$0] } ?? [] }
}

extension OptionTable {
    /// `docker volume create` (docker/cli cli/command/volume/create.go, newCreateCommand).
    static let volumeCreate = OptionTable(
        command: "docker volume create", isInterspersed: true,
        rows: [
            Row("availability", .value),
            Row("driver", short: "d", .value, .driver),
            Row("group", .value),
            Row("help", short: "h", .flag, .untouchable),
            Row("label", .value),
            Row("limit-bytes", .value),
            Row("name", .value),
            Row("opt", short: "o", .value, .driverOption),
            Row("required-bytes", .value),
            Row("scope", .value),
            Row("secret", .value),
            Row("sharing", .value),
            Row("topology-preferred", .value),
            Row("topology-required", .value),
            Row("type", .value),
        ])
}
