public import Formats
internal import Git
internal import Host

/// What a build consists of, according to its command line.
public struct BuildDescription: Sendable {
    /// Where the build's files come from.
    public enum Context: Equatable, Sendable {
        /// A directory on this machine, as given.
        case directory(ByteString)
        /// "-": a tar archive or a Dockerfile on standard input.
        case standardInput
        /// A git or http address, as given.
        case remote(ByteString)
    }

    /// Where the build's files come from.
    public var context: Context
    /// The value of `--file`; nil for the default. "-" is a Dockerfile that is not a file here: on standard input, or
    /// inside a bake or compose definition.
    public var dockerfile: ByteString?
    /// Tells apart the Dockerfiles inside one definition, by their targets' names.
    public var inlineName: ByteString?
    /// The value of `--target`.
    public var target: ByteString?
    /// One entry per platform; empty for the engine's own.
    public var platforms: [ByteString]
    /// The image names, with their tags.
    public var imageNames: [ByteString]
    /// "NAME=value" for each build argument and named context; values from the environment are filled in.
    public var arguments: [ByteString]
    /// The directory that relative paths start from.
    public var workingDirectory: ByteString
    /// A description of how the modes of tracked files differ from git's; nil if they do not. BuildKit hashes modes, so
    /// such builds get the most hits from exports of builds with the same modes, and spoil nothing for the others.
    public var modes: ByteString?
    /// Whether some of its stages are to be built without the cache.
    public var hasNoCacheFilter = false

    /// From named values.
    public init(
        context: Context, dockerfile: ByteString? = nil, inlineName: ByteString? = nil, target: ByteString? = nil,
        platforms: [ByteString] = [],
        imageNames: [ByteString] = [], arguments: [ByteString] = [], workingDirectory: ByteString
    ) {
        self.context = context
        self.dockerfile = dockerfile
        self.inlineName = inlineName
        self.target = target
        self.platforms = platforms
        self.imageNames = imageNames
        self.arguments = arguments
        self.workingDirectory = workingDirectory
    }

    /// How docker interprets a context argument: an existing directory is one, whatever its name.
    public static func context(_ argument: ByteString) -> Context {
        if argument == "-" { return .standardInput }
        if (try? Files.status(argument).kind) == .directory { return .directory(argument) }
        let isRemote =
            argument.range(of: "://") != nil || argument.hasPrefix("git@") || argument.hasPrefix("github.com/")
        return isRemote ? .remote(argument) : .directory(argument)
    }
}

/// Builds with the same key may reuse each other's layers: same repository, Dockerfile, context, target and platforms.
/// Never the tag: it may change although nothing else does. A false match only costs a look at a useless manifest.
public struct Key: Hashable, Sendable {
    /// The repository's address; otherwise the image's name, the path of git's common directory (which all worktrees
    /// share), or the context's path, in this order. Without credentials.
    public let repository: ByteString
    /// The Dockerfile's path relative to the repository.
    public let dockerfile: ByteString
    /// The context's path relative to the repository.
    public let context: ByteString
    /// The stage; empty for the last.
    public let target: ByteString
    /// Sorted, without repeats.
    public let platforms: [ByteString]

    /// From its parts.
    init(
        repository: ByteString, dockerfile: ByteString, context: ByteString, target: ByteString, platforms: [ByteString]
    ) {
        self.repository = repository
        self.dockerfile = dockerfile
        self.context = context
        self.target = target
        self.platforms = platforms
    }

    /// The name of the directory for this key's exports.
    public var directoryName: ByteString {
        let fields = [repository, dockerfile, context, target] + platforms
        let digest = Slug.tag(of: fields.joined(separator: "\0"), digits: 16)
        return Slug.of(repository.lastPathComponent) + "-" + digest
    }

    /// From the output of `json`; nil for anything else.
    public init?(_ json: JSON) {
        guard let repository = json[key: "repository"]?.string, let dockerfile = json[key: "dockerfile"]?.string,
            let context = json[key: "context"]?.string, let target = json[key: "target"]?.string,
            let platforms = json[key: "platforms"]?.array
        else { return nil }
        self.init(
            repository: repository, dockerfile: dockerfile, context: context, target: target,
            platforms: platforms.compactMap(\.string).withoutRepeats.sorted())
    }

    /// The key in words, stored beside its exports.
    public var json: JSON {
        .object([
            "repository": .string(repository), "dockerfile": .string(dockerfile), "context": .string(context),
            "target": .string(target), "platforms": .array(platforms.map(JSON.string)),
        ])
    }
}

/// Tells apart the exports of one key: the branch and the build arguments.
public struct Variant: Hashable, Sendable {
    /// A slug of the branch, and eight digits of its digest.
    public let branch: ByteString
    /// Three digits of the digest of the sorted arguments: enough to tell builds apart, useless for guessing a
    /// secret.
    public let arguments: ByteString

    /// From a branch's name and "NAME=value" entries in any order.
    public init(branch: ByteString, arguments: [ByteString]) {
        self.branch = Self.tag(ofBranch: branch)
        self.arguments = Slug.tag(of: arguments.sorted().joined(separator: "\0"), digits: 3)
    }

    /// As read from the disk.
    init(branchTag: ByteString, argumentsTag: ByteString) {
        branch = branchTag
        arguments = argumentsTag
    }

    static func tag(ofBranch branch: ByteString) -> ByteString {
        Slug.of(branch) + "." + Slug.tag(of: branch, digits: 8)
    }
}

/// Something that a build of some variant has left.
protocol OfVariant {
    var variant: Variant { get }
}

