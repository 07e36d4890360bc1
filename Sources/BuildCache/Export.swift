public import Formats
internal import Host
internal import Notes

/// A separate directory for one build's export. Two exporters in one directory make finished builds fail (BuildKit does
/// not wait for index.json.lock); with a shared pool each blob is still stored only once.
public struct Export: Equatable, Sendable {
    /// The directory that BuildKit writes `index.json` to.
    public let path: ByteString
    /// The file whose lock keeps the export there.
    public var leasePath: ByteString { generation.leasePath }
    /// The generation that it lies in.
    public let generation: Generation
    private let key: Key

    /// From its parts.
    init(path: ByteString, generation: Generation, key: Key) {
        self.path = path
        self.generation = generation
        self.key = key
    }

    /// BuildKit writes this file last: an export that has it is complete.
    public static let index: ByteString = "index.json"
    /// The record of the build's request, beside its export.
    public static let buildRecord: ByteString = "build"
    /// The record of the files that COPY could see.
    public static let contextRecord: ByteString = "context"
    /// The record of the build's outcome.
    public static let outcomeRecord: ByteString = "outcome"
    /// The file whose modification time tells when a build that exported nothing last used these layers.
    static let usedRecord: ByteString = "used"
    static let recordNames = [buildRecord, contextRecord, outcomeRecord, remoteRecord]

    /// Where an export is now: where it was written, or where trimming has moved it; nil if it is gone.
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

    /// Identifies a complete export: digits of its index's digest, which changes if trimming removes layers. nil as
    /// long as there is no index.
    public static func mark(_ path: ByteString) -> ByteString? {
        guard let text = try? Files.read(path.appending(path: index), limit: 65_536, followLinks: false), !text.isEmpty
        else { return nil }
        return SHA256.hexDigest(of: text).prefix(16)
    }

    /// Writes a record beside one of the user's own exports whose build has ended: no lease holds it any more, and
    /// trimming may have moved it or be about to. Tries for ten seconds; gives up if the export is gone.
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

    /// Where a build would export to, if that would work; changes nothing. `own` is the user's current generation; nil
    /// if it does not exist yet.
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

    /// Makes the directory, its `ingest` and its link to the pool. If BuildKit's client cannot write there, the build
    /// fails, even with ignore-error, so this tries it first.
    public func prepare() throws(StoreError) {
        do throws(Errno) {
            let mode = try Files.status(generation.path, followLinks: false).mode & 0o755
            let home = generation.keyPath(key)
            do throws(Errno) {
                try Files.makeDirectory(home, mode: mode)
                try Files.replace(
                    home.appending(path: Generation.keyRecord), with: key.json.text + "\n", mode: mode & 0o644)
            } catch .fileExists {
                // Another build of this key created it first.
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
    /// Makes the user's own sub-store if it does not exist yet, so that there is something to lease.
    func makeOwnIfMissing() throws(StoreError) {
        if try currentGeneration(of: user) == nil { _ = try prepareOwn() }
    }

    /// Prepares STORE and STORE/v1 for one user alone (0755), or for all users of the machine (1777: each user makes
    /// their own sub-store, and the sticky bit keeps them from moving those of others). For root, with `shared`, it
    /// also makes a place for every user. Returns what it changed, for people.
    public func initialize(shared: Bool) throws(StoreError) -> [ByteString] {
        let mode: UInt32 = shared ? 0o1777 : 0o755
        var changes: [ByteString] = []
        // STORE may be a link that the operator made. Anyone may have put a link inside of it, so that one is not
        // followed: root would open the directory behind it to all.
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

    /// Sets a directory's mode and, for root, its owner; returns what changed. Works on the open directory, because the
    /// path may lead elsewhere in between.
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
