public import Formats
internal import Notes

/// What an engine reports about itself.
public struct EngineInfo: Equatable, Sendable {
    /// Identifies the engine's cache: the ID of its BuildKit's worker or, if its BuildKit does not report one, the
    /// engine's own; empty if it has none.
    public let identifier: ByteString
    /// "linux" or "windows".
    public let operatingSystem: ByteString
    /// The processor architecture as the OCI names it.
    public let architecture: ByteString
    /// The engine's version; nil if it reports none with numbers.
    public let version: Version?
    /// Whether it keeps images in containerd's store, without which the docker driver cannot export a cache.
    public let usesContainerdStore: Bool
    /// Whether its BuildKit answers; then the cache can be listed, too.
    let tellsOfCache: Bool

    /// From the body of the answer to `GET /info`; nil if it is not an engine's answer.
    ///
    /// Source: moby api/types/system/info.go; docker/buildx util/dockerutil/client.go, features.
    public init?(_ text: ByteString, until deadline: Deadline = .never) {
        guard let json = JSON(text, until: deadline),
            let system = json.stringField("OSType"), !system.isEmpty,
            let version = json.stringField("ServerVersion"), !version.isEmpty,
            let machine = json.stringField("Architecture"),
            let identifier = json.stringField("ID")
        else { return nil }
        let driverStatus: [JSON]
        switch json[field: "DriverStatus"] {
        case nil, .null: driverStatus = []
        case .array(let pairs)?: driverStatus = pairs
        default: return nil
        }
        tellsOfCache = false
        self.identifier = identifier
        operatingSystem = system
        architecture = Self.architecture(machine)
        self.version = Version(parsing: version)
        usesContainerdStore = driverStatus.contains(
            .array([.string("driver-type"), .string("io.containerd.snapshotter.v1")]))
    }

    /// From the worker of its BuildKit, and the name in the engine's greeting; nil for an engine before 24, or without
    /// a version number, whose worker does not report what `/info` does.
    init?(_ worker: BuildKitWorker, greeting name: ByteString) {
        guard let (version, system) = Self.release(in: name) else { return nil }
        tellsOfCache = true
        identifier = worker.identifier
        operatingSystem = system
        architecture = worker.architecture
        self.version = version
        usesContainerdStore = worker.usesContainerdStore
    }

    /// Version and operating system in a name such as "Docker/28.5.2+dfsg4 (linux)".
    ///
    /// Source: moby daemon/server/middleware/version.go.
    static func release(in name: ByteString) -> (Version, system: ByteString)? {
        guard name.hasPrefix("Docker/"), name.hasSuffix(")"), let (text, system) = name.dropFirst(7).cut(at: " "),
            system.hasPrefix("("), system.count > 2, let version = Version(parsing: text), version.major >= 24
        else { return nil }
        return (version, system.dropFirst(1).dropLast(1))
    }

    /// Why this engine's own builder cannot export a cache, or nil if it can.
    func obstacleToExport(buildx: Version?) -> Note? {
        guard usesContainerdStore else { return Note(.engineCannotExport) }
        guard let version, version.major >= 24 else { return Note(.engineTooOld, version?.text ?? "") }
        guard let buildx, buildx >= Version(0, 9) else { return Note(.buildxTooOld, buildx?.text ?? "") }
        return nil
    }

    /// Source: containerd platforms/database.go, normalizeArch.
    private static func architecture(_ machine: ByteString) -> ByteString {
        switch machine {
        case "x86_64", "x86-64": "amd64"
        case "aarch64": "arm64"
        default: machine
        }
    }
}
