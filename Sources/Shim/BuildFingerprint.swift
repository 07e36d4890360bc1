internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import History
internal import Host
internal import WorkingTree

/// What a build is recognized by: its files, its options and its engine. A wrong match costs little: one import or
/// export too many or, if something else has changed, such as a base image, one that is made only by the next build.
struct BuildFingerprint {
    /// What was known when the earlier build had succeeded.
    struct Memory {
        /// The digest of its files.
        var tree: ByteString
        /// The engine that built it.
        var engine: ByteString
        /// Its export, and a mark that changes if the export is no longer complete; nil if there was none.
        var export: (path: ByteString, mark: ByteString)?
        /// What the engine's cache held then; nil if the engine did not say.
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

    /// nil for a build that needs more than a directory on this machine, or that must not use the cache as it is.
    init?(of build: BuildInvocation, as description: BuildDescription) {
        guard !build.isAskedAnew else { return nil }
        self.init(description, build.globals, description.platforms + [""] + build.others)
    }

    /// The same for one target of a bake.
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
        // Global options are compared by their meaning: docker and its plugin get different words before the command
        // word.
        let environment = Self.variables.map { $0 + "=" + (Kernel.variable(named: $0) ?? "") }
        let fields = [description.workingDirectory, root, dockerfile] + environment + globals.words + words
        // The arguments are hashed as they are for the names of exports, so the file's name reveals no more than those
        // do.
        let variant = Variant(branch: "", arguments: description.arguments)
        file = state.appending(path: "fingerprints").appending(
            path: SHA256.hexDigest(of: fields.joined(separator: "\0")).prefix(32) + "." + variant.arguments)
    }

    /// The build's files as they are now; nil if there is no time to read all of them.
    func tree(until deadline: Deadline) -> ContextFingerprint? {
        ContextFingerprint(
            of: root, ignoreFile: ContextSurvey.ignoreFile(of: root, dockerfile: dockerfile), besides: [dockerfile],
            until: deadline)
    }

    /// The trees read so far: the builds of one command often share one.
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

    /// What is remembered of the last such build if its files are still the same; nil if there is no time to read all
    /// of them.
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

    /// Remembers this for the next such build; nil removes what was remembered.
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
    /// Where its complete export is now: where it was written, or where trimming has moved it. nil if the build would
    /// export to another store.
    func standingExport(in store: Store) -> ByteString? {
        guard let export, export.path.hasPrefix(store.layout.subStore(of: store.user) + "/"),
            let path = Export.currentLocation(of: export.path), Export.mark(path) == export.mark
        else { return nil }
        return path
    }
}

/// Records a build for the next one of its kind, in the background.
struct FingerprintKeeper {
    let fingerprint: BuildFingerprint
    let engine: ByteString
    let cache: EngineCache
    /// What was remembered when the build began, if nothing had changed since; nil otherwise.
    let former: BuildFingerprint.Memory?
    /// The directory that the build exports to; nil if it does not export.
    let export: ByteString?
    /// Where the earlier build's export was; nil if there was none.
    let standing: ByteString?

    /// Time limit for the engine's answer, in nanoseconds: in its first answer after a build it measures everything
    /// new.
    private static let patience: Int64 = 20_000_000_000

    /// What the engine's cache holds; one answer serves all builds of a command that have ended.
    func records() -> CacheRecords? { cache.records(within: Self.patience) }

    /// Remembers a build that has ended, together with what the engine's cache holds now. Only `outcome` tells how the
    /// build ended.
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
            // Otherwise something besides the files has changed, such as a base image, and still has to be exported.
            memory.export = standing == nil ? nil : former?.export
        }
        memory.records = records
        fingerprint.save(memory)
    }
}
