internal import BuildCache
internal import DockerCommandLine
internal import Engine
public import Formats
public import History
internal import Host
internal import Planning
internal import WorkingTree

/// Records, in the background, what a command's builds were made from and how they ended: beside each export, or among
/// the user's own files if there is none.
struct BuildRecorder {
    /// One build of the command.
    struct Part {
        /// Its target's name in bake; nil for a single build.
        let target: ByteString?
        let description: BuildDescription
        let identity: BuildIdentity
        /// Whether it imports layers.
        let hasImported: Bool
        /// The newest export of its key among those that it imports.
        let relative: ByteString?
        let export: Export?
        /// What records it for the next build of its kind.
        let keeper: FingerprintKeeper?
    }

    /// A build's record and its directory.
    private struct Kept {
        let part: Part
        /// The build's index in `parts`.
        let number: Int
        let place: ByteString
        let record: BuildRecord
        let mode: UInt32
        /// Some digits of the digest of its Dockerfile; empty if the build may have read a different text.
        let dockerfile: ByteString
    }

    /// The record of a context: the builds of one command often share it.
    private struct Seen {
        let root: ByteString
        let ignoreFile: ByteString?
        let mode: UInt32
        let path: ByteString
    }

    private let parts: [Part]
    private let docker: ByteString
    private let globals: GlobalOptions
    private let settings: Settings

    static let longestBuild: Int64 = 3_600_000_000_000
    /// Hashing a larger Dockerfile would take longer than a command should wait.
    private static let largestJudged = 262_144

    init(_ parts: [Part], docker: ByteString, _ globals: GlobalOptions, _ settings: Settings) {
        self.parts = parts
        self.docker = docker
        self.globals = globals
        self.settings = settings
    }

    /// Runs until the command has ended, and for a short while after that, in a process of its own. `export` is the
    /// deferred export of the command's only build.
    func run(
        began: Int64, process: Int32, _ command: borrowing AwaitedProcess, exporting export: ExportBehind?,
        publish: () -> Void
    ) {
        let (now, found) = (Clock.now, parts.map { $0.keeper?.fingerprint.tree(until: lookedAtTree()) })
        // A file that changes at this very moment may change again without its time changing.
        let trees = found.map { tree in tree.flatMap { $0.isSettled(at: now) ? $0 : nil } }
        let kept = writeRecords(began: began, process: process)
        command.waitForEnd(within: Self.longestBuild)
        let duration = Clock.now &- began
        guard let export else {
            // Other builds wait for the union, and asking the engine takes time.
            publish()
            return record(outcomes(of: kept), trees, took: duration)
        }
        let ended = outcomes(of: kept)
        export.run(after: ended.first?.outcome) {
            // A change that this comparison does not see is not in the engine's cache either.
            guard let tree = found.first ?? nil else { return false }
            return parts.first?.keeper?.fingerprint.tree(until: lookedAtTree()) == tree
        }
        publish()
        record(ended, trees, took: duration)
    }

    /// How each build ended, according to the engine's history; builds that the history does not have are left out.
    private func outcomes(of kept: [Kept]) -> [(build: Kept, outcome: BuildOutcome)] {
        guard !kept.isEmpty, let access = BuildxHistory.Access(docker: docker, globals: globals.words) else {
            return []
        }
        let history = BuildxHistory(access)
        let references = history.references()
        return kept.compactMap { build in
            BuildxHistory.reference(of: build.record, among: references)
                .flatMap { try? history.outcome(of: $0) }.map { (build, $0) }
        }
    }

    private func record(
        _ ended: [(build: Kept, outcome: BuildOutcome)], _ trees: [ContextFingerprint?], took duration: Int64
    ) {
        var entries: [LedgerEntry] = []
        // Asked for only once, by the first build that needs them.
        var records: CacheRecords??
        for (build, outcome) in ended {
            if let export = build.part.export {
                Export.write(
                    outcome.json.text + "\n", Export.outcomeRecord, beside: export.path, mode: build.mode)
            } else {
                write(outcome.json, Export.outcomeRecord, of: build)
            }
            let entry = LedgerEntry(
                began: Int(build.record.began / 1_000_000_000), process: build.record.process,
                repository: build.record.repository, export: build.part.export?.path,
                hasImported: build.part.hasImported,
                dockerfile: build.dockerfile, outcome: outcome)
            BuildLedger.append(entry)
            entries.append(entry)
            // The duration of a fully cached build does not tell how long the steps take.
            if parts.count == 1, outcome.isFinished, outcome.firstMiss != nil {
                BuildDurations.add(duration, of: build.part.identity.key.directoryName)
            }
            if let keeper = build.part.keeper {
                let known = records ?? keeper.records()
                records = .some(known)
                keeper.end(outcome, began: trees[build.number], known, until: lookedAtTree())
            }
        }
        BuildLedger.judge(entries)
    }

