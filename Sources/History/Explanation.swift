public import Formats
public import Notes
public import WorkingTree

/// What is known about a build, and about the build from which its layers could have come.
public struct Evidence: Sendable {
    /// What is known about one of the two builds.
    public struct Side: Sendable {
        /// Its inputs.
        public var record: BuildRecord
        /// The files that COPY could see; nil if unknown.
        public var context: ContextRecord?
        /// Its outcome; nil if unknown.
        public var outcome: BuildOutcome?

        /// From named values.
        public init(record: BuildRecord, context: ContextRecord? = nil, outcome: BuildOutcome? = nil) {
            self.record = record
            self.context = context
            self.outcome = outcome
        }
    }

    /// The build; nil if nothing was recorded about it.
    public var build: Side?
    /// The build whose export was imported, otherwise the best other one with the same key.
    public var former: Side?
    /// The outcome of the build if nothing else was recorded about it.
    public var outcome: BuildOutcome?
    /// Why the outcome is not known; nil if it is.
    public var missingOutcome: ByteString?
    /// The shim's decisions: reasons and their details.
    public var notes: [(reason: Reason, message: ByteString)]
    /// A description of another target or platform of the same Dockerfile that was exported; nil if there is none.
    public var relative: ByteString?
    /// Another target of the same command with the same context; nil if there is none.
    public var companion: ByteString?
    /// The number of steps that were executed although the imported manifest has their results.
    public var overlooked = 0

    /// From named values.
    public init(
        build: Side? = nil, former: Side? = nil, outcome: BuildOutcome? = nil, missingOutcome: ByteString? = nil,
        notes: [(reason: Reason, message: ByteString)] = [], relative: ByteString? = nil, companion: ByteString? = nil
    ) {
        self.build = build
        self.former = former
        self.outcome = outcome ?? build?.outcome
        self.missingOutcome = missingOutcome
        self.notes = notes
        self.relative = relative
        self.companion = companion
    }
}

/// Why the first step that was not cached missed: only what the evidence proves, otherwise "not known".
public struct Explanation: Equatable, Sendable {
    /// The kinds of causes; raw values are stable for programs.
    public enum Cause: ByteString, Sendable, CaseIterable {
        case allCached = "all-cached"
        case modes = "modes"
        case content = "content"
        case files = "files"
        case clutter = "clutter"
        case dockerfile = "dockerfile"
        case argument = "argument"
        case base = "base"
        case target = "target"
        case noCache = "no-cache"
        case store = "store"
        case leftOut = "left-out"
        case engine = "engine"
        case neverBuilt = "never-built"
        case shared = "shared"
        case overlooked = "overlooked"
        case unknown = "unknown"
    }

    /// The kind of cause.
    public let cause: Cause
    /// The step, "COPY src /src"; empty if unknown.
    public var step: ByteString = ""
    /// One sentence.
    public let sentence: ByteString
    /// How to fix it; nil if nothing needs fixing.
    public var fix: ByteString?
    /// The fix as edits of files; empty if no files are involved.
    public var edits: [Edit] = []
    /// The paths that differ, all of them; at most the first ten are shown.
    public var paths: [ByteString] = []
    /// Whether none of the user's inputs differs, so that the store should have had the step.
    public var shouldHaveHit = false
    /// How many steps were cached; nil if unknown.
    public var cached: Int?
    /// The number of all steps; nil if unknown.
    public var total: Int?

    /// Whether a single shared cache would have had the step: nothing differs that would make any cache miss.
    public var wouldHitInOneCache: Bool { shouldHaveHit && ![.modes, .clutter].contains(cause) }

    init(
        _ cause: Cause, _ sentence: ByteString, fix: ByteString? = nil, paths: [ByteString] = [],
        edits: [Edit] = [], shouldHaveHit: Bool = false
    ) {
        self.edits = edits
        self.cause = cause
        self.sentence = sentence
        self.fix = fix
        self.paths = paths
        self.shouldHaveHit = shouldHaveHit
    }

    /// Derives the explanation from the evidence.
    public init(of evidence: Evidence) {
        let outcome = evidence.outcome
        let miss = outcome?.firstMiss
        self = Self.judge(evidence, miss)
        step = PublicAddress.redacting(miss?.instruction ?? "")
        cached = outcome.map { $0.steps.count(where: \.isCached) }
        total = outcome?.steps.count
    }

