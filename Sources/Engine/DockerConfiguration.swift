public import Formats
internal import Host
internal import Notes

/// What docker's config.json says about contexts, builders and plugins.
public struct DockerConfiguration: Equatable, Sendable {
    /// The directory that config.json, contexts and plugins stand in.
    public let directory: ByteString
    /// `currentContext`
    public let currentContext: ByteString?
    /// `aliases.builder`, as `docker buildx install` writes it; may be empty.
    public let builderAlias: ByteString?
    /// `cliPluginsExtraDirs`
    public let extraPluginDirectories: [ByteString]

    /// Where docker keeps its configuration.
    ///
    /// Source: docker/cli cli/config/config.go, Dir and SetDir. Without HOME docker asks the name service, which a static
    /// program does not have.
    public static func directory(
        for request: EngineRequest, _ environment: DockerEnvironment
    ) throws(EngineError) -> ByteString {
        if let named = request.configDirectory.unlessEmpty ?? environment.configDirectory { return named.cleanedPath }
        guard let home = environment.home else { throw EngineError(.dockerConfigUnreadable, "HOME is not set") }
        return home.appending(path: ".docker").cleanedPath
    }

    /// Reads config.json; a missing one is an empty one. Docker warns about a bad one and goes on with what it could read
    /// of it, which nobody else can tell.
    public static func read(
        in directory: ByteString, until deadline: Deadline = .never
    ) throws(EngineError) -> DockerConfiguration {
        let path = directory.appending(path: "config.json")
        guard let text = try ConfigurationFile.read(path, limit: 1 << 20) else {
            return DockerConfiguration(directory: directory)
        }
        guard let configuration = DockerConfiguration(directory: directory, text: text, until: deadline) else {
            throw EngineError(.dockerConfigUnreadable, path)
        }
        return configuration
    }

    /// Without more names the configuration of a directory that has no config.json.
    init(
        directory: ByteString, currentContext: ByteString? = nil, builderAlias: ByteString? = nil,
        extraPluginDirectories: [ByteString] = []
    ) {
        self.directory = directory
        self.currentContext = currentContext
        self.builderAlias = builderAlias
        self.extraPluginDirectories = extraPluginDirectories
    }

    /// The configuration that a text holds; nil when it is not what docker writes.
    ///
    /// Source: docker/cli cli/config/configfile/file.go, ConfigFile and LoadFromReader (an empty file is no error).
    init?(directory: ByteString, text: ByteString, until deadline: Deadline = .never) {
        guard !text.trimmed.isEmpty else {
            self.init(directory: directory)
            return
        }
        guard let json = JSON(text, until: deadline), json.members != nil,
            let context = json.stringField("currentContext"),
            let alias = Self.builderAlias(in: json),
            let extra = Self.extraPluginDirectories(in: json)
        else { return nil }
        self.init(
            directory: directory, currentContext: context.isEmpty ? nil : context, builderAlias: alias,
            extraPluginDirectories: extra)
    }

    /// The outer nil means malformed.
    private static func builderAlias(in json: JSON) -> ByteString?? {
        switch json[field: "aliases"] {
        case nil, .null: .some(nil)
        case .object(let aliases)?:
            switch aliases.last(where: { $0.name == "builder" })?.value {
            case nil: .some(nil)
            case .string(let alias)?: alias
            default: nil
            }
        default: nil
        }
    }

    private static func extraPluginDirectories(in json: JSON) -> [ByteString]? {
        switch json[field: "cliPluginsExtraDirs"] {
        case nil, .null: return []
        case .array(let elements)?:
            let directories = elements.compactMap(\.string)
            return directories.count == elements.count ? directories : nil
        default: return nil
        }
    }
}

/// A file of docker's or buildx's own.
enum ConfigurationFile {
    /// The content, or nil when there is no such file; a doubt for anything that is there and cannot be read.
    static func read(_ path: ByteString, limit: Int) throws(EngineError) -> ByteString? {
        do throws(Errno) {
            return try Files.read(path, limit: limit)
        } catch .noSuchFile {
            return nil
        } catch {
            throw EngineError(.dockerConfigUnreadable, path)
        }
    }
}

extension JSON {
    /// A struct's string field as Go's encoding/json fills it: empty when it is missing or null, nil when it is no string.
    func stringField(_ name: ByteString) -> ByteString? {
        switch self[field: name] {
        case nil, .null: ""
        case .string(let value)?: value
        default: nil
        }
    }

    /// A struct's truth field as Go's encoding/json fills it: false when it is missing or null, nil when it is neither
    /// true nor false.
    func boolField(_ name: ByteString) -> Bool? {
        switch self[field: name] {
        case nil, .null: false
        case .bool(let value)?: value
        default: nil
        }
    }
}
