public import Formats
public import Host
public import Notes
public import Planning

/// The settings in force, and where they came from.
public struct LoadedSettings: Sendable {
    /// The settings in force.
    public var settings = Settings()
    /// Lines and variables that were ignored.
    public var problems: [Settings.Problem] = []
    /// Files that were not read.
    public var unread: [UnreadFile] = []

    /// A settings file that was not read.
    public struct UnreadFile: Equatable, Sendable {
        /// Its path.
        public let path: ByteString
        /// Why it could not be read; nil if another user can write it.
        public let error: Errno?

        /// From named values.
        public init(path: ByteString, error: Errno? = nil) {
            self.path = path
            self.error = error
        }

        /// For the journal and for people.
        public var note: Note {
            Note(.settingsNotTrusted, error.map { path + " (" + ByteString($0.description) + ")" } ?? path)
        }
    }

    /// The store in force; nil if there is no directory for one.
    public var storePath: ByteString? { settings.store ?? Locations.store }

    private static let largestFile = 65_536

    /// Reads both files and the environment.
    public static func load() -> LoadedSettings {
        var loaded = LoadedSettings()
        for path in Locations.settings { loaded.read(path) }
        loaded.problems += loaded.settings.apply(environment: Kernel.environment)
        return loaded
    }

    /// The real docker's absolute path, if it is configured. This runs before every command: without a settings file it
    /// costs three lookups, and a file that does not contain the word is not parsed.
    static func docker() -> ByteString? {
        if let named = Kernel.variable("SLIPWAY_DOCKER"), named.hasPrefix("/") { return named }
        guard Locations.mayHaveSettings else { return nil }
        var loaded = LoadedSettings()
        for path in Locations.settings {
            if let text = loaded.trusted(path), text.range(of: "docker") != nil {
                _ = loaded.settings.apply(lines: text, from: path)
            }
        }
        return loaded.settings.docker
    }

    private mutating func read(_ path: ByteString) {
        guard let text = trusted(path) else { return }
        problems += settings.apply(lines: text, from: path)
    }

    /// The content of a file that belongs to root or the user, and that nobody else can write.
    private mutating func trusted(_ path: ByteString) -> ByteString? {
        do throws(Errno) {
            let file = try Descriptor.open(path)
            let status = try file.status()
            guard status.kind == .regular, status.owner == 0 || status.owner == Kernel.userID,
                !status.isWritableByOthers
            else {
                unread.append(UnreadFile(path: path))
                return nil
            }
            return try file.readAll(limit: Self.largestFile)
        } catch .noSuchFile {
            return nil
        } catch {
            unread.append(UnreadFile(path: path, error: error))
            return nil
        }
    }
}
