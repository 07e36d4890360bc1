internal import Formats

/// What holds at one place of a stage: variables, the user, the shell, and what earlier instructions have set up.
struct StageState: Sendable {
    /// A variable's value where it is known, and who set it.
    struct Variable: Sendable {
        /// nil where it depends on what is not known here.
        var value: ByteString?
        /// In the file.
        var place: Range<Int>
        /// ARG: it counts in this stage only.
        var isArgument: Bool
    }

    enum User: Equatable, Sendable {
        /// Nobody said so: most base images leave it at root.
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

    /// What is known of the image that the stage begins with.
    enum Base: Sendable {
        /// A stage of this file whose own base is looked up already, or an image of unknown making.
        case unknown
        /// Debian's or Ubuntu's, or one of the official images made from them: apt's `docker-clean` is in it, the user is root.
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
    /// Official images that set GOPATH to /go.
    var isGolang = false
    /// apt's `docker-clean` was taken away, or emptied.
    var keepsArchives = false
    /// `Binary::apt::APT::Keep-Downloaded-Packages "true"` was written.
    var keepsDownloads = false
    /// Where `no-cache-dir` was written to pip's configuration.
    var pipConfiguration: Range<Int>?

    // A file with more variables than this is no file that people wrote; what is beyond is not known.
    private static let mostVariables = 512

    mutating func set(_ name: ByteString, _ variable: Variable) {
        guard variables.count < Self.mostVariables || variables[name] != nil else { return }
        // ENV wins over an ARG of its name, wherever they stand.
        if variable.isArgument, let old = variables[name], !old.isArgument { return }
        variables[name] = variable
    }

    /// A value in force that is not empty.
    func value(_ name: ByteString) -> Variable? {
        guard let variable = variables[name], variable.value != "" else { return nil }
        return variable
    }

    /// What a stage that begins from this one has of it.
    var inherited: StageState {
        var copy = self
        copy.variables = variables.filter { !$0.value.isArgument }
        copy.shell = .posix
        copy.shellEndsOnError = false
        return copy
    }

    // MARK: - The user

    /// The user's number, if it is known.
    var uid: Int? {
        switch user {
        case .root, .assumedRoot: 0
        case .number(let number): number
        case .name(let name): accounts[name]?.uid
        case .unknown: nil
        }
    }

    /// Certainly root: said so, or an official image whose user is root.
    var isSurelyRoot: Bool { user == .root || user == .assumedRoot && base != .unknown }

    /// Certainly not root.
    var isSurelyOther: Bool {
        switch user {
        case .number(let number): number != 0
        case .name: true
        default: false
        }
    }

    /// The home directory; nil in doubt.
    var home: ByteString? {
        if let variable = value("HOME") { return variable.value }
        switch user {
        case .root, .assumedRoot: return "/root"
        case .name(let name): return accounts[name]?.home
        case .number(let number):
            // Without an account docker sets HOME to "/"; the base may have one.
            return accounts.filter { $0.value.uid == number }.min { $0.key < $1.key }?.value.home
        case .unknown: return nil
        }
    }

    // MARK: - Expanding

    /// A longer value is none that anybody asks about. Without a bound each `ENV A=$A$A` would double it.
    private static let longestValue = 1024

    /// `$NAME`, `${NAME}`, `${NAME:-x}` and `${NAME-x}`; nil where a part is not known, and for what becomes too long.
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
    // Official images by their names; what is made from Alpine, or has a user of its own, is not here.
    private static let debianNames: Set<ByteString> = [
        "debian", "ubuntu", "python", "node", "golang", "ruby", "rust", "openjdk", "php", "perl", "buildpack-deps",
        "gcc",
        "haskell", "pypy", "erlang", "elixir", "nginx", "httpd", "postgres", "mysql", "redis", "julia", "r-base",
    ]
    private static let otherNames: Set<ByteString> = [
        "alpine", "fedora", "amazonlinux", "rockylinux", "almalinux", "busybox",
    ]

    /// What the name of an image tells: "python:3.12-slim" is Debian's, "python:3.12-alpine" is not.
    init(image: ByteString) {
        var name = image.cut(at: "@")?.before ?? image
        for prefix in ["docker.io/", "index.docker.io/", "library/", "docker.io/library/"] as [ByteString]
        where name.hasPrefix(prefix) && !name.dropFirst(prefix.count).contains("/") {
            name = name.dropFirst(prefix.count)
        }
        let (repository, tag) = name.cut(at: ":").map { ($0.before, $0.after) } ?? (name, "")
        if Self.debianNames.contains(repository) {
            self = tag.range(of: "alpine") == nil ? .debian : .official
        } else {
            self = Self.otherNames.contains(repository) ? .official : .unknown
        }
    }
}
