public import Formats

/// What stands before the command word and decides which engine is meant.
public struct GlobalOptions: Equatable, Sendable {
    /// `--config`, the last one.
    public let configDirectory: ByteString?
    /// `--context`, the last one.
    public let context: ByteString?
    /// Every `--host`; docker refuses more than one, but not in every version.
    public let hosts: [ByteString]
    /// `--tls` as given.
    public let tls: Bool?
    /// `--tlsverify` as given; even false turns TLS on (docker/cli cli/flags/options.go, SetDefaultOptions).
    public let tlsVerify: Bool?

    /// From what stands before the command word.
    public init(_ scan: Scan) {
        configDirectory = scan.lastValue(of: .configDirectory)
        context = scan.lastValue(of: .context)
        hosts = scan.values(of: .host)
        tls = scan.lastFlag(of: .tls)
        tlsVerify = scan.lastFlag(of: .tlsVerify)
    }
}
