public import Formats

/// The options before the command word that determine the engine.
public struct GlobalOptions: Equatable, Sendable {
    /// The last `--config`.
    public let configDirectory: ByteString?
    /// The last `--context`.
    public let context: ByteString?
    /// Every `--host`; docker refuses more than one, except in some versions.
    public let hosts: [ByteString]
    /// `--tls` as given.
    public let tls: Bool?
    /// `--tlsverify` as given; even false turns TLS on (docker/cli cli/flags/options.go, SetDefaultOptions).
    public let tlsVerify: Bool?

    /// From the options before the command word.
    public init(_ scan: Scan) {
        configDirectory = scan.lastValue(of: .configDirectory)
        context = scan.lastValue(of: .context)
        hosts = scan.values(of: .host)
        tls = scan.lastFlag(of: .tls)
        tlsVerify = scan.lastFlag(of: .tlsVerify)
    }
}
