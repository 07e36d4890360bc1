public import Formats

/// The labels of Slipway's volumes. An engine never changes the labels of a volume that exists: what they say was true when it
/// was made, and a volume without them is not ours, whatever its name.
public enum PackageLabels {
    /// Every volume of ours has this one.
    public static let app: (name: ByteString, value: ByteString) = ("app", "slipway")
    /// That one as one word.
    public static let mark: ByteString = app.name + "=" + app.value
    /// What kind of volume it is: a `VolumeKind`.
    public static let kind: ByteString = "type"
    /// When it was made: milliseconds since 1970, decimal. Of two generations the later one counts.
    public static let created: ByteString = "slipway.created"
    /// The engine it was made on: `ID` of `GET /info`.
    public static let engine: ByteString = "slipway.engine"
    /// Of what is in a generation: "sha256:...".
    public static let digest: ByteString = "slipway.digest"
    /// The volumes that a generation is made of, the uppermost first, with ":" between them.
    public static let layers: ByteString = "slipway.layers"
    /// The tools that a generation has packages for, with "," between them: see `PackageTool`.
    public static let tools: ByteString = "slipway.tools"
    /// Whether and how a view of it mounts on this engine: a `ViewSupport`.
    public static let view: ByteString = "slipway.view"
    /// The engine's directory of volumes, in which volume NAME has its files at NAME/_data.
    public static let directory: ByteString = "slipway.volumes"
}

/// The kinds of Slipway's volumes, and of the containers that `warm` makes.
public enum VolumeKind: ByteString, Sendable, CaseIterable {
    /// A published generation: empty itself, its labels name its layers. To create it is to publish it, at one stroke.
    case generation = "cache"
    /// Files of a generation. Never written once a generation names it.
    case layer = "cache-layer"
    /// What one container writes over a generation, and the work directory beside it.
    case view = "cache-view"
    /// A volume that containers mount directly, in the modes `read-only` and `read-write`.
    case shared = "cache-shared"
    /// No volume, but a container that fetches packages or tries a view.
    case builder = "cache-builder"

    /// Its label as one word.
    public var label: ByteString { PackageLabels.kind + "=" + rawValue }
}

/// What `warm` found out about views on an engine.
public enum ViewSupport: ByteString, Sendable, CaseIterable {
    /// They mount.
    case plain = "yes"
    /// They mount with `userxattr`: a rootless engine.
    case userAttributes = "userxattr"
    /// They do not: the engine's own data lies on an overlay, for instance.
    case none = "no"
}
