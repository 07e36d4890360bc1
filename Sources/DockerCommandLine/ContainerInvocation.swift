public import Formats

/// `run` or `create`, by whichever of their names.
public struct ContainerInvocation: Equatable, Sendable {
    /// The options before the command word.
    public let globals: GlobalOptions
    /// "run" or "create".
    public let word: ByteString
    /// Its index; options may stand directly after it.
    public let commandWordIndex: Int
    /// The options up to the image, with their places.
    public let scan: Scan
    /// The image; nil when there is none, which docker refuses.
    public let image: ByteString?

    init(_ arguments: [ByteString], globals: GlobalOptions, wordAt commandWordIndex: Int) throws(GrammarError) {
        let word = arguments[commandWordIndex]
        let scan = try Scan(
            arguments, from: commandWordIndex + 1, table: word == "create" ? .create : .run)
        self.globals = globals
        self.word = word
        self.commandWordIndex = commandWordIndex
        self.scan = scan
        image = scan.positionals.first.map { arguments[$0] }
    }

    /// Whether it asks for help.
    public var isPassThrough: Bool { scan.isPassThrough }

    /// The names of the variables that `--env` sets or takes away.
    public var variables: [ByteString] { scan.values(of: .environment).map { $0.cut(at: "=")?.before ?? $0 } }

    /// Every `--env-file`.
    public var environmentFiles: [ByteString] { scan.values(of: .environmentFile) }

    /// The names of the labels that `--label` sets.
    public var labels: [ByteString] { scan.values(of: .label).map { $0.cut(at: "=")?.before ?? $0 } }

    /// Every `--label-file`; read as `EnvironmentFile` is.
    public var labelFiles: [ByteString] { scan.values(of: .labelFile) }

    /// Where in the container the command mounts something, as cleaned absolute paths; nil when one of the mounts is not
    /// read with certainty.
    public var mountTargets: [ByteString]? {
        var targets: [ByteString] = []
        for occurrence in scan.occurrences {
            let target: ByteString?
            switch occurrence.row.role {
            case .volume: target = Self.target(ofVolume: occurrence.value)
            case .mount: target = Self.target(ofMount: occurrence.value)
            case .tmpfs: target = occurrence.value.cut(at: ":")?.before ?? occurrence.value
            default: continue
            }
            guard let target, target.hasPrefix("/") else { return nil }
            targets.append(target.cleanedPath)
        }
        return targets
    }

    /// `TARGET`, `SOURCE:TARGET` or `SOURCE:TARGET:OPTIONS` (docker/cli cli/compose/loader/volume.go, ParseVolume). A drive's
    /// letter makes a part of it that does not begin with "/", which is doubt enough.
    private static func target(ofVolume value: ByteString) -> ByteString? {
        let parts = value.split(":")
        return parts.count <= 3 ? parts[parts.count == 1 ? 0 : 1] : nil
    }

    /// `type=...,target=...`: keys in any case, the last one wins (docker/cli opts/mount.go, Set).
    private static func target(ofMount value: ByteString) -> ByteString? {
        guard let fields = CSV.fields(of: value) else { return nil }
        var target: ByteString?
        for field in fields {
            guard let (key, text) = field.cut(at: "=") else { continue }
            if ["target", "dst", "destination"].contains(key.trimmed.lowercasedASCII) { target = text.trimmed }
        }
        return target
    }
}
