internal import Formats

/// A program that a RUN starts, anywhere in it: after `sudo`, in `sh -c`, in a here-document.
struct Call: Sendable {
    /// The index of the script in the RUN, and of the command in the script.
    let script: Int
    let command: Int
    let program: Program
    /// The index of the word with the program's name; its arguments follow.
    let name: Int
    /// The indices of `NAME=value` before it.
    let assignments: [Int]
    /// Whether it runs as another user than the RUN.
    let user: OtherUser

    enum OtherUser: Sendable {
        case none
        /// By `su`, which was measured.
        case su
        /// By sudo, gosu and similar programs.
        case other
    }
}

/// Everything that one RUN runs.
struct Calls {
    private(set) var scripts: [ShellScript] = []
    private(set) var all: [Call] = []
    // For each script, the calls of each of its commands.
    private var byCommand: [[Int]] = []
    // The values that variables get for the rest of a script, in the order of the commands.
    private var exports: [ByteString: [(call: Int, word: Int)]] = [:]
    /// Whether a failing command in a list ends the script: `set -e`, or a shell started with that option.
    private(set) var endsOnError = false

    private let isTimeUp: () -> Bool

    private static let deepest = 6
    // How many commands of a list are searched for one that makes a failure harmless.
    private static let farthest = 64

    /// Empty. When the time is up, parts of scripts are left out.
    init(isTimeUp: @escaping () -> Bool) { self.isTimeUp = isTimeUp }

    /// Adds a script. `endsOnError` is the shell's own `-e`.
    mutating func add(_ script: ShellScript, endsOnError: Bool = false, user: Call.OtherUser = .none, depth: Int = 0) {
        if endsOnError { self.endsOnError = true }
        let index = scripts.count
        scripts.append(script)
        byCommand.append(Array(repeating: -1, count: script.commands.count))
        for number in script.commands.indices where number % 64 != 0 || !isTimeUp() {
            addCall(index, number, user, depth)
        }
    }

    private mutating func addCall(_ script: Int, _ number: Int, _ outerUser: Call.OtherUser, _ depth: Int) {
        let bytes = scripts[script].text.bytes
        let words = scripts[script].commands[number].words
        var user = outerUser
        var assignments: [Int] = []
        var index = 0
        while index < words.count {
            let word = words[index]
            if word.inner == nil, isAssignment(bytes, word.range) {
                assignments.append(index)
                index += 1
                continue
            }
            var program = Program(bytes, word.inner ?? word.range)
            switch program {
            case .keyword: index += 1
            case .wrapper, .env, .xargs:
                index = afterOptions(index, words, bytes, takingValues: program == .env ? "uC" : "nI")
            case .timeout: index = afterOptions(index, words, bytes, takingValues: "ks") + 1
            case .sudo:
                let next = afterOptions(index, words, bytes, takingValues: "ugphCrt")
                let names = words[index..<min(next, words.count)]
                let isOther = names.contains {
                    bytes.hasPrefix("-u", at: $0.range) || bytes.hasPrefix("--user", at: $0.range)
                }
                if isOther { user = .other }
                index = next
            case .gosu:
                user = .other
                index += 2
            case .runuser, .su:
                addNested(words.dropFirst(index + 1), script, user: program == .su ? .su : .other, depth)
                guard program == .runuser else { return }
                user = .other
                index = afterOptions(index, words, bytes, takingValues: "ugG")
            case .shell:
                addNested(words.dropFirst(index + 1), script, user: user, depth)
                append(
                    Call(
                        script: script, command: number, program: program, name: index, assignments: assignments,
                        user: user))
                return
            default:
                if program == .python, let module = pipModule(words, index, bytes) {
                    program = .pip
                    index = module
                }
                if program == .set, words.dropFirst(index + 1).contains(where: { isErrorOption(bytes, $0.range) }) {
                    endsOnError = true
                }
                if program != .other || !assignments.isEmpty {
                    append(
                        Call(
                            script: script, command: number, program: program == .python ? .interpreter : program,
                            name: index, assignments: assignments, user: user))
                }
                return
            }
        }
        if !assignments.isEmpty {
            // A command of assignments only: they hold for the rest of the script.
            append(
                Call(script: script, command: number, program: .export, name: -1, assignments: assignments, user: user))
        }
    }

    /// `-c` and its script.
    private mutating func addNested(
        _ words: ArraySlice<ShellScript.Word>, _ script: Int, user: Call.OtherUser, _ depth: Int
    ) {
        guard depth < Self.deepest else { return }
        let text = scripts[script].text
        guard let option = words.firstIndex(where: { isCommandOption(text.bytes, $0.range) }),
            let word = words[(option + 1)...].first, let inner = word.inner
        else { return }
        let options = words[..<option] + [words[option]]
        add(
            ShellScript(text, inner), endsOnError: options.contains { isErrorOption(text.bytes, $0.range) }, user: user,
            depth: depth + 1)
    }

    private func isAssignment(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard let first = range.first, !bytes[first].isDigit,
            let equals = bytes.firstIndex(of: UInt8(ascii: "="), in: range), equals > first
        else { return false }
        return bytes[first..<equals].allSatisfy(\.isNameByte)
    }

    private func isCommandOption(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.holds("--command", at: range)
            || range.count > 1 && bytes[range.lowerBound] == UInt8(ascii: "-")
                && bytes[range.lowerBound + 1] != UInt8(ascii: "-") && bytes[range.upperBound - 1] == UInt8(ascii: "c")
    }

    private func isErrorOption(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.holds("errexit", at: range)
            || range.count > 1 && bytes[range.lowerBound] == UInt8(ascii: "-")
                && bytes[range.lowerBound + 1] != UInt8(ascii: "-")
                && bytes.firstIndex(of: UInt8(ascii: "e"), in: range) != nil
    }