    private static func judge(_ evidence: Evidence, _ miss: BuildOutcome.Step?) -> Explanation {
        if evidence.outcome != nil, miss == nil {
            return Explanation(.allCached, "every step was cached")
        }
        if let decided = decision(evidence) { return decided }
        // Builds of one command may hide each other's steps.
        if evidence.overlooked > 0, evidence.companion == nil {
            return Explanation(
                .overlooked,
                "the union that was imported holds " + ByteString(decimal: evidence.overlooked)
                    + " of the steps that were executed: BuildKit has not found them there", shouldHaveHit: true)
        }
        guard let build = evidence.build else {
            return Explanation(.unknown, "not known: nothing was recorded of this build")
        }
        guard let former = evidence.former else {
            return Explanation(.unknown, "not known: nothing was recorded of the build whose layers were imported")
        }
        guard let miss else {
            let reason = evidence.missingOutcome ?? "the engine's history does not tell"
            let guess = Comparison(build, former).anything
            return Explanation(
                .unknown,
                "which step was not cached is not known (" + reason + ")"
                    + (guess.map { "; since the build whose layers were imported: " + $0 } ?? ""))
        }
        let told = Comparison(build, former).explain(miss)
        if told.cause == .unknown, build.record.hasNoCacheFilter == true {
            return Explanation(
                .noCache, "nothing differs, and --no-cache-filter was given", fix: "build without --no-cache-filter")
        }
        guard told.cause == .unknown, told.shouldHaveHit, let companion = evidence.companion else { return told }
        return Explanation(
            .shared,
            "nothing differs, but " + companion + " is a target of the same command with the same context: BuildKit "
                + "runs what they share once, and may then look up the rest for one of them only",
            fix: "build this target by itself", shouldHaveHit: true)
    }

    /// What the shim decided before any step was considered.
    private static func decision(_ evidence: Evidence) -> Explanation? {
        func note(_ area: Reason.Area, but harmless: Reason...) -> (reason: Reason, message: ByteString)? {
            evidence.notes.first { $0.reason.area == area && !harmless.contains($0.reason) }
        }
        func text(_ note: (reason: Reason, message: ByteString)) -> ByteString {
            note.message + " (" + note.reason.code + ")"
        }
        if let shared = evidence.notes.first(where: { $0.reason == .sharedBuilderChosen }) {
            return Explanation(.unknown, "not known: " + text(shared) + ", and only that knows what it had")
        }
        if evidence.notes.contains(where: { $0.reason == .importAdded }) { return nil }
        if evidence.notes.contains(where: { $0.reason == .noCacheGiven }) {
            return Explanation(
                .noCache, "--no-cache was given, so nothing was imported", fix: "build without --no-cache")
        }
        if evidence.notes.contains(where: { $0.reason == .importNotNeeded }) {
            return Explanation(
                .engine,
                "none of its files had changed and the engine had all of the build before, so nothing was imported; what else is new, "
                    + "such as a base image, the next build imports",
                fix: "build again")
        }
        if let left = note(.imports, but: .nothingToImport, .exportNotNeeded) {
            return Explanation(
                .leftOut, "an export of the store was left out: " + text(left), fix: "slipway doctor --verify",
                shouldHaveHit: true)
        }
        if let store = note(.store, but: .storeDiskLow, .storeOverBudget) {
            return Explanation(
                .store, "the store was not used: " + text(store), fix: "slipway doctor", shouldHaveHit: true)
        }
        if let engine = note(
            .engine, but: .engineCannotExport, .engineTooOld, .buildxTooOld, .engineSilent, .endpointNotAsked,
            .sharedBuilderSilent, .sharedBuilderNotChosen, .sharedBuilderUnsuited, .sharedBuilderLocalImage,
            .sharedBuilderUnclear, .sharedBuilderNotReady)
        {
            return Explanation(
                .engine, "nothing can be imported here: " + text(engine), fix: "slipway doctor", shouldHaveHit: true)
        }
        if let setting = note(
            .command, but: .settingsNotTrusted, .settingsInvalid, .exportOff, .exportDoesNotPay, .userExport,
            .filesLimited)
        {
            return Explanation(
                .store, "nothing was imported: " + text(setting),
                fix: setting.reason == .buildCacheOff ? "slipway settings" : nil)
        }
        guard evidence.notes.contains(where: { $0.reason == .nothingToImport }) else {
            return Explanation(.unknown, "not known: the shim left no word about this build")
        }
        if let relative = evidence.relative {
            return Explanation(.target, "only another platform or target was built before: " + relative)
        }
        return Explanation(
            .neverBuilt, "never built before: the store held nothing for this repository, Dockerfile and target")
    }
}

