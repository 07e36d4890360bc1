public import Formats
internal import Host
internal import Notes

/// The parts of docker's config.json about contexts, builders and plugins.
public struct DockerConfiguration: Equatable, Sendable {
    /// The directory of config.json, contexts and plugins.
    public let directory: ByteString
    /// `currentContext`
    public let currentContext: ByteString?
    /// `aliases.builder`, as `docker buildx install` writes it; may be empty.
    public let builderAlias: ByteString?
    /// `cliPluginsExtraDirs`
    public let extraPluginDirectories: [ByteString]

    /// Where docker keeps its configuration.
    ///
    /// Source: docker/cli cli/config/config.go, Dir and SetDir. Without HOME docker asks the name service, which a
    /// static program does not have.
    public static func directory(
        for request: EngineRequest, _ environment: DockerEnvironment
    ) throws(EngineError) -> ByteString {
        if let named = request.configDirectory.unlessEmpty ?? environment.configDirectory { return named.cleanedPath }
        guard let home = environment.home else { throw EngineError(.dockerConfigUnreadable, "HOME is not set") }
        return home.appending(path: ".docker").cleanedPath
    }

    /// Reads config.json; a missing file counts as empty. Docker warns about a malformed one and continues with the
    /// part that it could read, which cannot be determined here.
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

    /// Without further values, the configuration of a directory that has no config.json.
    init(
        directory: ByteString, currentContext: ByteString? = nil, builderAlias: ByteString? = nil,
        extraPluginDirectories: [ByteString] = []
    ) {
        self.directory = directory
        self.currentContext = currentContext
        self.builderAlias = builderAlias
        self.extraPluginDirectories = extraPluginDirectories
    }

    /// The configuration in a text; nil if it is not what docker writes.
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

/// A configuration file of docker or buildx.
enum ConfigurationFile {
    /// The content, or nil if there is no such file; a doubt if it exists but cannot be read.
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
    /// A struct's string field as Go's encoding/json fills it: empty if it is missing or null, nil if it is not a
    /// string.
    func stringField(_ name: ByteString) -> ByteString? {
        switch self[field: name] {
        case nil, .null: ""
        case .string(let value)?: value
        default: nil
        }
    }

    /// A struct's boolean field as Go's encoding/json fills it: false if it is missing or null, nil if it is not a
    /// boolean.
    func boolField(_ name: ByteString) -> Bool? {
        switch self[field: name] {
        case nil, .null: false
        case .bool(let value)?: value
        default: nil
        }
    }
}
