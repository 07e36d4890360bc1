public import Formats
internal import Host

/// The two leading numbers of a program's version.
public struct Version: Comparable, Hashable, Sendable {
    /// The first number.
    public let major: Int
    /// The second number; 0 if there is none.
    public let minor: Int

    /// From its numbers.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// The leading numbers of "28.5.2+dfsg4", "v0.29.1" or "0.13.1+ds1-3+b1"; nil for "dev", commit names and the
    /// like.
    public init?(parsing text: ByteString) {
        let pieces = (text.hasPrefix("v") ? text.dropFirst(1) : text).split(".")
        guard let major = Self.number(pieces[0]) else { return nil }
        guard pieces.count > 1 else {
            self.init(major, 0)
            return
        }
        let digits = pieces[1].bytes.prefix(while: \.isDigit)
        guard let minor = Self.number(ByteString(digits)) else { return nil }
        self.init(major, minor)
    }

    private static func number(_ text: ByteString) -> Int? { text.count <= 6 ? text.decimal : nil }

    /// Such as "28.5".
    public var text: ByteString { ByteString(decimal: major) + "." + ByteString(decimal: minor) }

    /// Order by both numbers.
    public static func < (left: Version, right: Version) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

/// The program behind the name `docker`.
public enum DockerProgram: Equatable, Sendable {
    /// Docker's own CLI.
    case docker(Version)
    /// Podman under docker's name.
    case podman
    /// Another program, or one that did not answer.
    case unknown

    /// Whether the docker at a path comes from snap: then it cannot read files outside of HOME, nor hidden ones in
    /// it.
    public static func isSnap(_ path: ByteString) -> Bool {
        path.hasPrefix("/snap/") || (try? Files.realPath(path))?.lastPathComponent == "snap"
    }

    /// From the output of `docker --version`.
    ///
    /// Source: docker/cli cli/version and cmd/docker/docker.go ("Docker version 28.5.2, build ecc6942"); podman-docker
    /// prints "podman version 4.9.3".
    init(printed text: ByteString) {
        for line in text.split("\n") {
            if line.hasPrefix("podman version ") {
                self = .podman
                return
            }
            if line.hasPrefix("Docker version "), let (before, _) = line.cut(at: ","),
                let version = Version(parsing: before.dropFirst(15))
            {
                self = .docker(version)
                return
            }
        }
        self = .unknown
    }
}

/// The program behind the name `docker-buildx`.
public enum BuildxProgram: Equatable, Sendable {
    /// The plugin. Its version may be one without numbers, such as a commit's.
    case plugin(Version?)
    /// A file that docker does not accept as a plugin.
    case broken

    /// From the output of `docker-buildx docker-cli-plugin-metadata`.
    ///
    /// Source: docker/cli cli-plugins/manager/plugin.go, newPlugin; docker before 28.4.1 accepts no other
    /// schema.
    init(metadata text: ByteString) {
        guard let json = JSON(text), json.stringField("SchemaVersion") == "0.1.0",
            json.stringField("Vendor")?.isEmpty == false, let version = json.stringField("Version")
        else {
            self = .broken
            return
        }
        self = .plugin(Version(parsing: version))
    }
}
