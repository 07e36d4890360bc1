public import Formats

/// Reads a Dockerfile's instructions in order and tracks the state at each.
public struct Linter {
    let file: Dockerfile
    let context: ContextFacts
    private let target: ByteString?
    private let most: Int
    private let largest: Int
    let isTimeUp: () -> Bool
    private var found: [Found] = []
    private var known: Set<Found.Place> = []
    // Lists of codes that comments suppress for the present instruction.
    private var ignored: [ByteString] = []

    var now = StageState()
    private var ends: [ByteString: StageState] = [:]
    private var globals = StageState()
    var stage = Stage()
    // The first cache mount for each target.
    var firstMounts: [ByteString: (mount: Mount, offset: Int)] = [:]
    // Fixes that omit docker-clean, applied once it is certain that every RUN with apt has the mount.
    var archiveFixes: [(index: Int, fix: Fix)] = []
    var installsOutsideMounts = false
    let lines: LineTable
    // Lazy, because few files copy their whole context before they install.
    private lazy var needed = StageUse.needed(in: file, target: target)

    /// What is known about a stage so far.
    struct Stage {
        var hasFrom = false
        /// Where the whole context was copied, whether steps follow, and whether one of them may read its .git.
        var copied: (offset: Int, silenced: [ByteString])?
        var hasStepsAfterCopy = false
        var mayUseGit = false
        var commitArguments: [(name: ByteString, offset: Int, silenced: [ByteString])] = []
        /// A RUN with pip's mount that does not use it, and one that installs without any.
        var unusedMount: (offset: Int, silenced: [ByteString])?
        var installsWithoutMount = false
    }

    private struct Found {
        struct Place: Hashable {
            let rule: Rule
            let offset: Int
        }
        let place: Place
        let detail: ByteString
        var fix: Fix?
    }

    /// The findings in a file, in the order of its lines; at most `most` of them. When the time is up, the remaining
    /// instructions are not examined, and one of more than `largest` bytes never is. `target` is the stage that is
    /// built; nil for the last one.
    public static func findings(
        in file: Dockerfile, context: ContextFacts = .unknown, target: ByteString? = nil, most: Int = .max,
        largest: Int = .max, isTimeUp: @escaping () -> Bool = { false }
    ) -> [Finding] {
        var linter = Linter(file, context, target, most, largest, isTimeUp)
        linter.lint()
        return linter.inOrder
    }

    /// The file with all safe fixes applied, and nothing else changed. Fixing it twice changes nothing more.
    public static func fixed(
        _ file: Dockerfile, context: ContextFacts = .unknown, where isWanted: (Finding) -> Bool = { _ in true }
    ) -> Dockerfile {
        var file = file
        // A fix may reveal further findings; a fix without effect is not repeated for ever.
        for _ in 0..<8 {
            let fixes = findings(in: file, context: context).filter(isWanted).compactMap(\.fix)
            let text = Fix.apply(fixes, to: file.source)
            if text == file.source { break }
            file = Dockerfile(text)
        }
        return file
    }

    private init(
        _ file: Dockerfile, _ context: ContextFacts, _ target: ByteString?, _ most: Int, _ largest: Int,
        _ isTimeUp: @escaping () -> Bool
    ) {
        self.file = file
        self.context = context
        self.target = target
        self.most = most
        self.largest = largest
        self.isTimeUp = isTimeUp
        lines = LineTable(file.source.bytes)
    }

    private var inOrder: [Finding] {
        found.sorted {
            ($0.place.offset, $0.place.rule.rawValue) < ($1.place.offset, $1.place.rule.rawValue)
        }.map { one in
            let place = lines.place(of: one.place.offset)
            return Finding(
                rule: one.place.rule, offset: one.place.offset, line: place.line, column: place.column,
                detail: one.detail, fix: one.fix)
        }
    }

    // MARK: - Findings

    /// Whether the limit of findings is reached.
    private var isFull: Bool { found.count >= most }

    /// Whether the limit of findings or the deadline is reached.
    var mustStop: Bool { isFull || isTimeUp() }

    /// Adds a finding, unless it exists already or is suppressed; returns its index.
    @discardableResult
    mutating func add(
        _ rule: Rule, at offset: Int, _ detail: ByteString = "", silenced: [ByteString]? = nil, fix: Fix? = nil
    ) -> Int? {
        guard !isFull else { return nil }
        let silenced = silenced ?? ignored
        if !silenced.isEmpty, silenced.contains(rule.code) { return nil }
        let place = Found.Place(rule: rule, offset: offset)
        guard known.insert(place).inserted else { return nil }
        found.append(Found(place: place, detail: detail, fix: fix))
        return found.count - 1
    }

    // MARK: - Instructions

    private mutating func lint() {
        lintSyntax()
        for instruction in file.instructions {
            guard !mustStop else { return }
            guard instruction.length <= largest else {
                stage.mayUseGit = true
                continue
            }
            ignored = instruction.ignored
            switch instruction.keyword {
            case .from: begin(instruction)
            case .arg: declare(instruction)
            case .env where !instruction.isOnBuild: setVariables(instruction)
            case .user where !instruction.isOnBuild: setUser(instruction)
            case .shell where !instruction.isOnBuild: setShell(instruction)
            case .copy, .add: lintCopy(instruction)
            case .run: lintRun(instruction)
            case .unknown: add(.instructionUnknown, at: instruction.start)
            default: break
            }
            for heredoc in instruction.heredocs where !heredoc.isEnded {
                add(
                    .heredocUnended, at: instruction.text.source(of: heredoc.word.lowerBound),
                    "no line is " + ByteString(heredoc.name).prefix(40))
            }
        }
        endStage()
        for (index, fix) in archiveFixes where !installsOutsideMounts { found[index].fix = fix }
    }

