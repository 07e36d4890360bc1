internal import DockerCommandLine
internal import Formats
internal import Host
internal import Planning

/// A file that is added to a project's own, and how compose is told of it.
struct ComposeFile {
    private let folder: ByteString
    /// What its name begins with.
    private let name: ByteString
    /// The project's files when they are not given by `--file`: what COMPOSE_FILE would say.
    private let files: ByteString?
    private let separator: ByteString

    private static let day: Int64 = 86_400_000_000_000
    private static let names: [ByteString] = [
        "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
    ]
    private static let overrides: [ByteString] = [
        "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
    ]

    /// What a file begins with that is the same for every command of a project: it shows in the labels of the containers, and
    /// who reads them opens it.
    private static let lasting: ByteString = "paths-"

    /// Nil where the project's own files are not certain (an .env file may name others), or can be read only once. A lasting
    /// file has its project's name, any other a name of its own.
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

    /// Whether a shim has been here already.
    var isOurs: Bool { files?.range(of: "/slipway/compose/") != nil }

    /// Compose is asked for its project before it runs: a pipe would be empty then.
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

    /// Whether an .env file says nothing of the project's files.
    private static func namesNoFiles(_ path: ByteString) -> Bool {
        guard !Files.isMissing(path) else { return true }
        guard let text = try? Files.read(path, limit: 1 << 20) else { return false }
        return text.range(of: "COMPOSE_FILE") == nil && text.range(of: "COMPOSE_PATH_SEPARATOR") == nil
    }

    /// Where a file with this text stands. Two projects may have the same files and other variables: what lasts has its text's
    /// name, too.
    func path(for text: ByteString) -> ByteString {
        let digest = name.hasPrefix(Self.lasting) ? "-" + SHA256.hexDigest(of: text).prefix(8) : ""
        return folder.appending(path: name + digest + ".json")
    }

    /// Writes it, unless it says so already; those that no command has used for long go. Nil where it cannot be written.
    func write(_ text: ByteString) -> ByteString? {
        let path = path(for: text)
        do throws(Errno) {
            if (try? Files.read(path, limit: text.count, followLinks: false)) == text {
                // Its time says when it was last used.
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

    /// What says when old files were last looked for.
    private static let sweptName: ByteString = "swept"
    /// How long a lasting file stays after the last command that used it: containers that are older still name it.
    private static let lastingAge = 90 * day

    /// Once a day, behind the command's back: however many there are, none is found too late.
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
        // Where no process may stay behind the command does a part of it itself.
        if !isBehind { removeOld(in: folder, of: 256) }
    }

    /// Names that are listed where only some files are looked at.
    private static let mostNames = 16_384

    static func removeOld(in folder: ByteString, of most: Int = .max) {
        let names = (try? Files.names(in: folder, limit: most == .max ? .max : mostNames)) ?? []
        // Others each time: the first of a listing are the same again and again, and may all be young.
        let some = most < names.count ? Array(names.shuffled().prefix(most)) : names
        for name in some where name != sweptName {
            let old = folder.appending(path: name)
            let age = name.hasPrefix(lasting) ? lastingAge : day
            if let status = try? Files.status(old, followLinks: false), Clock.now &- status.modified > age {
                try? Files.remove(old)
            }
        }
    }

    /// What tells compose of the file, behind the project's own.
    func edits(_ compose: ComposeInvocation, adding path: ByteString) -> [Edit] {
        guard let files else { return [.insert(["--file=" + path], after: compose.commandWordIndex - 1)] }
        return [
            .environment(EnvironmentChange(name: "COMPOSE_FILE", value: files + separator + path)),
            .environment(EnvironmentChange(name: "COMPOSE_PATH_SEPARATOR", value: separator)),
        ]
    }
}

extension ByteString {
    /// The pieces between separators of any length.
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
