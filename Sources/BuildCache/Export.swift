public import Formats
internal import Host
internal import Notes

/// A place of its own for one build's export: two exporters in one directory fail finished builds (BuildKit does not wait
/// for index.json.lock), and over one shared pool each blob is still stored once.
public struct Export: Equatable, Sendable {
    /// The directory that BuildKit writes `index.json` to.
    public let path: ByteString
    /// The file whose lock keeps it there.
    public var leasePath: ByteString { generation.leasePath }
    /// What it lies in.
    public let generation: Generation
    private let key: Key

    /// By its parts.
    init(path: ByteString, generation: Generation, key: Key) {
        self.path = path
        self.generation = generation
        self.key = key
    }

    /// What BuildKit writes last: an export that has it is complete.
    public static let index: ByteString = "index.json"
    /// The record of what a build was asked for, beside its export.
    public static let buildRecord: ByteString = "build"
    /// The record of what COPY could see.
    public static let contextRecord: ByteString = "context"
    /// What became of the build.
    public static let outcomeRecord: ByteString = "outcome"
    /// The file whose time says when a build last used its layers that exported nothing itself.
    static let usedRecord: ByteString = "used"
    static let recordNames = [buildRecord, contextRecord, outcomeRecord, remoteRecord]

    /// Where an export stands now: as it was written, or where trimming has moved it; nil when it is gone.
    public static func currentLocation(of path: ByteString) -> ByteString? {
        if !Files.isMissing(path) { return path }
        let home = path.parentPath.parentPath.parentPath
        guard path.parentPath.parentPath.lastPathComponent == "exports", Generation.isName(home.lastPathComponent),
            let name = try? Files.readLink(home.parentPath.appending(path: StoreLayout.current)),
            Generation.isName(name)
        else { return nil }
        let key = path.parentPath.lastPathComponent
        let moved = home.parentPath.appending(path: name).appending(path: "exports").appending(path: key)
            .appending(path: path.lastPathComponent)
        return Files.isMissing(moved) ? nil : moved
    }

    /// By what an export is known to be whole: digits of its index, which is another one once trimming has taken layers out. nil while
    /// there is none.
    public static func mark(_ path: ByteString) -> ByteString? {
        guard let text = try? Files.read(path.appending(path: index), limit: 65_536, followLinks: false), !text.isEmpty
        else { return nil }
        return SHA256.hexDigest(of: text).prefix(16)
    }

    /// Writes a record beside an export of one's own whose build has ended: nobody holds it any more, and trimming may have moved
    /// it, or be about to. Tried for ten seconds; not where the export is gone.
    public static func write(_ text: ByteString, _ record: ByteString, beside path: ByteString, mode: UInt32) {
        for _ in 0..<100 {
            guard let place = currentLocation(of: path) else { return }
            let home = Generation(path: place.parentPath.parentPath.parentPath, owner: Kernel.userID)
            if let lease = (try? Lease.take(of: home)) ?? nil, !Files.isMissing(place) {
                withExtendedLifetime(lease) {
                    try? Files.replace(place.appending(path: record), with: text, mode: mode)
                }
                return
            }
            Clock.sleep(nanoseconds: 100_000_000)
        }
    }

    /// Where a build would export to, if that would work; changes nothing. `own` is one's current generation; nil when it
    /// is still to be made.
    public static func offer(
        in store: Store, own: Generation?, for build: BuildIdentity, limits: StoreLimits, remember: Bool,
        until deadline: Deadline = .never
    ) throws(StoreError) -> Export {
        let generation =
            own
            ?? Generation(
                path: store.layout.subStore(of: store.user).appending(path: Generation.firstName), owner: store.user)
        if own != nil {
            for folder in [generation.poolPath, generation.exportsPath] { try checkWritable(folder) }
            if let size = PoolSize.measure(
                generation, now: Clock.now, remember: remember, until: deadline),
                size.bytes > limits.maximumSize
            {
                throw StoreError(.storeOverBudget, ByteString(decimal: size.bytes >> 20) + " MiB in " + generation.path)
            }
        }
        if let space = try? Files.space(at: own?.path ?? store.layout.root) {
            try limits.check(space, at: store.layout.root)
        }
        let name = ExportName(
            variant: build.variant, started: Clock.now / 1_000_000_000, random: Hex.digits(of: Kernel.randomBytes(8)))
        return Export(
            path: generation.keyPath(build.key).appending(path: name.text), generation: generation, key: build.key)
    }

