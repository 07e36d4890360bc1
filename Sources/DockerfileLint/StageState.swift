internal import Formats

/// The state at one place of a stage: variables, the user, the shell, and what earlier instructions have set up.
struct StageState: Sendable {
    /// A variable's value, if known, and where it was set.
    struct Variable: Sendable {
        /// nil if it depends on something unknown.
        var value: ByteString?
        /// Its range in the file.
        var place: Range<Int>
        /// ARG: it is valid only in this stage.
        var isArgument: Bool
    }

    enum User: Equatable, Sendable {
        /// Not stated: most base images leave the user at root.
        case assumedRoot
        case root
        case number(Int)
        case name(ByteString)
        case unknown
    }

    struct Account: Sendable {
        var uid: Int?
        var home: ByteString?
    }

    enum Shell: Sendable { case posix, other }

    /// What is known about the image from which the stage starts.
    enum Base: Sendable {
        /// A stage of this file whose own base is already resolved, or an unknown image.
        case unknown
        /// Debian's or Ubuntu's image, or an official one made from them: it contains apt's `docker-clean`, and its
        /// user is root.
        case debian
        /// Another official image whose user is root.
        case official
    }

    var variables: [ByteString: Variable] = [:]
    var user = User.assumedRoot
    var accounts: [ByteString: Account] = [:]
    var shell = Shell.posix
    var shellEndsOnError = false
    var base = Base.unknown
    /// Whether the program git may be there.
    var mayHaveGit = true
    /// The name of an official image without a version, and where it stands.
    var floatingBase: (name: ByteString, offset: Int, silenced: [ByteString])?
    /// Official images that set GOPATH to /go.
    var isGolang = false
    /// Whether apt's `docker-clean` was removed or emptied.
    var keepsArchives = false
    /// Whether `Binary::apt::APT::Keep-Downloaded-Packages "true"` was written.
    var keepsDownloads = false
    /// Where `no-cache-dir` was written to pip's configuration.
    var pipConfiguration: Range<Int>?

    // People do not write files with more variables than this; the values of further ones are unknown.
    private static let mostVariables = 512

    mutating func set(_ name: ByteString, _ variable: Variable) {
        guard variables.count < Self.mostVariables || variables[name] != nil else { return }
        // ENV takes precedence over an ARG with the same name, in any order.
        if variable.isArgument, let old = variables[name], !old.isArgument { return }
        variables[name] = variable
    }

    /// The variable in effect, if its value is not empty.
    func value(_ name: ByteString) -> Variable? {
        guard let variable = variables[name], variable.value != "" else { return nil }
        return variable
    }

    /// What a stage inherits that starts from this one.
    var inherited: StageState {
        var copy = self
        copy.variables = variables.filter { !$0.value.isArgument }
        copy.shell = .posix
        copy.shellEndsOnError = false
        return copy
    }

    // MARK: - The user

    /// The user's number, if known.
    var uid: Int? {
        switch user {
        case .root, .assumedRoot: 0
        case .number(let number): number
        case .name(let name): accounts[name]?.uid
        case .unknown: nil
        }
    }

    /// Whether the user is certainly root: stated, or an official image whose user is root.
    var isSurelyRoot: Bool { user == .root || user == .assumedRoot && base != .unknown }

    /// Whether the user is certainly not root.
    var isSurelyOther: Bool {
        switch user {
        case .number(let number): number != 0
        case .name: true
        default: false
        }
    }

    /// The home directory; nil if in doubt.
    var home: ByteString? {
        if let variable = value("HOME") { return variable.value }
        switch user {
        case .root, .assumedRoot: return "/root"
        case .name(let name): return accounts[name]?.home
        case .number(let number):
            // Without an account docker sets HOME to "/", but the base may have an account.
            return accounts.filter { $0.value.uid == number }.min { $0.key < $1.key }?.value.home
        case .unknown: return nil
        }
    }

    // MARK: - Expanding

    /// Nobody asks about a longer value. Without a limit each `ENV A=$A$A` would double it.
    private static let longestValue = 1024

