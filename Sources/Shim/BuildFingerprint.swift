internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import History
internal import Host
internal import WorkingTree

/// By what a build is known again that is made from the very files, words and engine of one before. An error costs little: an import
/// or an export more or, where something else has changed, such as a base image, one that comes a build later.
struct BuildFingerprint {
    /// What was known when such a build had ended well.
    struct Memory {
        /// The digest of its files.
        var tree: ByteString
        /// The engine that built it.
        var engine: ByteString
        /// An export of it, and by what it is known to be whole; nil when there was none.
        var export: (path: ByteString, mark: ByteString)?
        /// What its engine's cache had then; nil when that did not tell.
        var records: CacheRecords?
    }

    private let file: ByteString
    private let root: ByteString
    private let dockerfile: ByteString

    private static let most = 256
    private static let largest = 262_144
    private static let variables: [ByteString] = [
        "BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_BUILDKIT", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST",
        "SOURCE_DATE_EPOCH",
    ]

    /// nil for a build that is made from more than a folder of this machine, or is asked for anew.
    init?(of build: BuildInvocation, as description: BuildDescription) {
        guard !build.isAskedAnew else { return nil }
        self.init(description, build.globals, description.platforms + [""] + build.others)
    }

    /// The same of a target.
    init?(of target: BakeTarget, in bake: BakeInvocation, as description: BuildDescription) {
        guard !target.isAskedAnew, !bake.isAskedAnew else { return nil }
        self.init(
            description, bake.globals,
            description.platforms + ["", bake.builder ?? "", target.name, target.others] + bake.others)
    }

    private init?(_ description: BuildDescription, _ globals: GlobalOptions, _ words: [ByteString]) {
        guard case .directory(let path) = description.context, let state = Locations.state,
            let root = try? Files.realPath(path.absolute(in: description.workingDirectory)),
            let dockerfile = description.dockerfilePath
        else { return nil }
        self.root = root
        self.dockerfile = dockerfile
        // The same for docker as for its plugin, so without what stands before the command word.
        let environment = Self.variables.map { $0 + "=" + (Kernel.variable(named: $0) ?? "") }
        let fields = [description.workingDirectory, root, dockerfile] + environment + globals.words + words
        // Of arguments no more is told than their exports' names tell.
        let variant = Variant(branch: "", arguments: description.arguments)
        file = state.appending(path: "fingerprints").appending(
            path: SHA256.hexDigest(of: fields.joined(separator: "\0")).prefix(32) + "." + variant.arguments)
    }

    /// The files that it is made from, as they are now; nil when there is no time to look at all of them.
    func tree(until deadline: Deadline) -> ContextFingerprint? {
        ContextFingerprint(
            of: root, ignoreFile: ContextSurvey.ignoreFile(of: root, dockerfile: dockerfile), besides: [dockerfile],
            until: deadline)
    }

    /// Trees that have been looked at: builds of one command often share one.
    struct Trees {
        private var known: [[ByteString]: ContextFingerprint?] = [:]

        fileprivate mutating func look(_ fingerprint: BuildFingerprint, until deadline: Deadline) -> ContextFingerprint?
        {
            let place = [fingerprint.root, fingerprint.dockerfile]
            if let tree = known[place] { return tree }
            let tree = fingerprint.tree(until: deadline)
            known[place] = .some(tree)
            return tree
        }
    }

    /// What is known of the last such build, if its files are the same still; nil where there is no time to look at all of them.
    func recognized(among trees: inout Trees, until deadline: Deadline) -> Memory? {
        guard let memory = memory(), trees.look(self, until: deadline)?.digest == memory.tree else { return nil }
        return memory
    }

    private func memory() -> Memory? {
        guard (try? Files.status(file, followLinks: false).owner) == Kernel.userID,
            let text = try? Files.read(file, limit: Self.largest, followLinks: false), let json = JSON(text),
            json[key: "format"]?.integer == 1, let tree = json[key: "tree"]?.string,
            let engine = json[key: "engine"]?.string
        else { return nil }
        var export: (ByteString, ByteString)?
        if let path = json[key: "export"]?.string, let mark = json[key: "index"]?.string { export = (path, mark) }
        return Memory(
            tree: tree, engine: engine, export: export,
            records: json[key: "records"]?.string.flatMap { CacheRecords($0) })
    }

    /// Keeps what is known, for the next such build; nil takes it away.
    func save(_ memory: Memory?) {
        guard let memory else { return (try? Files.remove(file)) ?? () }
        let json = JSON.object([
            "format": .integer(1), "tree": .string(memory.tree), "engine": .string(memory.engine),
            "export": memory.export.map { .string($0.path) } ?? .null,
            "index": memory.export.map { .string($0.mark) } ?? .null,
            "records": memory.records.map { .string($0.text) } ?? .null,
        ])
        do throws(Errno) {
            try Files.makeDirectories(file.parentPath, mode: 0o700)
            try Files.replace(file, with: json.text + "\n", mode: 0o600)
        } catch {
            return
        }
        for old in Files.surplus(in: file.parentPath, most: Self.most) { try? Files.remove(old) }
    }
}

extension BuildFingerprint.Memory {
    /// Where its export stands now, whole: where it was written, or where trimming has moved it. nil also for one of another store than
    /// that which the build would export to.
    func standingExport(in store: Store) -> ByteString? {
        guard let export, export.path.hasPrefix(store.layout.subStore(of: store.user) + "/"),
            let path = Export.currentLocation(of: export.path), Export.mark(path) == export.mark
        else { return nil }
        return path
    }
}

/// What a build leaves behind for the next one of its kind, found out in the background.
struct FingerprintKeeper {
    let fingerprint: BuildFingerprint
    let engine: ByteString
    let cache: EngineCache
    /// What was known when the build began, where nothing had changed since.
    let former: BuildFingerprint.Memory?
    /// Where the build exports to; nil when it does not.
    let export: ByteString?
    /// Where the export of the build before stood; nil where there was none.
    let standing: ByteString?

    /// The first answer measures all that is new.
    private static let patience: Int64 = 20_000_000_000

    /// What the engine's cache has, for all builds of a command that have ended.
    func records() -> CacheRecords? { cache.records(within: Self.patience) }

    /// Keeps what is known once the build has ended, with what the engine's cache has now. What it becomes of is known by its outcome
    /// alone.
    func end(
        _ outcome: BuildOutcome, began tree: ContextFingerprint?, _ records: CacheRecords?, until deadline: Deadline
    ) {
        guard outcome.isFinished, let tree, fingerprint.tree(until: deadline) == tree else {
            return fingerprint.save(nil)
        }
        var memory = BuildFingerprint.Memory(tree: tree.digest, engine: engine)
        if let export {
            memory.export = Export.currentLocation(of: export).flatMap { path in Export.mark(path).map { (path, $0) } }
        } else if outcome.firstMiss == nil {
            // Else something has changed besides its files, such as a base image, that is to be exported yet.
            memory.export = standing == nil ? nil : former?.export
        }
        memory.records = records
        fingerprint.save(memory)
    }
}
