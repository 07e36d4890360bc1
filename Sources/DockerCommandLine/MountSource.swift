public import Formats

/// A path for the engine in a command line, with its position.
public struct MountSource: Equatable, Sendable {
    /// The syntax.
    public enum Form: Equatable, Sendable {
        /// `-v SOURCE:TARGET[:OPTIONS]`
        case volume
        /// `--mount type=bind,source=SOURCE,...`
        case mount
        /// `--mount type=volume,volume-opt=device=SOURCE,volume-opt=o=bind,...`
        case volumeOption
        /// `--device SOURCE[:TARGET][:PERMISSIONS]`
        case device
        /// `volume create --opt device=SOURCE --opt o=bind`
        case createdVolume
    }

    /// The syntax.
    public let form: Form
    /// The path as written.
    public let path: ByteString
    /// The mount point in the container, absolute and clean; nil if mounts below it are impossible.
    public let target: ByteString?
    /// The index of its argument.
    public let argument: Int
    /// The bytes of that argument that a translated path replaces.
    let place: Range<Int>
    /// The option's fields, or its colon-separated parts.
    private let parts: [ByteString]
    /// "source=" or the like, if it is quoted together with the path.
    private let key: ByteString

    /// The argument with another path; nil if that path cannot be written there.
    public func argument(_ whole: ByteString, with path: ByteString) -> ByteString? {
        guard place.upperBound <= whole.count, !path.contains("\n"), !path.contains("\r") else { return nil }
        let text: ByteString
        switch form {
        case .volume, .device:
            guard !path.contains(":") else { return nil }
            // If no target is given, a device has the path of its source.
            text = path + (form == .device && target == nil ? ":" + self.path : "")
        case .mount, .volumeOption: text = CSV.record(of: [key + path])
        case .createdVolume: text = path
        }
        return whole.prefix(place.lowerBound) + text + whole.dropFirst(place.upperBound)
    }

    /// An option that mounts another path of the engine in the same way at another place; nil if that cannot be
    /// written, or if mounts below the source are not wanted.
    public func option(mounting source: ByteString, at target: ByteString) -> ByteString? {
        let both = source + target
        guard !both.contains("\n"), !both.contains("\r") else { return nil }
        switch form {
        case .volume:
            guard !both.contains(":") else { return nil }
            return "--volume=" + ([source, target] + parts.dropFirst(2)).joined(separator: ":")
        case .mount:
            var fields: [ByteString] = []
            for part in parts {
                let (key, value) = part.cut(at: "=") ?? (part, "true")
                switch key.lowercasedASCII {
                case "bind-nonrecursive" where Bool(goText: value) != false: return nil
                case "bind-recursive" where value != "enabled": return nil
                case let key where Self.sources.contains(key) || Self.targets.contains(key): continue
                default: fields.append(part)
                }
            }
            return "--mount=" + CSV.record(of: fields + ["source=" + source, "target=" + target])
        case .volumeOption, .device, .createdVolume: return nil
        }
    }

    fileprivate static let sources: [ByteString] = ["source", "src"]
    fileprivate static let targets: [ByteString] = ["target", "dst", "destination"]
}

extension MountSource {
    /// A path for the engine starts like this; anything else is a volume's name, a CDI device or a Windows path
    /// (docker/cli internal/volumespec/volumespec.go, isFilePath). docker does not expand "~", so such a command
    /// fails anyway.
    private static func isPath(_ text: ByteString) -> Bool { text.hasPrefix("/") || text.hasPrefix(".") }

    /// `-v`: the source is the part before the first colon (docker/cli cli/command/container/opts.go, parse).
    init?(volume occurrence: Scan.Occurrence) {
        let parts = occurrence.value.split(":")
        guard parts.count == 2 || parts.count == 3, Self.isPath(parts[0]), parts[1].hasPrefix("/"),
            let offset = occurrence.valueOffset
        else { return nil }
        form = .volume
        path = parts[0]
        target = parts[1].cleanedPath
        argument = occurrence.arguments.upperBound - 1
        place = offset..<(offset + path.count)
        self.parts = parts
        key = ""
    }