    private static func checkWritable(_ path: ByteString) throws(StoreError) {
        do throws(Errno) {
            try Files.check(.write, path)
        } catch {
            throw StoreError(error == .readOnly ? .storeReadOnly : .storeNotWritable, path, error)
        }
    }

    /// Makes the directory, its `ingest` and its link to the pool. What BuildKit's client cannot do is fatal to the build,
    /// even with ignore-error, so it is tried here first.
    public func prepare() throws(StoreError) {
        do throws(Errno) {
            let mode = try Files.status(generation.path, followLinks: false).mode & 0o755
            let home = generation.keyPath(key)
            do throws(Errno) {
                try Files.makeDirectory(home, mode: mode)
                try Files.replace(
                    home.appending(path: Generation.keyRecord), with: key.json.text + "\n", mode: mode & 0o644)
            } catch .fileExists {
                // Another build of this key came first.
            }
            try Files.makeDirectory(path, mode: mode)
            try Files.makeDirectory(path.appending(path: "ingest"), mode: mode)
            try Files.makeLink(path.appending(path: "blobs"), to: "../../../blobs")
        } catch {
            throw StoreError(error == .readOnly ? .storeReadOnly : .storeNotWritable, path, error)
        }
    }
}

extension Store {
    /// Makes one's own sub-store where there is none yet, so that there is something to lease.
    func makeOwnIfMissing() throws(StoreError) {
        if try currentGeneration(of: user) == nil { _ = try prepareOwn() }
    }

    /// Makes STORE and STORE/v1 right for sharing: one's own alone (0755), or with every user of the machine (1777: each makes a
    /// sub-store of their own, and the sticky bit keeps them from moving another's). As root, shared, it also gives every user
    /// a place. Returns what was changed, for people.
    public func initialize(shared: Bool) throws(StoreError) -> [ByteString] {
        let mode: UInt32 = shared ? 0o1777 : 0o755
        var changes: [ByteString] = []
        // STORE may be a link of the operator's. What stands in it may be anybody's, so a link there is not followed: root would
        // open the directory behind it to all.
        for (path, followLinks) in [(layout.root, true), (layout.format, false)] {
            do throws(Errno) {
                if let change = try initialize(path, mode: mode, followLinks: followLinks) { changes.append(change) }
            } catch .symbolicLink {
                throw StoreError(.storeNotTrusted, path)
            } catch {
                throw StoreError(.storeMissing, path, error)
            }
        }
        if shared && user == 0 { changes += try SubStoreOwnership.restore(layout) }
        return changes
    }

    /// Gives one directory its mode and, as root, its owner; returns what was changed. Looks at the open directory: the path
    /// may lead elsewhere in between.
    private func initialize(_ path: ByteString, mode: UInt32, followLinks: Bool) throws(Errno) -> ByteString? {
        var isNew = false
        do throws(Errno) {
            _ = try Files.status(path, followLinks: false)
        } catch .noSuchFile {
            try Files.makeDirectories(path, mode: 0o755)
            isNew = true
        }
        let directory = try Descriptor.open(path, followLinks: followLinks)
        let status = try directory.status()
        guard status.kind == .directory else { throw .notDirectory }
        guard status.owner == user || user == 0 else { throw .accessDenied }
        let isForeign = user == 0 && status.owner != 0
        guard isNew || isForeign || status.mode != mode else { return nil }
        if isForeign { try directory.setOwner(user: 0, group: 0) }
        try directory.setMode(mode)
        return (isNew ? "made " : "changed ") + path
    }
}
