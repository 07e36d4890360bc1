internal import Formats

// What the shell makes of a RUN's words.

extension Linter {
    mutating func lintShell(_ run: Run) {
        guard !run.instruction.isJSON || run.calls.scripts.count > 1 else { return }
        for call in run.calls.all {
            guard !mustStop else { return }
            switch call.program {
            case .pip, .uv, .npm, .yarn: lintVersions(call, run)
            case .curl, .wget: lintDownload(call, run)
            default: break
            }
        }
    }

    /// `pip install pip>=24.0`
    private mutating func lintVersions(_ call: Call, _ run: Run) {
        let script = run.calls.scripts[call.script]
        let command = script.commands[call.command]
        guard !command.redirections.isEmpty else { return }
        let bytes = script.text.bytes
        for (number, redirection) in command.redirections.enumerated() {
            guard let word = redirection.touches, word > call.name, redirection.sign.count == 1,
                let first = redirection.target.range.first, first == redirection.sign.upperBound
            else { continue }
            let isOut = bytes[redirection.sign.lowerBound] == UInt8(ascii: ">")
            let target = bytes[redirection.target.range]
            let isVersion = target.allSatisfy { $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "*") }
            let isEquals = bytes[first] == UInt8(ascii: "=")
            guard isEquals || isVersion && (target.contains(UInt8(ascii: ".")) || !isOut) else { continue }
            var end = redirection.target.range.upperBound
            for next in command.redirections.dropFirst(number + 1) {
                guard next.sign.lowerBound == end else { break }
                end = next.target.range.upperBound
            }
            let range = command.words[word].range.lowerBound..<end
            let inside = bytes[range]
            let isPlain = !inside.contains { [0x22, 0x27, 0x5C, 0x60].contains($0) || $0.isSpace }
            // Inside the quotes of `sh -c` it is unclear which quotes may be added.
            let isOutermost = call.script == 0 && !run.instruction.isJSON
            var fix: Fix?
            if isPlain, isOutermost, isEquals || !isOut, script.text.isUnbroken(range) {
                let place = script.text.source(of: range)
                fix = Fix(place, "\"" + ByteString(inside) + "\"")
            }
            add(
                isOut ? .versionRedirected : .versionRead, at: script.text.source(of: range.lowerBound),
                ByteString(inside), fix: fix)
        }
    }

    /// `curl ... | sh`, `sh -c "$(curl ...)"` and `bash <(curl ...)`
    private mutating func lintDownload(_ call: Call, _ run: Run) {
        let commands = run.calls.scripts[call.script].commands
        let command = commands[call.command]
        if let parent = command.feeds, let shell = run.calls.call(call.script, parent), shell.program == .shell,
            isScript(command, of: shell, run.calls)
        {
            add(.downloadExecuted, at: run.calls.start(of: call))
        }
        var index = call.command
        for _ in 0..<8 where commands[index].after == .pipe {
            guard
                let next = commands[(index + 1)...].firstIndex(where: {
                    $0.depth == command.depth && $0.feeds == command.feeds
                })
            else { return }
            index = next
            guard let receiver = run.calls.call(call.script, index) else { continue }
            if executes(receiver, run.calls) {
                add(.downloadExecuted, at: run.calls.start(of: call))
                return
            }
        }
    }

    /// Whether what a command prints is a shell's script, or a file that the shell executes. In other words it is data.
    private func isScript(_ command: ShellScript.Command, of shell: Call, _ calls: Calls) -> Bool {
        let (words, bytes) = (calls.command(of: shell).words, calls.bytes(of: shell))
        guard let index = words.firstIndex(where: { $0.range.contains(command.range.lowerBound) }), index > shell.name
        else { return false }
        let word = bytes.trimmed(words[index].range) { $0 == UInt8(ascii: "\"") }
        let followsOption = bytes.hasPrefix("-", at: words[index - 1].range)
        if bytes.hasPrefix("<(", at: word) { return followsOption || index == shell.name + 1 }
        return followsOption && (bytes.hasPrefix("$(", at: word) || bytes.hasPrefix("`", at: word))
    }

    /// Whether it executes what it reads.
    private func executes(_ call: Call, _ calls: Calls) -> Bool {
        let arguments = calls.arguments(of: call)
        switch call.program {
        case .shell:
            // `-s` passes arguments to the script on standard input; with a script file standard input is data.
            for index in arguments {
                if calls.hasPrefix("-", index, of: call) {
                    let option = calls.value(index, of: call)
                    if option.contains(UInt8(ascii: "s")), !option.starts(with: [0x2D, 0x2D]) { return true }
                    if option.contains(UInt8(ascii: "c")), !option.starts(with: [0x2D, 0x2D]) { return false }
                    continue
                }
                return calls.holds("/dev/stdin", index, of: call)
            }
            return true
        case .interpreter:
            return arguments.allSatisfy { calls.holds("-", $0, of: call) || calls.holds("-u", $0, of: call) }
                || arguments.first.map { calls.holds("-", $0, of: call) } ?? false
        default: return false
        }
    }
}