    /// `--device`: a second part that consists of permissions is not a target (docker/cli
    /// cli/command/container/opts.go, parseLinuxDevice).
    init?(device occurrence: Scan.Occurrence) {
        let parts = occurrence.value.split(":")
        guard parts.count <= 3, parts[0].hasPrefix("/"), let offset = occurrence.valueOffset else { return nil }
        let hasTarget = parts.count == 3 || (parts.count == 2 && !Self.isPermissions(parts[1]))
        form = .device
        path = parts[0]
        target = hasTarget ? parts[1] : nil
        argument = occurrence.arguments.upperBound - 1
        place = offset..<(offset + path.count)
        self.parts = parts
        key = ""
    }

    private static func isPermissions(_ text: ByteString) -> Bool {
        !text.isEmpty && Set(text.bytes).count == text.count && text.bytes.allSatisfy("rwm".utf8.contains)
    }

    /// `--mount`: keys and type ignore case, the last of each wins (docker/cli opts/mount.go, Set).
    init?(mount occurrence: Scan.Occurrence) {
        guard let fields = CSV.places(of: occurrence.value), let offset = occurrence.valueOffset else { return nil }
        var type: ByteString = "volume"
        var source: (field: CSV.Field, key: ByteString, value: ByteString)?
        var device: (field: CSV.Field, key: ByteString, value: ByteString)?
        var target: ByteString?
        var driver: ByteString = "local"
        var options: ByteString = ""
        for field in fields {
            guard let (key, value) = field.text.cut(at: "=") else { continue }
            switch key.lowercasedASCII {
            case "type": type = value.lowercasedASCII
            case let name where Self.sources.contains(name): source = (field, key + "=", value)
            case let name where Self.targets.contains(name): target = value
            case "volume-driver": driver = value
            case "volume-opt":
                guard let (name, setting) = value.cut(at: "=") else { continue }
                if name == "device" { device = (field, key + "=device=", setting) }
                if name == "o" { options = setting }
            default: continue
            }
        }
        let isBind = type == "bind"
        guard isBind || (type == "volume" && driver == "local" && Self.bind(options)) else { return nil }
        guard let found = isBind ? source : device, isBind ? Self.isPath(found.value) : found.value.hasPrefix("/")
        else { return nil }
        form = isBind ? .mount : .volumeOption
        path = found.value
        self.target = target.flatMap { isBind && $0.hasPrefix("/") ? $0.cleanedPath : nil }
        argument = occurrence.arguments.upperBound - 1
        place = (offset + found.field.place.lowerBound)..<(offset + found.field.place.upperBound)
        parts = fields.map(\.text)
        key = found.key
    }

    /// `volume create`: the option `device` of a volume that is a bind mount.
    init?(created scan: Scan) {
        let options = scan.occurrences.filter { $0.row.role == .driverOption }
        func last(_ name: ByteString) -> Scan.Occurrence? { options.last { $0.value.cut(at: "=")?.before == name } }
        guard scan.lastValue(of: .driver) ?? "local" == "local", let device = last("device"), let mode = last("o"),
            Self.bind(mode.value.dropFirst(2)), let offset = device.valueOffset
        else { return nil }
        let path = device.value.dropFirst(7)
        guard path.hasPrefix("/") else { return nil }
        form = .createdVolume
        self.path = path
        target = nil
        argument = device.arguments.upperBound - 1
        place = (offset + 7)..<(offset + device.value.count)
        parts = []
        key = ""
    }

    /// Whether these mount options give a bind mount (moby volume/local/local_unix.go; mount(8)).
    private static func bind(_ options: ByteString) -> Bool {
        options.split(",").contains { $0.trimmed == "bind" || $0.trimmed == "rbind" }
    }
}

extension ContainerInvocation {
    /// Every path for the engine in the command.
    public var mountSources: [MountSource] {
        scan.occurrences.compactMap { occurrence in
            switch occurrence.row.role {
            case .volume: MountSource(volume: occurrence)
            case .mount: MountSource(mount: occurrence)
            case .device: MountSource(device: occurrence)
            default: nil
            }
        }
    }

    /// Whether it includes other containers' mounts, at unknown places.
    public var takesVolumesFromOthers: Bool { scan.lastValue(of: .volumesFrom) != nil }
}
