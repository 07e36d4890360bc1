internal import Formats
internal import Host
internal import Notes

/// A builder that was created with buildx.
struct BuilderInstance: Equatable, Sendable {
    /// Its name, with the capitals it was given.
    let name: ByteString
    /// "docker-container", "kubernetes", "remote" or another.
    let driver: ByteString
    /// What builds for it; nil if that is not understood.
    let nodes: [Node]?

    /// One BuildKit.
    struct Node: Equatable, Sendable {
        let name: ByteString
        /// An address, or a context's name.
        let endpoint: ByteString
        /// The `--driver-opt`s by their names.
        let options: [ByteString: ByteString]

        /// Source: docker/buildx store/nodegroup.go, Node.
        init?(_ json: JSON) {
            guard json.members != nil, let name = json.stringField("Name"), let endpoint = json.stringField("Endpoint")
            else { return nil }
            var options: [ByteString: ByteString] = [:]
            switch json[field: "DriverOpts"] {
            case nil, .null: break
            case .object(let members)?:
                for member in members {
                    guard let value = member.value.string else { return nil }
                    options[member.name] = value
                }
            default: return nil
            }
            self.name = name
            self.endpoint = endpoint
            self.options = options
        }
    }

    /// Nil for a text that buildx would refuse.
    ///
    /// Source: docker/buildx store/nodegroup.go, NodeGroup.
    init?(_ text: ByteString, until deadline: Deadline = .never) {
        guard let json = JSON(text, until: deadline), json.members != nil, let name = json.stringField("Name"),
            let driver = json.stringField("Driver")
        else { return nil }
        switch json[field: "Nodes"] {
        case nil, .null: nodes = []
        case .array(let elements)?:
            let read = elements.compactMap(Node.init)
            nodes = read.count == elements.count ? read : nil
        default: return nil
        }
        self.name = name
        self.driver = driver
    }
}

/// The builder that a command chooses.
enum BuilderChoice: Equatable {
    /// The builder with this name.
    case named(ByteString)
    /// The builder that `buildx use` chose.
    case current

    /// Source: docker/cli cmd/docker/builder.go, processBuilder and hasBuilderName; docker/buildx commands/root.go,
    /// rootFlags.
    init(_ request: BuilderRequest, _ environment: DockerEnvironment, alias: ByteString?, context: ByteString) {
        if let flag = request.builder {
            // An empty flag also overrides the variable.
            self = flag.isEmpty ? .current : .named(flag)
        } else if let variable = environment.builder {
            self = .named(variable)
        } else if request.route == .dockerBuild || request.route == .dockerBake, alias == nil {
            self = .named(context)
        } else {
            self = .current
        }
    }
}

/// The builders that buildx remembers, read without running buildx: asking it about one engine makes it forget the
/// builder chosen for another.
struct BuilderStore: Sendable {
    let directory: ByteString
    private let deadline: Deadline

    /// Source: docker/buildx util/confutil/config.go, NewConfig.
    init(
        _ environment: DockerEnvironment, _ configuration: DockerConfiguration, until deadline: Deadline = .never
    ) {
        self.deadline = deadline
        directory = environment.buildxDirectory ?? configuration.directory.appending(path: "buildx")
    }

    /// A builder by its name; nil if there is none.
    ///
    /// Source: docker/buildx store/store.go, NodeGroupByName.
    func instance(named name: ByteString) throws(EngineError) -> BuilderInstance? {
        guard Self.isValid(name) else { return nil }
        let path = file("instances/" + name.lowercasedASCII)
        guard let text = try ConfigurationFile.read(path, limit: 1 << 20) else { return nil }
        guard let instance = BuilderInstance(text, until: deadline), try activityIsReadable(of: instance) else {
            throw EngineError(.dockerConfigUnreadable, path)
        }
        return instance
    }

    /// The builder that `buildx use` chose for a context, or for all contexts; nil if it chose none, or one that is
    /// gone.
    ///
    /// Source: docker/buildx store/store.go, Current. If buildx cannot read an instance, it builds elsewhere; here that
    /// counts as a doubt.
    func current(key: ByteString) throws(EngineError) -> BuilderInstance? {
        let path = file("current")
        if let text = try ConfigurationFile.read(path, limit: 65_536) {
            guard let current = Current(text) else { throw EngineError(.dockerConfigUnreadable, path) }
            if !current.name.isEmpty {
                if current.isGlobal, let instance = try instance(named: current.name) { return instance }
                if current.key == key { return try instance(named: current.name) }
            }
        }
        let hash = SHA256.hexDigest(of: key).prefix(20)
        guard let name = try ConfigurationFile.read(file("defaults/" + hash), limit: 4096) else { return nil }
        return try instance(named: name)
    }

    /// The file `current`.
    struct Current: Equatable {
        let key: ByteString
        let name: ByteString
        let isGlobal: Bool

        init?(_ text: ByteString) {
            guard let json = JSON(text), json.members != nil, let key = json.stringField("Key"),
                let name = json.stringField("Name"), let isGlobal = json.boolField("Global")
            else { return nil }
            self.key = key
            self.name = name
            self.isGlobal = isGlobal
        }
    }

    /// Source: docker/buildx store/util.go, namePattern.
    static func isValid(_ name: ByteString) -> Bool {
        guard let first = name.bytes.first, first.isLetter else { return false }
        return name.bytes.allSatisfy {
            $0.isLetter || $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: "_")
        }
    }

    /// Buildx does not find a builder whose last-use time it cannot read: docker/buildx store/store.go,
    /// GetLastActivity.
    private func activityIsReadable(of instance: BuilderInstance) throws(EngineError) -> Bool {
        guard let time = try ConfigurationFile.read(file("activity").appending(path: instance.name), limit: 64) else {
            return true
        }
        return Self.isTime(time)
    }

    /// Whether a text is a time in buildx's format, "2026-11-20T21:05:00Z".
    static func isTime(_ text: ByteString) -> Bool {
        let shape = "0000-00-00T00:00:00Z"
        return text.count == shape.utf8.count
            && zip(text.bytes, shape.utf8).allSatisfy { byte, model in
                model == UInt8(ascii: "0") ? byte.isDigit : byte == model
            }
    }

    private func file(_ name: ByteString) -> ByteString { directory.appending(path: name).cleanedPath }
}