    private func lookedAtTree() -> Deadline {
        let end = Clock.monotonic &+ settings.recordingTime
        return Deadline { Clock.monotonic > end }
    }

    private func writeRecords(began: Int64, process: Int32) -> [Kept] {
        if parts.contains(where: { $0.export == nil }) { BuildLedger.makeRoom() }
        var kept: [Kept] = []
        leased(parts) {
            for (number, part) in parts.enumerated() {
                guard let place = place(part, number, began: began, process: process) else { continue }
                let mode = ((try? Files.status(place).mode) ?? 0o700) & 0o644
                var record = record(of: part, began: began, process: process)
                let text = record.dockerfile.flatMap { Self.text(of: $0, unchangedSince: began) }
                record.outline = text.map { DockerfileOutline($0) }
                kept.append(
                    Kept(
                        part: part, number: number, place: place, record: record, mode: mode,
                        dockerfile: text.map(Self.digest) ?? ""))
            }
            // Written first, so that readers see at once how many there are; recording contexts takes time.
            for build in kept { write(build.record.json, Export.buildRecord, of: build) }
            let deadline = Clock.monotonic &+ settings.recordingTime
            var seen: [Seen] = []
            for build in kept {
                if case .directory = build.part.description.context { writeContext(of: build, until: deadline, &seen) }
            }
        }
        return kept
    }

    /// Writes under leases of its own, and nothing without them: docker's leases protect the exports only while docker
    /// runs.
    private func leased(_ parts: [Part], _ write: () -> Void) {
        var leases: [Lease] = []
        for generation in parts.compactMap(\.export?.generation).withoutRepeats {
            guard let lease = try? Lease.take(of: generation) else { return }
            leases.append(lease)
        }
        withExtendedLifetime(leases, write)
    }

    private func write(_ record: JSON, _ name: ByteString, of build: Kept) {
        try? Files.replace(build.place.appending(path: name), with: record.text + "\n", mode: build.mode)
    }

    /// A Dockerfile as the build read it; nil if it has changed since or cannot be read.
    private static func text(of dockerfile: ByteString, unchangedSince began: Int64) -> ByteString? {
        guard let text = text(of: dockerfile), let status = try? Files.status(dockerfile), status.changed <= began
        else { return nil }
        return text
    }

    /// Only what docker would read: it follows no link from the file's own folder to the outside.
    private static func text(of dockerfile: ByteString) -> ByteString? {
        try? Files.read(dockerfile, within: dockerfile.parentPath, limit: 1 << 20)
    }

    private static func digest(of dockerfile: ByteString) -> ByteString {
        SHA256.hexDigest(of: dockerfile).prefix(16)
    }

    /// Why exporting such a build does not pay; nil if it does, or if nothing is known.
    static func loss(of build: BuildDescription, _ identity: BuildIdentity) -> ByteString? {
        guard let path = build.dockerfilePath,
            let text = try? Files.read(path, within: path.parentPath, limit: largestJudged)
        else { return nil }
        return BuildLedger.loss(of: identity.key.repository, dockerfile: digest(of: text))
    }

    private func place(_ part: Part, _ number: Int, began: Int64, process: Int32) -> ByteString? {
        if let export = part.export { return Files.isMissing(export.path) ? nil : export.path }
        guard let home = BuildLedger.records else { return nil }
        let path = home.appending(path: BuildLedger.name(began: began, process: process, number: number))
        return (try? Files.makeDirectories(path, mode: 0o700)) == nil ? nil : path
    }