extension Array where Element: OfVariant {
    /// The first of each variant, and then the others: the order in which a union takes them until it is full. So many
    /// builds of one branch do not displace another branch.
    var firstOfEachVariant: [Element] {
        var seen: Set<Variant> = []
        let isFirst = map { seen.insert($0.variant).inserted }
        return zip(self, isFirst).filter(\.1).map(\.0) + zip(self, isFirst).filter { !$0.1 }.map(\.0)
    }
}

/// A build's key and variant, and the branches whose exports come next, determined from the build's description and
/// the files around it.
public struct BuildIdentity: Equatable, Sendable {
    /// Which builds may share layers.
    public let key: Key
    /// This build's own branch and arguments.
    public let variant: Variant
    /// Tags of the branches that count as default branches.
    public let defaultBranches: [ByteString]
    /// The part of the surrounding repository that belongs to another user: the build gets the key that it would have
    /// without that repository.
    public let foreign: ByteString?

    /// The repository alone.
    public static func repository(of build: BuildDescription) -> ByteString { Place(of: build).repository }

    /// Reads the context's repository. `platform` is the engine's own; it is used if the command names none.
    public init(of build: BuildDescription, platform: ByteString) {
        let place = Place(of: build)
        let chosen = build.platforms.isEmpty ? [platform] : build.platforms.map(\.lowercasedASCII)
        key = Key(
            repository: place.repository, dockerfile: place.dockerfile, context: place.context,
            target: build.target ?? "", platforms: Array(Set(chosen)).sorted())
        let modes = build.modes.map { ["slipway.modes=" + $0] } ?? []
        variant = Variant(branch: place.branch, arguments: build.arguments + modes)
        defaultBranches = (place.defaultBranch.map { [$0] } ?? ["main", "master"]).map(Variant.tag(ofBranch:))
        foreign = place.foreign
    }
}

/// A build's place, described the same way in each clone.
private struct Place {
    let repository: ByteString
    let dockerfile: ByteString
    let context: ByteString
    let branch: ByteString
    let defaultBranch: ByteString?
    var foreign: ByteString?

    init(of build: BuildDescription) {
        switch build.context {
        case .directory(let path): self.init(directory: path, build)
        case .standardInput:
            let around = GitRepository.around(build.workingDirectory)
            let here = around.repository
            self.init(
                repository: here?.origin ?? Self.imageName(build) ?? here?.commonDirectory ?? build.workingDirectory,
                context: "-",
                dockerfile: Self.remoteDockerfile(build) ?? build.dockerfile ?? "-",
                branch: here?.branch ?? "", defaultBranch: here?.defaultBranch)
            foreign = around.foreign
        case .remote(let address):
            let (location, fragment) = Self.parts(of: address)
            let (reference, folder) = fragment.cut(at: ":").map { ($0.before, $0.after) } ?? (fragment, "")
            self.init(
                repository: OriginURL.normalized(location) ?? OriginURL.localPath(location) ?? "",
                context: folder.isEmpty ? "." : folder,
                dockerfile: Self.remoteDockerfile(build) ?? build.dockerfile ?? "Dockerfile", branch: reference,
                defaultBranch: nil)
        }
    }

    private init(directory path: ByteString, _ build: BuildDescription) {
        let absolute = path.absolute(in: build.workingDirectory)
        let context = (try? Files.realPath(absolute)) ?? absolute
        let around = GitRepository.around(context)
        let git = around.repository
        let top = git?.top ?? context
        var dockerfile: ByteString = build.inlineName.map { "-" + $0 } ?? "-"
        if let address = Self.remoteDockerfile(build) {
            dockerfile = address
        } else if build.dockerfile != "-" {
            let file =
                build.dockerfile.map { $0.absolute(in: build.workingDirectory) }
                ?? context.appending(path: "Dockerfile")
            let folder = (try? Files.realPath(file.parentPath)) ?? file.parentPath
            let resolved = folder.appending(path: file.lastPathComponent)
            dockerfile = resolved.relative(to: top) ?? resolved.relative(to: context) ?? resolved.lastPathComponent
        }
        self.init(
            repository: git?.origin ?? Self.imageName(build) ?? git?.commonDirectory ?? context,
            context: git == nil ? "." : context.relative(to: top) ?? ".", dockerfile: dockerfile,
            branch: git?.branch ?? "", defaultBranch: git?.defaultBranch)
        foreign = around.foreign
    }

    private init(
        repository: ByteString, context: ByteString, dockerfile: ByteString, branch: ByteString,
        defaultBranch: ByteString?
    ) {
        self.repository = repository
        self.context = context
        self.dockerfile = dockerfile
        self.branch = branch
        self.defaultBranch = defaultBranch
    }

    /// An address and its fragment, which names a branch and a folder. A "#" inside a password does not start one.
    private static func parts(of address: ByteString) -> (ByteString, ByteString) {
        guard let (location, rest) = address.cut(at: "#"), location.contains("@") || !rest.contains("@") else {
            return (address, "")
        }
        return (location, rest.cut(at: "?")?.before ?? rest)
    }

    /// BuildKit also accepts a Dockerfile by HTTP; then this is its address without credentials.
    private static func remoteDockerfile(_ build: BuildDescription) -> ByteString? {
        build.dockerfile.flatMap { $0.range(of: "://") == nil ? nil : OriginURL.normalized($0) ?? "-" }
    }

    /// "host:5000/app:1.2@sha256:..." gives "host:5000/app": a colon introduces a tag only after the last slash.
    private static func imageName(_ build: BuildDescription) -> ByteString? {
        guard let given = build.imageNames.first, PublicAddress.isImageName(given) else { return nil }
        let name = given.cut(at: "@")?.before ?? given
        guard let (before, after) = name.cutLast(at: ":"), !after.contains("/") else { return name }
        return before
    }
}