    private mutating func begin(_ instruction: Dockerfile.Instruction) {
        endStage()
        if !stage.hasFrom { globals = now }
        stage = Stage(hasFrom: true)
        let bytes = instruction.text.bytes
        let words = words(of: instruction)
        guard let image = words.first else {
            now = StageState()
            return
        }
        let written = ByteString(bytes[image])
        let expanded = globals.expand(written)
        let name = expanded ?? written
        if let earlier = ends[name.lowercasedASCII] {
            now = earlier.inherited
        } else {
            now = StageState()
            if expanded != nil {
                now.base = .init(image: name)
                now.mayHaveGit = !StageState.Base.isGitless(image: name)
                now.isGolang = now.base != .unknown && isRepository("golang", name)
                if isRepository("node", name), now.base != .unknown {
                    now.accounts["node"] = .init(uid: 1000, home: "/home/node")
                }
                // With a variable whoever builds chooses.
                if name == written, StageState.Base.isFloating(image: name) {
                    now.floatingBase = (name, instruction.text.source(of: image.lowerBound), ignored)
                }
            }
        }
        if words.count >= 3, bytes.holdsIgnoringCase("as", at: words[1]) {
            stageName = ByteString(bytes[words[2]]).lowercasedASCII
        } else {
            stageName = nil
        }
        stageNumber += 1
    }

    /// Whether the stage that is built depends on this one.
    var isStageNeeded: Bool { mutating get { needed?.contains(stageNumber) ?? true } }

    private var stageName: ByteString?
    private var stageNumber = -1

    private mutating func endStage() {
        guard stage.hasFrom else { return }
        if stage.installsWithoutMount, let mount = stage.unusedMount {
            add(.pipMountOnOtherRun, at: mount.offset, silenced: mount.silenced)
        }
        lintGitInContext()
        // A name that no stage uses as its base is not kept.
        if let stageName { ends[stageName] = now }
    }

    private func isRepository(_ repository: ByteString, _ image: ByteString) -> Bool {
        let name = image.lastPathComponent
        return name == repository || name.hasPrefix(repository + ":") || name.hasPrefix(repository + "@")
    }

    /// The words of an instruction's arguments.
    func words(of instruction: Dockerfile.Instruction) -> [Range<Int>] {
        WordScanner.words(of: instruction.arguments, in: instruction.text.bytes, escape: file.escape)
    }

    // MARK: - State

    private mutating func declare(_ instruction: Dockerfile.Instruction) {
        let bytes = instruction.text.bytes
        for word in words(of: instruction) {
            let text = ByteString(WordScanner.value(of: word, in: bytes, escape: file.escape))
            let (name, value) = text.cut(at: "=").map { ($0.before, Optional($0.after)) } ?? (text, nil)
            let place = instruction.text.source(of: word)
            guard !instruction.isOnBuild else { continue }
            // Without a value of its own it takes the one from before the first FROM.
            let known = value.map(now.expand) ?? (stage.hasFrom ? globals.variables[name]?.value : nil)
            now.set(name, .init(value: known, place: place, isArgument: true))
            if stage.hasFrom { noteCommitArgument(name, value, at: place.lowerBound, silenced: ignored) }
        }
    }

    private mutating func setVariables(_ instruction: Dockerfile.Instruction) {
        let bytes = instruction.text.bytes
        let words = words(of: instruction)
        guard let first = words.first else { return }
        if bytes.firstIndex(of: UInt8(ascii: "="), in: first) == nil {
            // `ENV NAME all the rest`
            let value = bytes.trimmed(first.upperBound..<bytes.count, \.isSpace)
            let text = ByteString(WordScanner.value(of: value, in: bytes, escape: file.escape))
            now.set(
                ByteString(bytes[first]),
                .init(value: now.expand(text), place: instruction.text.source(of: first), isArgument: false))
            return
        }
        // All assignments in one ENV see the values from before it.
        var known: [(name: ByteString, variable: StageState.Variable)] = []
        for word in words {
            let text = ByteString(WordScanner.value(of: word, in: bytes, escape: file.escape))
            guard let (name, value) = text.cut(at: "=") else { continue }
            // Nothing is expanded in single quotes, nor after a backslash: in doubt the value is unknown.
            let isDoubtful =
                value.contains("$") && bytes[word].contains { $0 == UInt8(ascii: "'") || $0 == file.escape }
            let place = instruction.text.source(of: word)
            known.append((name, .init(value: isDoubtful ? nil : now.expand(value), place: place, isArgument: false)))
        }
        for (name, variable) in known { now.set(name, variable) }
    }

    private mutating func setUser(_ instruction: Dockerfile.Instruction) {
        let bytes = instruction.text.bytes
        let text = ByteString(bytes[bytes.trimmed(instruction.arguments, \.isSpace)])
        guard let name = now.expand(text)?.cut(at: ":")?.before ?? now.expand(text) else {
            now.user = .unknown
            return
        }
        if name == "root" || name == "0" {
            now.user = .root
        } else if let number = name.decimal {
            now.user = .number(number)
        } else {
            now.user = name.isEmpty ? .unknown : .name(name)
        }
    }

    private mutating func setShell(_ instruction: Dockerfile.Instruction) {
        let bytes = instruction.text.bytes
        guard instruction.isJSON, let words = JSON(ByteString(bytes[instruction.arguments]).trimmed)?.array,
            let shell = words.first?.string
        else {
            now.shell = .other
            return
        }
        let name = shell.lastPathComponent
        now.shell = ["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"].contains(name) ? .posix : .other
        now.shellEndsOnError = words.dropFirst().contains {
            guard let option = $0.string, option.hasPrefix("-"), !option.hasPrefix("--") else { return false }
            return option.contains("e")
        }
    }
}