    /// `$NAME`, `${NAME}`, `${NAME:-x}` and `${NAME-x}`; nil if a part is unknown, or if the result becomes too long.
    func expand(_ text: ByteString) -> ByteString? {
        guard text.contains("$") else { return text }
        let bytes = text.bytes
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard result.count <= Self.longestValue else { return nil }
            guard bytes[index] == UInt8(ascii: "$") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            index += 1
            guard index < bytes.count else { return nil }
            if bytes[index] == UInt8(ascii: "{") {
                guard let end = bytes.firstIndex(of: UInt8(ascii: "}"), in: index..<bytes.count) else { return nil }
                guard let value = expand(braced: bytes[(index + 1)..<end]) else { return nil }
                result += value.bytes
                index = end + 1
            } else {
                var end = index
                while end < bytes.count, bytes[end].isNameByte { end += 1 }
                guard end > index, let value = variables[ByteString(bytes[index..<end])]?.value else { return nil }
                result += value.bytes
                index = end
            }
        }
        guard result.count <= Self.longestValue else { return nil }
        return ByteString(result)
    }

    private func expand(braced inside: ArraySlice<UInt8>) -> ByteString? {
        let name = ByteString(inside.prefix { $0.isNameByte })
        let rest = ByteString(inside.dropFirst(name.count))
        let known = variables[name]
        if rest.isEmpty { return known?.value }
        guard rest.hasPrefix(":-") || rest.hasPrefix("-") else { return nil }
        if let known {
            guard let value = known.value else { return nil }
            if !(value.isEmpty && rest.hasPrefix(":")) { return value }
        }
        let other = rest.dropFirst(rest.hasPrefix(":") ? 2 : 1)
        return other.contains("$") ? nil : other
    }
}

extension StageState.Base {
    // Official images by name, except for those that are made from Alpine or have a user of their own.
    private static let debianNames: Set<ByteString> = [
        "debian", "ubuntu", "python", "node", "golang", "ruby", "rust", "openjdk", "php", "perl", "buildpack-deps",
        "gcc",
        "haskell", "pypy", "erlang", "elixir", "nginx", "httpd", "postgres", "mysql", "redis", "julia", "r-base",
    ]
    private static let otherNames: Set<ByteString> = [
        "alpine", "fedora", "amazonlinux", "rockylinux", "almalinux", "busybox",
    ]
    // Official images without git, and those without it in their small variants. rust is neither: its crates may read a
    // .git by themselves.
    private static let gitlessNames: Set<ByteString> =
        otherNames.union(["debian", "ubuntu", "nginx", "httpd", "postgres", "mysql", "redis", "php"])
    private static let sometimesGitlessNames: Set<ByteString> = ["python", "node", "golang", "ruby", "perl"]
    // Tags without a version that nobody means as a choice of one.
    private static let plainTags: Set<ByteString> = ["latest", "slim", "alpine", "fpm", "apache", "cli"]

    /// What an image's name tells: "python:3.12-slim" is made from Debian, "python:3.12-alpine" is not.
    init(image: ByteString) {
        let (repository, tag) = Self.official(image)
        if Self.debianNames.contains(repository) {
            self = tag.range(of: "alpine") == nil ? .debian : .official
        } else {
            self = Self.otherNames.contains(repository) ? .official : .unknown
        }
    }

    /// Whether an official image has no program git.
    static func isGitless(image: ByteString) -> Bool {
        let (repository, tag) = official(image)
        return gitlessNames.contains(repository)
            || sometimesGitlessNames.contains(repository)
                && (tag.range(of: "alpine") != nil || tag.range(of: "slim") != nil)
    }

    /// Whether an official image has no version: `node:lts` and `alpine:edge` are choices, and any word that is not
    /// known may be a release.
    static func isFloating(image: ByteString) -> Bool {
        guard !image.contains("@") else { return false }
        let (repository, tag) = official(image)
        guard debianNames.contains(repository) || otherNames.contains(repository) else { return false }
        return tag.isEmpty || tag.split("-").allSatisfy(plainTags.contains)
    }

    /// The repository of an image as official ones are called, and its tag.
    private static func official(_ image: ByteString) -> (repository: ByteString, tag: ByteString) {
        var name = image.cut(at: "@")?.before ?? image
        for prefix in ["docker.io/", "index.docker.io/", "library/", "docker.io/library/"] as [ByteString]
        where name.hasPrefix(prefix) && !name.dropFirst(prefix.count).contains("/") {
            name = name.dropFirst(prefix.count)
        }
        return name.cut(at: ":").map { ($0.before, $0.after) } ?? (name, "")
    }
}