/// A comparison of two builds.
private struct Comparison {
    private let build: Evidence.Side
    private let former: Evidence.Side

    init(_ build: Evidence.Side, _ former: Evidence.Side) {
        self.build = build
        self.former = former
    }

    /// The cause for one step. An earlier change in a stage affects everything that follows, so earlier causes are
    /// checked first.
    func explain(_ step: BuildOutcome.Step) -> Explanation {
        let outline = build.record.outline
        let place = outline?.index(stage: step.stage, number: step.number, word: step.keyword)
        // A stored outcome has only the first word.
        var instruction = step.instruction
        if instruction == step.keyword, let outline, let place { instruction += " " + outline.instructions[place].text }
        if let moved = movedBase(of: step.stage) {
            return Explanation(
                .base,
                "the base image moved: " + moved + " is another image now; pin it by its digest, or build once more")
        }
        if let outline, let place, let changed = changedInstruction(outline, upTo: place) {
            return Explanation(
                .dockerfile,
                "the Dockerfile changed at line " + ByteString(decimal: changed.line) + " (" + changed.word + ")")
        }
        if let outline, let place, let name = changedArgument(outline, upTo: place) {
            return Explanation(.argument, "build argument " + name + " has another value than when the cache was made")
        }
        guard let sources = CopySources(of: instruction) else {
            guard outline != nil, place != nil, former.record.outline != nil else {
                return Explanation(
                    .unknown, "not known: the Dockerfile of this build or of the one before was not recorded")
            }
            let isBaseKnown = areBasesKnown(step.stage)
            return Explanation(
                .unknown,
                "not known: " + (isBaseKnown ? "Dockerfile, arguments and base image" : "Dockerfile and arguments")
                    + " are those of the build whose layers were imported",
                shouldHaveHit: isBaseKnown)
        }
        return explainFiles(sources)
    }

    private func explainFiles(_ sources: CopySources) -> Explanation {
        guard let now = build.context, let before = former.context else {
            return Explanation(.unknown, "not known: the files of the context were not recorded")
        }
        let difference = ContextDifference(from: before, to: now, where: sources.take)
        if difference.isEmpty {
            if now.entries.contains(where: { sources.take($0.path) && $0.isClutter }) { return Self.clutter([".git"]) }
            if difference.isPartial {
                return Explanation(.unknown, "not known: the context was recorded in part only")
            }
            if let first = difference.unread.first {
                return Explanation(
                    .unknown, "not known: contents were not read, as of " + first, paths: difference.unread)
            }
            return Explanation(
                .unknown,
                "not known: the files are those of the build whose layers were imported. Where the engine has earlier steps of "
                    + "its own, BuildKit does not always find the imported ones behind them (moby/buildkit 6418)",
                // If the outcome of the former build is unknown, its base image may have been different.
                fix: "docker builder prune", shouldHaveHit: former.outcome != nil)
        }
        return Self.explain(difference, now.entries.contains { sources.take($0.path) && $0.isClutter })
    }

