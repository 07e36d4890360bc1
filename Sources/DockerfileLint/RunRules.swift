internal import Formats

/// A RUN with everything that the rules need to know about it.
struct Run {
    let instruction: Dockerfile.Instruction
    var calls: Calls
    /// The mounts with their targets after expansion; nil if unknown.
    var mounts: [(mount: Mount, target: ByteString?)] = []

    /// Whether a variable is unset somewhere.
    var unsets = false

    /// Cache mounts only.
    var caches: [(mount: Mount, target: ByteString?)] { mounts.filter { $0.mount.kind == .cache } }

    func covers(_ path: ByteString) -> (mount: Mount, target: ByteString?)? {
        caches.first { one in one.target.map { path.relative(to: $0) != nil } ?? false }
    }

    /// The range of a mount's flag in the file.
    func place(of mount: Mount) -> Range<Int> { instruction.text.source(of: mount.flag) }
}

extension Linter {
    // People do not write RUNs with more flags than this.
    private static let mostMounts = 64

    mutating func lintRun(_ instruction: Dockerfile.Instruction) {
        var run = Run(instruction: instruction, calls: Calls(isTimeUp: isTimeUp))
        for flag in instruction.flags.prefix(Self.mostMounts) {
            guard let mount = Mount(instruction.text, flag, escape: file.escape) else { continue }
            let target = mount.target.flatMap(now.expand).map { $0.hasPrefix("/") ? $0.cleanedPath : $0 }
            run.mounts.append((mount, target))
        }
        guard addScripts(of: instruction, to: &run.calls) else {
            stage.mayUseGit = true
            return
        }
        let text = instruction.text.bytes
        run.unsets =
            text.contains("unset", in: 0..<text.count)
            || instruction.heredocs.contains { file.source.bytes.contains("unset", in: $0.body) }
        lintWhatComesBefore(run)
        lintShell(run)
        lintMountsApart(run)
        noteAccounts(run.calls)
        notePipConfiguration(run)
        noteApt(run)
        lintPip(run)
        lintNode(run)
        lintUvAndGo(run)
        lintApt(run)
        lintRemovals(run)
    }

    /// Adds everything that a RUN runs; false if its shell is not supported.
    private func addScripts(of instruction: Dockerfile.Instruction, to calls: inout Calls) -> Bool {
        let text = instruction.text
        if instruction.isJSON {
            calls.add(ShellScript(text, words: JSONWords.find(in: text, instruction.arguments)))
            return true
        }
        guard now.shell == .posix else { return false }
        let bytes = file.source.bytes
        let words = WordScanner.words(of: instruction.arguments, in: text.bytes, escape: file.escape)
        guard let heredoc = instruction.heredocs.first else {
            calls.add(ShellScript(text, instruction.arguments), endsOnError: now.shellEndsOnError)
            return true
        }
        // `RUN <<EOF`: its lines are the script, run by a shell unless its first line names another program.
        let isScript = words.first == heredoc.word && words.count == 1
        let isForShell =
            words.first.map { Program(text.bytes, $0) } == .shell
            && words.dropFirst().allSatisfy { $0 == heredoc.word || text.bytes.hasPrefix("-", at: $0) }
        guard isScript || isForShell else {
            calls.add(ShellScript(text, instruction.arguments), endsOnError: now.shellEndsOnError)
            return true
        }
        if bytes.hasPrefix("#!", at: heredoc.body) {
            let end = bytes.firstIndex(of: 0x0A, in: heredoc.body) ?? heredoc.body.upperBound
            let line = bytes.trimmed(heredoc.body.lowerBound + 2..<end, \.isSpace)
            guard bytes.contains("sh", in: line), !bytes.contains("fish", in: line), !bytes.contains("pwsh", in: line)
            else { return false }
        }
        let ends = words.dropFirst().contains { text.bytes.hasPrefix("-", at: $0) && text.bytes.contains("e", in: $0) }
        calls.add(ShellScript(LogicalText(bytes, heredoc.body)), endsOnError: ends || isScript && now.shellEndsOnError)
        return true
    }

    // MARK: - What a RUN leaves behind

