internal import Formats
internal import Host
internal import Shim

/// Which docker each kind of shell runs. That cannot be derived by reading the shells' startup files, so each shell
/// is started and asked.
struct ShellFacts {
    /// A `docker` on PATH.
    struct Docker: Equatable {
        let path: ByteString
        let isShim: Bool
        /// Equal for equal content; nil if it is not a shim.
        var content: ByteString?
    }

    /// What `docker` is in a shell.
    enum Verdict: Equatable {
        /// The shim, whatever its parent's PATH is.
        case shim
        /// The shim, if its parent's PATH has it first.
        case inherited
        /// Something else; empty for nothing.
        case other(ByteString)
        /// No answer in time.
        case silent
    }

    /// A shell and how it was started.
    struct Answer: Equatable {
        let shell: ByteString
        let kind: ByteString
        let verdict: Verdict
        /// Whether it was started with an empty environment.
        var isBare = false
    }

    /// In the order of PATH.
    var dockers: [Docker] = []
    /// The installed shim, wherever it was found.
    var shim: ByteString?
    /// Whether the shim lies below the user's HOME.
    var isForOneUser = false
    /// Whether SLIPWAY=off is set.
    var isBypassed = false
    var answers: [Answer] = []

    /// Whether `docker`, run where the doctor was, is the shim.
    var isReachedHere: Bool { dockers.first?.isShim == true }

    func findings() -> [Finding] {
        guard let shim else { return [Finding(.shimMissing)] }
        var findings: [Finding] = []
        if isBypassed { findings.append(Finding(.bypassSet)) }
        if !isReachedHere {
            let first = dockers.first.map { $0.path } ?? "no docker"
            let isOnPath = dockers.contains { $0.isShim }
            findings.append(
                Finding(
                    isOnPath ? .shimShadowed : .shimNotOnPath, first + ", the shim is " + shim, path: shim.parentPath))
        }
        let shims = dockers.filter { $0.content != nil }
        if Set(shims.map(\.content)).count > 1 {
            findings.append(Finding(.severalShims, .listing(shims.map(\.path))))
        }
        return findings + answersFindings()
    }

    private func answersFindings() -> [Finding] {
        var findings: [Finding] = []
        var reached: [Answer] = []
        var silent: [Answer] = []
        var missing: [(what: ByteString, answers: [Answer])] = []
        for answer in answers {
            let what: ByteString
            switch answer.verdict {
            case .shim:
                reached.append(answer)
                continue
            case .inherited where isReachedHere:
                reached.append(answer)
                continue
            case .silent:
                silent.append(answer)
                continue
            case .other(let docker) where answer.isBare:
                let check: Check = isForOneUser ? .bareShellOfOneUser : .bareShellMissesShim
                findings.append(Finding(check, docker.isEmpty ? "no docker" : docker))
                continue
            case .inherited: what = "what their parent's PATH has"
            case .other(let docker): what = docker.isEmpty ? "no docker" : docker
            }
            if let index = missing.firstIndex(where: { $0.what == what }) {
                missing[index].answers.append(answer)
            } else {
                missing.append((what, [answer]))
            }
        }
        if !missing.isEmpty {
            let parts = missing.map { $0.what + " in " + Self.names($0.answers) }
            findings.append(Finding(.shellMissesShim, parts.joined(separator: "; ")))
        }
        if !silent.isEmpty { findings.append(Finding(.shellSilent, Self.names(silent))) }
        if !reached.isEmpty { findings.append(Finding(.shellsFindShim, Self.names(reached))) }
        return findings
    }

    /// "bash (typed; script), zsh": only a shell's name if all of its kinds are meant.
    private static func names(_ answers: [Answer]) -> ByteString {
        var shells: [(name: ByteString, kinds: [ByteString])] = []
        for answer in answers {
            if let index = shells.firstIndex(where: { $0.name == answer.shell }) {
                shells[index].kinds.append(answer.kind)
            } else {
                shells.append((answer.shell, [answer.kind]))
            }
        }
        let all = ShellProbe.Kind.allCases.map(\.name)
        return shells.map { shell in
            all.allSatisfy(shell.kinds.contains)
                ? shell.name : shell.name + " (" + shell.kinds.joined(separator: "; ") + ")"
        }.joined(separator: ", ")
    }
}

extension ShellFacts {
    /// Searches PATH and asks the shells, each for at most this many nanoseconds.
    static func gather(_ context: ProcessContext, patience: Int64 = 10_000_000_000) -> ShellFacts {
        var facts = ShellFacts()
        facts.isBypassed = context.variable("SLIPWAY") == "off"
        facts.dockers = context.path.map { $0.appending(path: "docker") }.filter(ProcessContext.isProgram).map {
            Docker(path: $0, isShim: ProgramSearch.isShim($0))
        }
        facts.compareShims()
        facts.shim = facts.dockers.first { $0.isShim }?.path ?? installedShim(context)
        guard let shim = facts.shim else { return facts }
        if let home = context.variable("HOME") {
            facts.isForOneUser = shim.relative(to: home.cleanedPath) != nil
            // Root does not run another user's shell files, even though a `sudo` that keeps HOME would do so.
            let owner = (try? Files.status(home))?.owner
            guard context.user != 0 || owner == nil || owner == 0 else { return facts }
        }
        var probe = ShellProbe(context, shims: shim.parentPath, patience: patience)
        defer { probe.cleanUp() }
        for name in ["bash", "zsh", "fish", "sh"] as [ByteString] {
            guard let shell = context.find(name) else { continue }
            for kind in ShellProbe.Kind.allCases {
                let verdict = probe.verdict(name, shell, kind)
                facts.answers.append(Answer(shell: name, kind: kind.name, verdict: verdict))
            }
        }
        if let shell = context.find("sh") {
            let verdict = probe.bareVerdict(shell)
            facts.answers.append(Answer(shell: "sh", kind: "empty environment", verdict: verdict, isBare: true))
        }
        return facts
    }

    /// The shim's path from install.sh, relative to the admin program: PREFIX/bin/slipway,
    /// PREFIX/lib/slipway/shims/docker.
    private static func installedShim(_ context: ProcessContext) -> ByteString? {
        let prefix = context.program.parentPath.parentPath
        let path = prefix.appending(path: "lib/slipway/shims/docker")
        return ProcessContext.isProgram(path) && ProgramSearch.isShim(path) ? path : nil
    }

    /// Files are read only if there are two that may differ.
    private mutating func compareShims() {
        var files: [FileStatus] = []
        for docker in dockers where docker.isShim {
            guard let status = try? Files.status(docker.path) else { continue }
            if !files.contains(where: { $0.isSameFile(as: status) }) { files.append(status) }
        }
        guard files.count > 1 else { return }
        for index in dockers.indices where dockers[index].isShim {
            guard let text = try? Files.read(dockers[index].path, limit: 256 << 20) else { continue }
            dockers[index].content = SHA256.hexDigest(of: text)
        }
    }
}
