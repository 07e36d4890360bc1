public import Formats

/// The inputs of a build, stored beside its export so that a later build can be compared with it.
public struct BuildRecord: Equatable, Sendable {
    /// A build argument. It keeps just enough of the value to tell two values apart, but not enough to guess one.
    public struct Argument: Equatable, Sendable {
        /// Its name.
        public let name: ByteString
        /// Three hexadecimal digits of the digest of name and value.
        public let tag: ByteString

        /// From "NAME=value".
        public init(_ entry: ByteString) {
            name = entry.cut(at: "=")?.before ?? entry
            tag = SHA256.hexDigest(of: entry).prefix(3)
        }

        init(name: ByteString, tag: ByteString) {
            self.name = name
            self.tag = tag
        }
    }

    /// When it started, in nanoseconds since 1970.
    public var began: Int64
    /// The process that became docker.
    public var process: Int
    /// The context as buildx records it: an absolute path, an address, or "-".
    public var context: PublicAddress
    /// The Dockerfile's path; nil if it is not a file on this machine.
    public var dockerfile: ByteString?
    /// Its instructions; nil if they could not be read.
    public var outline: DockerfileOutline?
    /// `--build-arg` and `--build-context`.
    public var arguments: [Argument]
    /// The stage; empty for the last.
    public var target: ByteString
    /// From the command or the engine.
    public var platforms: [ByteString]
    /// The directory of the imported export; nil if nothing was imported.
    public var imported: ByteString?
    /// The repository, as in the store's keys.
    public var repository: ByteString
    /// The names given to the image.
    public var images: [ByteString] = []
    /// Its name in bake; nil for a single build.
    public var bakeTarget: ByteString?
    /// Whether some of its stages were to be built without the cache; nil in a record of an earlier version.
    public var hasNoCacheFilter: Bool? = false
    /// The options before docker's command that choose the engine.
    public var globals: [PublicAddress]

    /// From named values.
    public init(
        began: Int64, process: Int, context: PublicAddress, dockerfile: ByteString? = nil,
        outline: DockerfileOutline? = nil, arguments: [Argument] = [], target: ByteString = "",
        platforms: [ByteString] = [], imported: ByteString? = nil, repository: ByteString = "",
        globals: [PublicAddress] = []
    ) {
        self.began = began
        self.process = process
        self.context = context
        self.dockerfile = dockerfile
        self.outline = outline
        self.arguments = arguments
        self.target = target
        self.platforms = platforms
        self.imported = imported
        self.repository = repository
        self.globals = globals
    }

    /// On one line.
    public var json: JSON {
        .object([
            "format": .integer(1), "began": .integer(began), "pid": .integer(process), "context": .string(context.text),
            "dockerfile": .string(orNull: dockerfile), "instructions": outline?.json ?? .null,
            "arguments": .object(mentioned.map { JSON.Member(name: $0.name, value: .string($0.tag)) }),
            "target": .string(target), "platforms": .array(platforms.map(JSON.string)),
            "imported": .string(orNull: imported), "repository": .string(repository),
            "images": .array(images.filter(PublicAddress.isImageName).map(JSON.string)),
            "bakeTarget": .string(orNull: bakeTarget),
            "partlyAnew": hasNoCacheFilter.map(JSON.bool) ?? .null, "globals": .array(globals.map { .string($0.text) }),
        ])
    }

    /// How many arguments that the Dockerfile names are missing in another build, or have another value there.
    public func otherArguments(than other: BuildRecord) -> Int {
        let (mine, theirs) = (mentioned, other.mentioned)
        return mine.count { !theirs.contains($0) } + theirs.count { given in !mine.contains { $0.name == given.name } }
    }

    /// Those that the Dockerfile names: any other name may be anything, even a secret.
    private var mentioned: [Argument] {
        guard let names = outline?.names else { return [] }
        return arguments.filter { names.contains($0.name) }
    }

    /// nil for an incomplete or foreign text.
    public init?(_ text: ByteString) {
        guard let json = JSON(text), json[key: "format"]?.integer == 1, let began = json[key: "began"]?.integer,
            let process = json[key: "pid"]?.integer, let context = json[key: "context"]?.string
        else { return nil }
        func strings(_ name: ByteString) -> [ByteString] { (json[key: name]?.array ?? []).compactMap(\.string) }
        self.init(
            began: Int64(began), process: process, context: PublicAddress(context),
            dockerfile: json[key: "dockerfile"]?.string,
            outline: json[key: "instructions"].flatMap { DockerfileOutline($0) },
            arguments: (json[key: "arguments"]?.members ?? []).compactMap { member in
                member.value.string.map { Argument(name: member.name, tag: $0) }
            },
            target: json[key: "target"]?.string ?? "", platforms: strings("platforms"),
            imported: json[key: "imported"]?.string, repository: json[key: "repository"]?.string ?? "",
            globals: strings("globals").map(PublicAddress.init))
        images = strings("images")
        bakeTarget = json[key: "bakeTarget"]?.string
        hasNoCacheFilter = json[key: "partlyAnew"]?.bool
    }
}
