internal import Formats

// What makes builds in other clones, on other machines and on other days miss.

extension Linter {
    /// `# syntax=docker/dockerfile` changes whenever a newer frontend is released. Docker promises that a version, even
    /// just "1", stays compatible, and recommends to write that. Who names another frontend has a reason.
    mutating func lintSyntax() {
        guard let place = file.syntax else { return }
        let image = ByteString(file.source.bytes[place]).cut(at: " ")?.before ?? ByteString(file.source.bytes[place])
        let (name, tag) = image.cut(at: ":").map { ($0.before, $0.after) } ?? (image, "")
        guard ["docker/dockerfile", "docker.io/docker/dockerfile"].contains(name) else { return }
        if !tag.bytes.contains(where: \.isDigit) { add(.syntaxFloats, at: place.lowerBound, image) }
    }

    mutating func lintCopy(_ instruction: Dockerfile.Instruction) {
        for heredoc in instruction.heredocs where !instruction.isOnBuild {
            let place = heredoc.body
            if let target = words(of: instruction).last,
                instruction.text.bytes.contains("pip", in: target), Self.switchesPipOff(file.source.bytes, place)
            {
                now.pipConfiguration = place
            }
        }
        guard !instruction.isOnBuild, stage.copied == nil, context.isKnown, copiesAll(instruction) else { return }
        stage.copied = (instruction.start, instruction.ignored)
    }

    private func copiesAll(_ instruction: Dockerfile.Instruction) -> Bool {
        let bytes = instruction.text.bytes
        guard !instruction.flags.contains(where: { bytes.hasPrefix("--from", at: $0) }), instruction.heredocs.isEmpty
        else { return false }
        var sources: [ByteString]
        if instruction.isJSON {
            sources = JSON(ByteString(bytes[instruction.arguments]).trimmed)?.array?.compactMap(\.string) ?? []
        } else {
            sources = words(of: instruction).map { ByteString(bytes[$0]) }
        }
        guard sources.count > 1 else { return false }
        sources.removeLast()
        return sources.contains { $0 == "." || $0 == "./" || $0 == "/" || $0 == "*" || $0 == "./*" }
    }

    /// What precedes a RUN: its base, a copy of the context, and arguments that change with each commit.
    mutating func lintWhatComesBefore(_ run: Run) {
        noteGit(run)
        stage.commitArguments = stage.commitArguments.filter { !uses($0.name, run) }
        guard run.calls.all.contains(where: run.calls.installsPackages) else { return }
        if let (name, offset, silenced) = now.floatingBase { add(.baseFloats, at: offset, name, silenced: silenced) }
        if let (offset, silenced) = stage.copied, context.ignoreFile == nil, isStageNeeded {
            add(.copyWithoutIgnore, at: offset, silenced: silenced)
        }
        for argument in stage.commitArguments {
            add(.commitArgument, at: argument.offset, argument.name, silenced: argument.silenced)
        }
        stage.commitArguments = []
    }

    // MARK: - .git

    private mutating func noteGit(_ run: Run) {
        guard context.hasGit else { return }
        if !now.mayHaveGit { now.mayHaveGit = run.calls.names("git") }
        guard stage.copied != nil else { return }
        stage.hasStepsAfterCopy = true
        // Installers that start no build of the context.
        let installers: [Program] = [.pip, .npm, .yarn, .apt, .aptGet]
        let isHarmless = isPlain(run.calls) { installers.contains($0.program) && run.calls.installsPackages($0) }
        if now.mayHaveGit, !isHarmless { stage.mayUseGit = true }
    }

    /// Where nothing is there that reads a .git, and where only packages are installed, nothing needs it.
    mutating func lintGitInContext() {
        guard let (offset, silenced) = stage.copied, context.hasGit, stage.hasStepsAfterCopy, !stage.mayUseGit,
            !context.ignoresGit, isStageNeeded
        else { return }
        add(.gitInContext, at: offset, silenced: silenced)
    }

    // MARK: - Arguments

    /// Words that end the names of variables whose value differs for every commit or build.
    private static let commitWords: [[ByteString]] = [
        ["COMMIT"], ["COMMIT", "SHA"], ["COMMIT", "HASH"], ["REVISION"], ["TIMESTAMP"], ["GITSHA"], ["GITHASH"],
        ["GIT", "SHA"], ["GIT", "SHA1"], ["GIT", "REF"], ["GIT", "HASH"], ["GIT", "REV"], ["VCS", "REF"],
        ["BUILD", "DATE"], ["BUILD", "TIME"], ["BUILD", "NUMBER"], ["BUILD", "ID"],
    ]
    // People do not declare more of them.
    private static let mostCommitArguments = 16

    /// Whole words of a name: NODE_SHA256 is the checksum of a file, and RECOMMITTED is not a commit. A default with a
    /// digit in it is a version, a commit or a checksum that somebody chose.
    mutating func noteCommitArgument(_ name: ByteString, _ value: ByteString?, at offset: Int, silenced: [ByteString]) {
        guard stage.commitArguments.count < Self.mostCommitArguments, !(value ?? "").bytes.contains(where: \.isDigit)
        else { return }
        let words = name.uppercasedASCII.split("_")
        guard words == ["SHA"] || Self.commitWords.contains(where: { words.suffix($0.count).elementsEqual($0) }) else {
            return
        }
        stage.commitArguments.append((name, offset, silenced))
    }

    /// Whether `$NAME` or `${NAME` is in a RUN.
    private func uses(_ name: ByteString, _ run: Run) -> Bool {
        Self.uses(name, run.instruction.text.bytes, run.instruction.arguments)
            || run.instruction.heredocs.contains { Self.uses(name, file.source.bytes, $0.body) }
    }

    private static func uses(_ name: ByteString, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var start = range.lowerBound
        while let dollar = bytes.firstIndex(of: UInt8(ascii: "$"), in: start..<range.upperBound) {
            start = dollar + 1
            let word = bytes[start..<range.upperBound]
            let rest = word.first == UInt8(ascii: "{") ? word.dropFirst() : word
            guard rest.starts(with: name.bytes) else { continue }
            if !(rest.dropFirst(name.count).first?.isNameByte ?? false) { return true }
        }
        return false
    }

    /// Whether a text contains `no-cache-dir = true` or the like.
    static func switchesPipOff(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        let name: StaticString = "no-cache-dir"
        var start = range.lowerBound
        while let next = bytes.firstIndex(of: UInt8(ascii: "n"), in: start..<range.upperBound) {
            start = next + 1
            guard bytes.hasPrefix(name, at: next..<range.upperBound) else { continue }
            var value = next + name.utf8CodeUnitCount
            while value < range.upperBound, bytes[value].isBlank || bytes[value] == UInt8(ascii: "=") { value += 1 }
            for word in ["true", "1", "yes", "on"] as [StaticString]
            where value > next + name.utf8CodeUnitCount && bytes.hasPrefix(word, at: value..<range.upperBound) {
                return true
            }
        }
        return false
    }
}