    /// The index after a program's own options; those with these letters take the next word as their value.
    private func afterOptions(
        _ index: Int, _ words: [ShellScript.Word], _ bytes: [UInt8], takingValues letters: StaticString
    ) -> Int {
        var index = index + 1
        while index < words.count, let first = words[index].range.first, bytes[first] == UInt8(ascii: "-") {
            let range = words[index].range
            index += 1
            if bytes.holds("--", at: range) { break }
            if range.count == 2, letters.withUTF8Buffer({ $0.contains(bytes[first + 1]) }) { index += 1 }
        }
        return index
    }

    /// `-m pip` of Python: the index of the module's name.
    private func pipModule(_ words: [ShellScript.Word], _ index: Int, _ bytes: [UInt8]) -> Int? {
        var index = index + 1
        while index + 1 < words.count, let first = words[index].range.first, bytes[first] == UInt8(ascii: "-") {
            if bytes.hasSuffix("m", at: words[index].range), !bytes.hasPrefix("--", at: words[index].range) {
                let module = words[index + 1]
                return Program.isVersioned("pip", bytes, module.inner ?? module.range) ? index + 1 : nil
            }
            index += bytes.holds("-X", at: words[index].range) || bytes.holds("-W", at: words[index].range) ? 2 : 1
        }
        return nil
    }

    private mutating func append(_ call: Call) {
        byCommand[call.script][call.command] = all.count
        all.append(call)
        guard call.program == .export else { return }
        let bytes = scripts[call.script].text.bytes
        for index in Array(arguments(of: call)) + call.assignments {
            let range = content(index, of: call)
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "="), in: range), equals - range.lowerBound < 32 else {
                continue
            }
            exports[ByteString(bytes[range.lowerBound..<equals]), default: []].append((all.count - 1, index))
        }
    }

    // MARK: - Asking

    /// Whether a program or package is named anywhere: `git`, and `git=1:2.*` for apt.
    func names(_ word: StaticString) -> Bool {
        scripts.contains { script in
            script.commands.contains { command in
                command.words.contains { one in
                    let (bytes, range) = (script.text.bytes, one.inner ?? one.range)
                    guard bytes.hasPrefix(word, at: range) else { return false }
                    let next = range.lowerBound + word.utf8CodeUnitCount
                    return next == range.upperBound || bytes[next] == UInt8(ascii: "=")
                }
            }
        }
    }

    /// The call for a command, if it is one.
    func call(_ script: Int, _ command: Int) -> Call? {
        guard byCommand.indices.contains(script), byCommand[script].indices.contains(command) else { return nil }
        let index = byCommand[script][command]
        return all.indices.contains(index) ? all[index] : nil
    }

    /// The last assignment of a variable before a call.
    func export(of name: ByteString, before call: Call) -> (call: Call, word: Int)? {
        guard let exports = exports[name] else { return nil }
        let own = byCommand[call.script][call.command]
        var (low, high) = (0, exports.count)
        while low < high {
            let middle = (low + high) / 2
            if exports[middle].call < own { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? (all[exports[low - 1].call], exports[low - 1].word) : nil
    }

    func command(of call: Call) -> ShellScript.Command { scripts[call.script].commands[call.command] }

    /// The indices of a call's arguments.
    func arguments(of call: Call) -> Range<Int> {
        let count = command(of: call).words.count
        return min(call.name + 1, count)..<count
    }

    func value(_ index: Int, of call: Call) -> [UInt8] {
        scripts[call.script].value(of: command(of: call).words[index])
    }

    /// The range of a word in the RUN's text, without its quotes if one pair surrounds it.
    func content(_ index: Int, of call: Call) -> Range<Int> {
        let word = command(of: call).words[index]
        return word.inner ?? word.range
    }

    func bytes(of call: Call) -> [UInt8] { scripts[call.script].text.bytes }

    func holds(_ text: StaticString, _ index: Int, of call: Call) -> Bool {
        bytes(of: call).holds(text, at: content(index, of: call))
    }

    func hasPrefix(_ text: StaticString, _ index: Int, of call: Call) -> Bool {
        bytes(of: call).hasPrefix(text, at: content(index, of: call))
    }

    /// Arguments that are not options, to the extent that this can be told without knowing which options take values.
    func positionals(of call: Call) -> [Int] {
        arguments(of: call).filter { !hasPrefix("-", $0, of: call) }
    }

    /// The range of a word in the file.
    func place(_ index: Int, of call: Call) -> Range<Int> {
        scripts[call.script].text.source(of: command(of: call).words[index].range)
    }

    /// Where the call starts in the file: at the program's name.
    func start(of call: Call) -> Int {
        let command = command(of: call)
        let start = command.words.indices.contains(call.name) ? command.words[call.name].range : command.range
        return scripts[call.script].text.source(of: start.lowerBound)
    }

    /// Whether the script fails if this command fails.
    func isFatal(_ call: Call) -> Bool {
        let commands = scripts[call.script].commands
        // In a group, what follows the group decides, so the answer is no.
        guard commands[call.command].feeds == nil, commands[call.command].depth == 0 else { return false }
        let depth = 0
        var index = call.command
        for _ in 0..<Self.farthest {
            switch commands[index].after {
            case .edge: return true
            case .or, .pipe, .background: return false
            case .and: break
            case .sequence:
                // If nothing follows it, it is the last one.
                return endsOnError || !commands[(index + 1)...].contains { $0.depth <= depth && $0.feeds == nil }
            }
            guard let next = commands[(index + 1)...].firstIndex(where: { $0.depth == depth && $0.feeds == nil })
            else { return true }
            index = next
        }
        return false
    }
}