    private func record(of part: Part, began: Int64, process: Int32) -> BuildRecord {
        let (build, identity) = (part.description, part.identity)
        var record = BuildRecord(began: began, process: Int(process), context: PublicAddress("-"))
        switch build.context {
        case .standardInput: break
        case .remote(let address): record.context = PublicAddress(address)
        case .directory(let path):
            record.context = PublicAddress(path.absolute(in: build.workingDirectory))
            record.dockerfile = build.dockerfilePath
        }
        record.images = build.imageNames
        record.arguments = build.arguments.map { .init($0) }
        record.target = identity.key.target
        record.platforms = identity.key.platforms
        record.imported = part.relative
        record.repository = identity.key.repository
        record.globals = globals.words.map(PublicAddress.init)
        record.bakeTarget = part.target
        record.hasNoCacheFilter = build.hasNoCacheFilter
        return record
    }

    private func writeContext(of build: Kept, until deadline: Int64, _ seen: inout [Seen]) {
        guard let root = try? Files.realPath(build.record.context.text) else { return }
        let target = build.place.appending(path: Export.contextRecord)
        let ignoreFile = ContextSurvey.ignoreFile(of: root, dockerfile: build.record.dockerfile)
        let isSame = { (one: Seen) in one.root == root && one.ignoreFile == ignoreFile && one.mode == build.mode }
        if let same = seen.first(where: isSame),
            (try? Files.makeHardLink(target, to: same.path)) != nil
        {
            return
        }
        let limits = ContextSurvey.Limits(
            files: settings.recordedFiles, time: max(0, deadline &- Clock.monotonic))
        let bytes = ContextSurvey.record(of: root, ignoreFile: ignoreFile, limits, began: build.record.began).bytes
        defer { seen.append(Seen(root: root, ignoreFile: ignoreFile, mode: build.mode, path: target)) }
        // Usually the context is the same as in the earlier build.
        if let former = build.part.relative?.appending(path: Export.contextRecord),
            (try? Files.status(former, followLinks: false).owner) == Kernel.userID,
            (try? Files.read(former, limit: bytes.count, followLinks: false)) == bytes,
            (try? Files.makeHardLink(target, to: former)) != nil
        {
            return
        }
        try? Files.replace(target, with: bytes, mode: build.mode)
    }
}

extension BuildxHistory {
    /// The build that was recorded, among those in buildx's history.
    public static func reference(of record: BuildRecord, among references: [Reference]) -> Reference? {
        reference(
            since: record.began, context: record.context.text, dockerfile: record.dockerfile, target: record.bakeTarget,
            among: references)
    }
}

extension BuildDescription {
    /// The absolute path of its Dockerfile; nil if that is not a file on this machine.
    var dockerfilePath: ByteString? {
        guard case .directory(let path) = context, dockerfile != "-", dockerfile?.range(of: "://") == nil else {
            return nil
        }
        return (dockerfile ?? path.appending(path: "Dockerfile")).absolute(in: workingDirectory)
    }
}

extension GlobalOptions {
    /// The options that select the same engine.
    var words: [ByteString] {
        var words: [ByteString] = []
        if let configDirectory { words += ["--config", configDirectory] }
        if let context { words += ["--context", context] }
        for host in hosts { words += ["--host", host] }
        if let tls { words.append("--tls=" + (tls ? "true" : "false")) }
        if let tlsVerify { words.append("--tlsverify=" + (tlsVerify ? "true" : "false")) }
        return words
    }
}

extension BuildxHistory.Access {
    /// How this process reaches the engine with the options of a recorded build; nil if docker's configuration has no
    /// directory.
    public init?(docker: ByteString, globals: [ByteString]) {
        let configuration = globals.firstIndex(of: "--config").flatMap { index in
            index + 1 < globals.count ? globals[index + 1] : nil
        }
        let environment = DockerEnvironment.current()
        guard
            let directory = try? DockerConfiguration.directory(
                for: EngineRequest(configDirectory: configuration), environment)
        else { return nil }
        let isPlugin = docker.lastPathComponent.hasPrefix("docker-buildx") && !Role.isCalledByDocker
        self.init(
            docker: docker, command: isPlugin ? ["docker-buildx"] : ["docker"] + globals + ["buildx"],
            environment: Kernel.environment,
            configuration: environment.buildxDirectory ?? directory.appending(path: "buildx"))
    }
}
