internal import Formats
internal import Host
internal import Shim

/// Starts shells and asks each what `docker` is. They get nothing of the caller's environment except for the user's
/// identity.
struct ShellProbe {
    /// The ways to start a shell; they differ in the files that it reads.
    enum Kind: CaseIterable {
        case loginTyped, typed, login, script

        /// For people.
        var name: ByteString {
            switch self {
            case .loginTyped: "typed, login"
            case .typed: "typed"
            case .login: "script, login"
            case .script: "script"
            }
        }

        var flags: [ByteString] {
            switch self {
            case .loginTyped: ["-l", "-i"]
            case .typed: ["-i"]
            case .login: ["-l"]
            case .script: []
            }
        }
    }

    private let user: [ByteString]
    private let search: ByteString
    private let shims: ByteString
    private let patience: Int64
    private let home: ByteString
    private let configuration: ByteString
    /// A folder for answers, and for fish, which writes as soon as it starts; created on demand.
    private var scratch: ByteString?
    private var hasFishSettings = false

    init(_ context: ProcessContext, shims: ByteString, patience: Int64) {
        let kept: [ByteString] = ["HOME", "USER", "LOGNAME", "ZDOTDIR"]
        user = kept.compactMap { name in context.variable(name).map { name + "=" + $0 } } + ["TERM=dumb"]
        // The PATH of such a process before any file is read; install.sh uses the same.
        search =
            context.user == 0
            ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : "/usr/local/bin:/usr/bin:/bin"
        self.shims = shims
        self.patience = patience
        home = context.variable("HOME") ?? "/"
        configuration = context.variable("XDG_CONFIG_HOME") ?? home.appending(path: ".config")
    }

    /// What a shell of a kind runs, by itself and with a parent whose PATH has the shim first.
    mutating func verdict(_ name: ByteString, _ shell: ByteString, _ kind: Kind) -> ShellFacts.Verdict {
        let common = user + ["SHELL=" + shell] + folders(for: name)
        guard let plain = ask(name, shell, kind.flags, common + ["PATH=" + search]) else { return .silent }
        if ProgramSearch.isShim(plain) { return .shim }
        guard let led = ask(name, shell, kind.flags, common + ["PATH=" + shims + ":" + search]) else { return .silent }
        return ProgramSearch.isShim(led) ? .inherited : .other(plain)
    }

    /// What a shell without any environment runs: it has its built-in PATH.
    mutating func bareVerdict(_ shell: ByteString) -> ShellFacts.Verdict {
        guard let found = ask("sh", shell, [], []) else { return .silent }
        return ProgramSearch.isShim(found) ? .shim : .other(found)
    }

    /// The text between the last two "@" lines in the shell's answer; nil if there is none. It goes to a separate file:
    /// output of startup files is not an answer, and Debian's busybox prints a greeting in the middle of a command.
    private mutating func ask(
        _ name: ByteString, _ shell: ByteString, _ flags: [ByteString], _ environment: [ByteString]
    ) -> ByteString? {
        guard let answer = makeScratch()?.appending(path: "answer") else { return nil }
        try? Files.remove(answer)
        // Some users have "set -e" in their files; older versions of fish do not know "||".
        let asked: ByteString = "command -v docker >>\"$SLIPWAY_ANSWER\"" + (name == "fish" ? "; " : " || true; ")
        let line: ByteString = "printf '\\n@\\n' >>\"$SLIPWAY_ANSWER\""
        let arguments = [name] + flags + ["-c", line + "; " + asked + line]
        let said = try? Execution.askAlone(
            shell, arguments: arguments, environment: .entries(environment + ["SLIPWAY_ANSWER=" + answer]),
            nanoseconds: patience, limit: 1 << 20)
        guard said != nil, let text = try? Files.read(answer, limit: 65_536, followLinks: false) else { return nil }
        return Self.docker(in: text)
    }

    /// A file if one is named, otherwise the first line (an alias), which may be empty.
    static func docker(in text: ByteString) -> ByteString? {
        let lines = text.split("\n")
        guard let last = lines.lastIndex(of: "@"), let first = lines[..<last].lastIndex(of: "@") else { return nil }
        let said = lines[(first + 1)..<last].filter { !$0.isEmpty }
        return said.last { $0.hasPrefix("/") && ProcessContext.isProgram($0) } ?? said.first ?? ""
    }

    private mutating func makeScratch() -> ByteString? {
        if scratch == nil { scratch = try? Files.makeTemporaryFolder(prefix: "slipway-doctor-") }
        return scratch
    }

    private mutating func folders(for shell: ByteString) -> [ByteString] {
        guard shell == "fish" else { return ["XDG_CONFIG_HOME=" + configuration] }
        guard let scratch = makeScratch() else { return [] }
        if !hasFishSettings {
            hasFishSettings = true
            var budget = 1000
            Files.copy(
                configuration.appending(path: "fish"), to: scratch.appending(path: "config/fish"), &budget)
        }
        return [
            "XDG_CONFIG_HOME=" + scratch.appending(path: "config"), "XDG_DATA_HOME=" + scratch.appending(path: "data"),
            "XDG_CACHE_HOME=" + scratch.appending(path: "data"), "XDG_STATE_HOME=" + scratch.appending(path: "data"),
        ]
    }

    /// Removes what was made.
    func cleanUp() {
        if let scratch { try? Files.removeTree(scratch) }
    }
}

extension Files {
    /// Copies a folder of small files, following links, as far as possible: at most `budget` entries and eight
    /// levels.
    fileprivate static func copy(_ source: ByteString, to target: ByteString, _ budget: inout Int, depth: Int = 8) {
        guard depth > 0, let status = try? Files.status(source) else { return }
        if status.kind == .directory {
            try? Files.makeDirectories(target, mode: 0o700)
            for name in (try? Files.names(in: source, limit: 1000)) ?? [] {
                guard budget > 0 else { return }
                budget -= 1
                copy(source.appending(path: name), to: target.appending(path: name), &budget, depth: depth - 1)
            }
        } else if let text = try? Files.read(source, limit: 1 << 20) {
            try? Files.replace(target, with: text, mode: 0o600)
        }
    }
}