    private mutating func noteAccounts(_ calls: Calls) {
        for call in calls.all where call.program == .makesAccounts {
            let arguments = calls.arguments(of: call)
            guard let last = arguments.last(where: { !calls.hasPrefix("-", $0, of: call) }) else { continue }
            var name = ByteString(calls.value(last, of: call))
            // Debian's adduser: options may follow the name.
            if let first = arguments.first, !calls.hasPrefix("-", first, of: call) {
                name = ByteString(calls.value(first, of: call))
            }
            var account = StageState.Account(uid: nil, home: "/home/" + name)
            for index in arguments {
                let option = ByteString(calls.value(index, of: call))
                let next = arguments.contains(index + 1) ? ByteString(calls.value(index + 1, of: call)) : ""
                let isShort = option.hasPrefix("-") && !option.hasPrefix("--")
                if isShort && option.hasSuffix("u") || option == "--uid" {
                    account.uid = now.expand(next)?.decimal
                } else if option.hasPrefix("--uid=") {
                    account.uid = now.expand(option.dropFirst(6))?.decimal
                } else if isShort && option.hasSuffix("d") || option == "--home" || option == "--home-dir"
                    || option == "-h"
                {
                    account.home = now.expand(next)
                }
            }
            if now.accounts.count < 64 { now.accounts[now.expand(name) ?? name] = account }
        }
    }

    private mutating func notePipConfiguration(_ run: Run) {
        for call in run.calls.all where call.program == .pip {
            let arguments = run.calls.arguments(of: call)
            guard arguments.contains(where: { run.calls.holds("config", $0, of: call) }),
                arguments.contains(where: { run.calls.holds("set", $0, of: call) }),
                let name = arguments.first(where: {
                    run.calls.bytes(of: call).hasSuffix("no-cache-dir", at: run.calls.content($0, of: call))
                }), arguments.contains(name + 1)
            else { continue }
            let value = ByteString(run.calls.value(name + 1, of: call)).lowercasedASCII
            if ["true", "1", "yes", "on"].contains(value) { now.pipConfiguration = run.calls.place(name, of: call) }
        }
        let bytes = run.instruction.text.bytes
        let body = run.instruction.heredocs.first?.body ?? 0..<0
        let hasName =
            bytes.contains("pip.conf", in: run.instruction.arguments)
            || file.source.bytes.contains("pip.conf", in: body)
        guard hasName else { return }
        if Self.switchesPipOff(bytes, run.instruction.arguments) || Self.switchesPipOff(file.source.bytes, body) {
            now.pipConfiguration = run.instruction.start..<run.instruction.start
        }
    }

    /// Mounts with one target that are different caches.
    private mutating func lintMountsApart(_ run: Run) {
        for (mount, target) in run.caches {
            guard let target else { continue }
            let offset = run.place(of: mount).lowerBound
            guard let first = firstMounts[target] else {
                if firstMounts.count < 256 { firstMounts[target] = (mount, offset) }
                continue
            }
            let keys: [ByteString] = ["uid", "gid", "mode"]
            // An author who gives one of them an id wants it to be a cache of its own.
            if first.mount.value("id") != mount.value("id") { continue }
            if keys.contains(where: { first.mount.value($0) != mount.value($0) }) {
                add(.cacheMountsApart, at: offset, target)
            }
        }
    }
}

/// The strings of a JSON array as words of a command.
enum JSONWords {
    static func find(in text: LogicalText, _ range: Range<Int>) -> [ShellScript.Word] {
        var words: [ShellScript.Word] = []
        var position = range.lowerBound
        while let start = text.bytes.firstIndex(of: UInt8(ascii: "\""), in: position..<range.upperBound) {
            var (end, isPlain) = (start + 1, true)
            while end < range.upperBound, text.bytes[end] != UInt8(ascii: "\"") {
                if text.bytes[end] == 0x5C {
                    isPlain = false
                    end += 1
                }
                end += 1
            }
            let stop = min(end + 1, range.upperBound)
            words.append(
                .init(range: start..<stop, isQuoted: true, inner: isPlain ? start + 1..<max(start + 1, stop - 1) : nil))
            position = stop
        }
        return words
    }
}
