public import Formats

/// `run` or `create`, by any of their names.
public struct ContainerInvocation: Equatable, Sendable {
    /// The options before the command word.
    public let globals: GlobalOptions
    /// "run" or "create".
    public let word: ByteString
    /// Its index; options may stand directly after it.
    public let commandWordIndex: Int
    /// The options up to the image, with their places.
    public let scan: Scan
    /// The image; nil if there is none, which docker refuses.
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

    /// Whether it requests help.
    public var isPassThrough: Bool { scan.isPassThrough }

    /// The names of the variables that `--env` sets or removes.
    public var variables: [ByteString] { scan.values(of: .environment).map { $0.cut(at: "=")?.before ?? $0 } }

    /// Every `--env-file`.
    public var environmentFiles: [ByteString] { scan.values(of: .environmentFile) }

    /// The names of the labels that `--label` sets.
    public var labels: [ByteString] { scan.values(of: .label).map { $0.cut(at: "=")?.before ?? $0 } }

    /// Every `--label-file`; the format is that of `EnvironmentFile`.
    public var labelFiles: [ByteString] { scan.values(of: .labelFile) }

    /// The mount points in the container, as cleaned absolute paths; nil if one of the mounts is not understood with
    /// certainty.
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

    /// `TARGET`, `SOURCE:TARGET` or `SOURCE:TARGET:OPTIONS` (docker/cli cli/compose/loader/volume.go, ParseVolume).
    /// With a drive letter a part does not start with "/", which makes it uncertain enough.
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
