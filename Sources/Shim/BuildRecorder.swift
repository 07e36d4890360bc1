internal import BuildCache
public import BuildHistory
internal import DockerCommandLine
internal import Engine
public import Formats
internal import Host
internal import Planning
internal import Why
internal import WorkingTree

/// Writes down, behind a build's back, what it was made from and what became of it: beside its export, else among the user's own
/// files.
struct BuildRecorder {
    private let build: BuildDescription
    private let identity: BuildIdentity
    private let imported: ByteString?
    private let docker: ByteString
    private let globals: GlobalOptions

    private static let longestBuild: Int64 = 3_600_000_000_000
    /// Records of builds without an export that are kept.
    private static let most = 16

    init(
        _ build: BuildDescription, _ identity: BuildIdentity, imported: ByteString?, docker: ByteString,
        globals: GlobalOptions
    ) {
        self.build = build
        self.identity = identity
        self.imported = imported
        self.docker = docker
        self.globals = globals
    }

    /// Begins, once the decision is made: two forks are all that the build waits for. Not where each would leave a process behind.
    func begin(_ export: Export?, _ settings: Settings) {
        guard Detached.hasReaper else { return }
        let process = Kernel.processID
        let began = Clock.now
        Detached.run {
            run(export, settings, began: began, process: process)
            return 0
        }
    }

    private func run(_ export: Export?, _ settings: Settings, began: Int64, process: Int32) {
        guard let place = place(export, began: began, process: process) else { return }
        let record = record(began: began, process: process)
        let mode = ((try? Files.status(place).mode) ?? 0o700) & 0o644
        // Its own, and only while it writes: docker's keeps the export there.
        var lease = export.flatMap { try? Lease.take(of: $0.generation) }
        if export != nil && lease == nil { return }
        try? Files.replace(place.appending(path: Export.buildRecord), with: record.json.text + "\n", mode: mode)
        if case .directory = build.context { keepContext(record, in: place, settings, mode: mode) }
        _ = lease
        lease = nil
        Detached.waitForEnd(of: process, within: Self.longestBuild)
        guard let outcome = outcome(of: record) else { return }
        lease = export.flatMap { try? Lease.take(of: $0.generation) }
        let target = place.appending(path: Export.outcomeRecord)
        try? Files.replace(target, with: outcome.json.text + "\n", mode: mode)
        _ = lease
        BuildLedger.append(
            LedgerEntry(
                began: Int(record.began / 1_000_000_000), process: record.process, repository: record.repository,
                export: export?.path, hasImported: record.imported != nil,
                dockerfile: Self.dockerfileDigest(of: build) ?? "",
                outcome: outcome))
    }

    /// Some digits of the Dockerfile's digest; nil where it is no file that can be read.
    private static func dockerfileDigest(of build: BuildDescription) -> ByteString? {
        guard let path = dockerfile(of: build), let text = try? Files.read(path, limit: 1 << 20) else { return nil }
        return SHA256.hexDigest(of: text).prefix(16)
    }

    private static func dockerfile(of build: BuildDescription) -> ByteString? {
        guard case .directory(let path) = build.context, build.dockerfile != "-" else { return nil }
        return (build.dockerfile ?? path.appending(path: "Dockerfile")).absolute(in: build.workingDirectory)
    }

    /// Why exporting such a build does not pay; nil when it does, or nothing is known.
    static func loss(of build: BuildDescription, _ identity: BuildIdentity) -> ByteString? {
        dockerfileDigest(of: build).flatMap { BuildLedger.loss(of: identity.key.repository, dockerfile: $0) }
    }

    private func place(_ export: Export?, began: Int64, process: Int32) -> ByteString? {
        if let export { return Files.isMissing(export.path) ? nil : export.path }
        guard let home = BuildLedger.records else { return nil }
        let names = ((try? Files.names(in: home, limit: 4096)) ?? []).sorted()
        for name in names.dropLast(Self.most - 1) { try? Files.removeTree(home.appending(path: name)) }
        let path = home.appending(path: BuildLedger.name(began: began, process: process))
        return (try? Files.makeDirectories(path, mode: 0o700)) == nil ? nil : path
    }

    private func record(began: Int64, process: Int32) -> BuildRecord {
        var record = BuildRecord(began: began, process: Int(process), context: "-")
        switch build.context {
        case .standardInput: break
        case .remote(let address): record.context = OriginURL.normalized(address) ?? ""
        case .directory(let path):
            record.context = path.absolute(in: build.workingDirectory)
            record.dockerfile = Self.dockerfile(of: build)
        }
        if let path = record.dockerfile, let text = try? Files.read(path, limit: 1 << 20) {
            record.outline = DockerfileOutline(text)
        }
        record.images = build.imageNames
        record.arguments = build.arguments.map { .init($0) }
        record.target = identity.key.target
        record.platforms = identity.key.platforms
        record.imported = imported
        record.repository = identity.key.repository
        record.globals = globals.words
        return record
    }

    private func keepContext(_ record: BuildRecord, in place: ByteString, _ settings: Settings, mode: UInt32) {
        guard let root = try? Files.realPath(record.context) else { return }
        let limits = ContextSurvey.Limits(files: settings.recordedFiles, time: settings.recordingTime)
        let bytes = ContextSurvey.record(of: root, dockerfile: record.dockerfile, limits).bytes
        let target = place.appending(path: Export.contextRecord)
        // Most builds see what the one before saw.
        if let former = imported?.appending(path: Export.contextRecord),
            (try? Files.status(former, followLinks: false).owner) == Kernel.userID,
            (try? Files.read(former, limit: bytes.count, followLinks: false)) == bytes,
            (try? Files.makeHardLink(target, to: former)) != nil
        {
            return
        }
        try? Files.replace(target, with: bytes, mode: mode)
    }

    /// Asks the engine's history. What it does not tell is not known.
    private func outcome(of record: BuildRecord) -> BuildOutcome? {
        guard let access = BuildxHistory.Access(docker: docker, globals: record.globals) else { return nil }
        let history = BuildxHistory(access)
        guard let reference = history.reference(since: record.began, context: record.context) else { return nil }
        return try? history.outcome(of: reference)
    }
}

extension GlobalOptions {
    /// The words that choose the same engine.
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
    /// This process's own way to the engine, with the options that a build was given; nil without a place for docker's files.
    public init?(docker: ByteString, globals: [ByteString]) {
        let configuration = globals.firstIndex(of: "--config").flatMap { index in
            index + 1 < globals.count ? globals[index + 1] : nil
        }
        let environment = DockerEnvironment.current()
        guard
            let directory = try? DockerConfiguration.directory(
                for: EngineRequest(configDirectory: configuration), environment)
        else { return nil }
        let isPlugin = docker.lastPathComponent.hasPrefix("docker-buildx") && !Plugin.isCalledByDocker
        self.init(
            docker: docker, command: isPlugin ? ["docker-buildx"] : ["docker"] + globals + ["buildx"],
            environment: Kernel.environment,
            configuration: environment.buildxDirectory ?? directory.appending(path: "buildx"))
    }
}
