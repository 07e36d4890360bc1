internal import DockerCommandLine
internal import Formats
internal import Host
internal import Planning

/// An additional compose file for a project, and the edits that make compose read it.
struct ComposeFile {
    private let folder: ByteString
    /// The prefix of its name.
    private let name: ByteString
    /// The value for COMPOSE_FILE that stands for the project's own files; nil if `--file` names them.
    private let files: ByteString?
    private let separator: ByteString

    private static let day: Int64 = 86_400_000_000_000
    private static let names: [ByteString] = [
        "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
    ]
    private static let overrides: [ByteString] = [
        "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
    ]

    /// The prefix of a file that is the same for every command of a project: the containers' labels name it, and
    /// readers of those labels open it.
    private static let lasting: ByteString = "paths-"

    /// nil if it is uncertain which files the project has (an .env file may name others), or if one of them can be read
    /// only once. A lasting file is named after its project; any other gets a unique name.
    ///
    /// Source: compose-spec/compose-go cli/options.go, WithConfigFileEnv and WithDefaultConfigPath.
    init?(for compose: ComposeInvocation, isLasting: Bool = false) {
        guard let state = Locations.state else { return nil }
        folder = state.appending(path: "compose")
        func title(of project: [ByteString]) -> ByteString {
            isLasting
                ? Self.lasting + SHA256.hexDigest(of: project.joined(separator: "\n")).prefix(16)
                : ByteString(decimal: Clock.now) + "-" + Hex.digits(of: Kernel.randomBytes(8))
        }
        let separator = Kernel.variable("COMPOSE_PATH_SEPARATOR").flatMap { $0.isEmpty ? nil : $0 } ?? ":"
        self.separator = separator
        guard let here = try? Kernel.workingDirectory() else { return nil }
        guard compose.files.isEmpty else {
            guard compose.files.allSatisfy(Self.canBeReadAgain) else { return nil }
            files = nil
            name = title(of: [here] + compose.files)
            return
        }
        let given = compose.environmentFiles
        func isCertain(in directory: ByteString) -> Bool {
            let sources = given.isEmpty ? [here, directory].map { $0.appending(path: ".env") } : given
            return sources.allSatisfy(Self.namesNoFiles)
        }
        if let named = Kernel.variable("COMPOSE_FILE") {
            let pieces = named.pieces(between: separator)
            guard !named.isEmpty, let first = pieces.first, isCertain(in: first.absolute(in: here).parentPath),
                pieces.allSatisfy(Self.canBeReadAgain)
            else { return nil }
            files = named
            name = title(of: [here, named])
        } else {
            guard let found = Self.discover(from: compose.projectDirectory.map { $0.absolute(in: here) } ?? here),
                isCertain(in: found.directory), !found.files.contains(where: { $0.range(of: separator) != nil })
            else { return nil }
            files = found.files.joined(separator: separator)
            name = title(of: found.files)
        }
    }

    /// Whether another shim has already added its file.
    var isOurs: Bool { files?.range(of: "/slipway/compose/") != nil }

    /// Compose reads its project once before it runs, and a pipe would then be empty.
    private static func canBeReadAgain(_ file: ByteString) -> Bool {
        (try? Files.status(file).kind) ?? .regular == .regular
    }

    private static func discover(from start: ByteString) -> (directory: ByteString, files: [ByteString])? {
        var directory = start
        while true {
            func first(_ names: [ByteString]) -> ByteString? {
                names.map { directory.appending(path: $0) }.first { !Files.isMissing($0) }
            }
            if let file = first(names) { return (directory, [file] + (first(overrides).map { [$0] } ?? [])) }
            guard directory != "/" else { return nil }
            directory = directory.parentPath
        }
    }

    /// Whether an .env file leaves the project's files alone.
    private static func namesNoFiles(_ path: ByteString) -> Bool {
        guard !Files.isMissing(path) else { return true }
        guard let text = try? Files.read(path, limit: 1 << 20) else { return false }
        return text.range(of: "COMPOSE_FILE") == nil && text.range(of: "COMPOSE_PATH_SEPARATOR") == nil
    }

    /// The path for this text. Two projects may have the same files but different variables, so a lasting name contains
    /// the text's digest, too.
    func path(for text: ByteString) -> ByteString {
        let digest = name.hasPrefix(Self.lasting) ? "-" + SHA256.hexDigest(of: text).prefix(8) : ""
        return folder.appending(path: name + digest + ".json")
    }

    /// Writes the file, unless it already has this text, and removes files that no command has used for a long time.
    /// nil if it cannot be written.
    func write(_ text: ByteString) -> ByteString? {
        let path = path(for: text)
        do throws(Errno) {
            if (try? Files.read(path, limit: text.count, followLinks: false)) == text {
                // Its modification time is the time of its last use.
                try? Files.setModified(path, Clock.now)
            } else {
                try Files.makeDirectories(folder, mode: 0o700)
                try Files.replace(path, with: text, mode: 0o600)
            }
        } catch {
            return nil
        }
        Self.sweep(folder)
        return path
    }

    /// The name of the file whose modification time is the time of the last sweep.
    private static let sweptName: ByteString = "swept"
    /// How long a lasting file is kept after its last use: older containers still name it.
    private static let lastingAge = 90 * day

    /// Removes old files once a day, in the background, so that it can examine all of them however many there are.
    static func sweep(_ folder: ByteString) {
        let mark = folder.appending(path: sweptName)
        if let swept = try? Files.status(mark, followLinks: false), (0..<day).contains(Clock.now &- swept.modified) {
            return
        }
        _ = try? Descriptor.open(mark, .create(mode: 0o600), followLinks: false)
        try? Files.setModified(mark, Clock.now)
        let isBehind = Detached.run { _ in
            removeOld(in: folder)
            return 0
        }
        // If no background process is possible, the command itself examines a part of the files.
        if !isBehind { removeOld(in: folder, of: 256) }
    }

    /// The most names to list if only some files are examined.
    private static let mostNames = 16_384

    static func removeOld(in folder: ByteString, of most: Int = .max) {
        let names = (try? Files.names(in: folder, limit: most == .max ? .max : mostNames)) ?? []
        // A random sample: the first names of a listing would be the same each time, and their files may all be recent.
        let some = most < names.count ? Array(names.shuffled().prefix(most)) : names
        for name in some where name != sweptName {
            let old = folder.appending(path: name)
            let age = name.hasPrefix(lasting) ? lastingAge : day
            if let status = try? Files.status(old, followLinks: false), Clock.now &- status.modified > age {
                try? Files.remove(old)
            }
        }
    }

    /// The edits that make compose read the file after the project's own.
    func edits(_ compose: ComposeInvocation, adding path: ByteString) -> [Edit] {
        guard let files else { return [.insert(["--file=" + path], after: compose.commandWordIndex - 1)] }
        return [
            .environment(EnvironmentChange(name: "COMPOSE_FILE", value: files + separator + path)),
            .environment(EnvironmentChange(name: "COMPOSE_PATH_SEPARATOR", value: separator)),
        ]
    }
}

extension ByteString {
    /// Splits at a separator of any length.
    fileprivate func pieces(between separator: ByteString) -> [ByteString] {
        var pieces: [ByteString] = []
        var rest = self
        while !separator.isEmpty, let place = rest.range(of: separator) {
            pieces.append(rest.prefix(place.lowerBound))
            rest = rest.dropFirst(place.upperBound)
        }
        return pieces + [rest]
    }
}
