public import Formats

/// The labels of Slipway's volumes. An engine never changes the labels of an existing volume: they were true when it
/// was made. A volume without them does not belong to Slipway, whatever its name.
public enum PackageLabels {
    /// Every volume of Slipway's has this one.
    public static let app: (name: ByteString, value: ByteString) = ("app", "slipway")
    /// The same label as one word.
    public static let mark: ByteString = app.name + "=" + app.value
    /// The kind of volume: a `VolumeKind`.
    public static let kind: ByteString = "type"
    /// When it was made: milliseconds since 1970, in decimal. Of two generations the later one counts.
    public static let created: ByteString = "slipway.created"
    /// The engine on which it was made: `ID` of `GET /info`.
    public static let engine: ByteString = "slipway.engine"
    /// The digest of a generation's content: "sha256:...".
    public static let digest: ByteString = "slipway.digest"
    /// The volumes of which a generation consists, the topmost first, separated by ":".
    public static let layers: ByteString = "slipway.layers"
    /// The tools for which a generation has packages, separated by ",": see `PackageTool`.
    public static let tools: ByteString = "slipway.tools"
    /// Whether and how a view of it can be mounted on this engine: a `ViewSupport`.
    public static let view: ByteString = "slipway.view"
    /// The engine's directory of volumes, in which the files of volume NAME are at NAME/_data.
    public static let directory: ByteString = "slipway.volumes"
}

/// The kinds of Slipway's volumes, and of the containers that `warm` makes.
public enum VolumeKind: ByteString, Sendable, CaseIterable {
    /// A published generation: it is empty itself, and its labels name its layers. Creating it publishes it,
    /// atomically.
    case generation = "cache"
    /// Files of a generation. Never written after a generation names it.
    case layer = "cache-layer"
    /// What one container writes on top of a generation, and the work directory beside it.
    case view = "cache-view"
    /// A volume that containers mount directly, in the modes `read-only` and `read-write`.
    case shared = "cache-shared"
    /// Not a volume, but a container that fetches packages or tries a view.
    case builder = "cache-builder"

    /// Its label as one word.
    public var label: ByteString { PackageLabels.kind + "=" + rawValue }
}

/// What `warm` has found out about views on an engine.
public enum ViewSupport: ByteString, Sendable, CaseIterable {
    /// They can be mounted.
    case plain = "yes"
    /// They can be mounted with `userxattr`: a rootless engine.
    case userAttributes = "userxattr"
    /// They cannot be mounted, for instance because the engine's own data is on an overlay.
    case none = "no"
}