    private static func explain(_ difference: ContextDifference, _ holdsGit: Bool) -> Explanation {
        let changed = difference.contents + difference.added + difference.removed
        let own = changed.filter { !CopySources.isClutter($0) }
        if own.isEmpty, !changed.isEmpty || (holdsGit && difference.modes.isEmpty) { return clutter(changed) }
        if own.isEmpty, let first = difference.modes.first {
            let files =
                difference.modes.count == 1
                ? "1 file differs" : ByteString(decimal: difference.modes.count) + " files differ"
            let cause = difference.umask.map { $0 == 0o022 ? "" : ": umask " + ByteString(octal: $0) } ?? ""
            let modes =
                " only in mode (" + ByteString(octal: first.after & 0o7777) + " here, "
                + ByteString(octal: first.before & 0o7777) + " where the cache was made)"
            return Explanation(
                .modes, files + modes + cause, fix: "slipway modes --fix", paths: difference.modes.map(\.path),
                edits: difference.modes.map { .setMode(file: $0.path, mode: $0.before) }, shouldHaveHit: true)
        }
        var parts: [ByteString] = []
        func part(_ count: Int, _ what: ByteString) {
            if count > 0 { parts.append(ByteString(decimal: count) + what) }
        }
        part(difference.contents.count, " with other content")
        part(difference.added.count, " new")
        part(difference.removed.count, " missing")
        part(difference.modes.count, " with another mode")
        let cause: Explanation.Cause = difference.contents.isEmpty ? .files : .content
        let paths = changed + difference.modes.map(\.path)
        return Explanation(cause, "files of the context differ: " + parts.joined(separator: ", "), paths: paths)
    }

    private static func clutter(_ paths: [ByteString]) -> Explanation {
        let name = paths.first.map(CopySources.clutter) ?? ".git"
        return Explanation(
            .clutter, "the context holds what differs in every clone: " + name,
            fix: "echo '" + name + "' >> .dockerignore", paths: paths,
            edits: [.appendLine(file: ".dockerignore", text: name)], shouldHaveHit: true)
    }

    /// Any difference at all, for use if no step is known.
    var anything: ByteString? {
        if let now = build.record.outline, let before = former.record.outline,
            now.instructions.map(\.tag) != before.instructions.map(\.tag)
        {
            return "the Dockerfile changed"
        }
        if let name = differingArguments.first { return "build argument " + name + " changed" }
        guard let now = build.context, let before = former.context else { return nil }
        let difference = ContextDifference(from: before, to: now)
        guard !difference.isEmpty else { return nil }
        let explanation = Self.explain(difference, false)
        return explanation.sentence + (explanation.fix.map { "; " + $0 } ?? "")
    }

    private func movedBase(of stage: ByteString) -> ByteString? {
        guard let now = build.outcome?.bases.first(where: { $0.stage == stage }),
            let before = former.outcome?.bases.first(where: { $0.stage == stage && $0.name == now.name }),
            now.digest != before.digest
        else { return nil }
        return now.name
    }

    private func areBasesKnown(_ stage: ByteString) -> Bool {
        guard let bases = build.outcome?.bases, let before = former.outcome?.bases else { return false }
        return bases.contains { $0.stage == stage } && before.contains { $0.stage == stage }
    }

    /// The first changed instruction in the step's own stage, or before all stages.
    private func changedInstruction(_ outline: DockerfileOutline, upTo place: Int) -> DockerfileOutline.Instruction? {
        guard let before = former.record.outline else { return nil }
        let stage = outline.instructions[place].stage
        for stage in [-1, stage] {
            let old = before.instructions.filter { $0.stage == stage }
            let now = outline.instructions[...place].filter { $0.stage == stage }
            for (index, instruction) in now.enumerated()
            where index >= old.count || old[index].tag != instruction.tag {
                return instruction
            }
        }
        return nil
    }

    private var differingArguments: [ByteString] {
        func tags(_ side: Evidence.Side) -> [ByteString: ByteString] {
            Dictionary(side.record.arguments.map { ($0.name, $0.tag) }) { $1 }
        }
        let (now, before) = (tags(build), tags(former))
        return Set(now.keys).union(before.keys).filter { now[$0] != before[$0] }.sorted()
    }

    /// A changed argument that affects the step: one declared before it in its stage, or one used in a line before
    /// all stages.
    private func changedArgument(_ outline: DockerfileOutline, upTo place: Int) -> ByteString? {
        let stage = outline.instructions[place].stage
        let scope = outline.instructions[...place].filter { $0.stage == stage || $0.stage == -1 }
        return differingArguments.first { name in
            scope.contains { instruction in
                (instruction.word == "ARG"
                    && instruction.text.split(" ").contains { $0 == name || $0.hasPrefix(name + "=") })
                    || (instruction.word == "FROM" && instruction.text.range(of: "$") != nil
                        && instruction.text.range(of: name) != nil)
            }
        }
    }
}

extension ContextRecord.Entry {
    fileprivate var isClutter: Bool { kind == .directory && path.lastPathComponent == ".git" }
}
