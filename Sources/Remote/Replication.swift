public import BuildCache
public import Formats
internal import Host
public import Notes
public import Planning
internal import Synchronization

/// Pushes what this host has built to a registry, and fetches what others have built. Builds still see only the
/// store.
public struct Replication {
    let client: RemoteClient
    private let store: Store
    private let settings: Settings
    private let state: RemoteState
    let prefix: ByteString
    private let writer: ByteString
    /// The progress of a transfer, for people.
    public enum Progress: Equatable, Sendable {
        case began(ByteString)
        /// Bytes, and how many it will be.
        case moved(UInt64, of: UInt64)
    }

    /// Reports progress; nil if nobody watches.
    public var progress: (@Sendable (Progress) -> Void)?

    /// With the registry that the settings name.
    public init(
        _ client: RemoteClient, _ store: Store, _ settings: Settings, _ state: RemoteState, prefix: ByteString
    ) {
        self.client = client
        self.store = store
        self.settings = settings
        self.state = state
        self.prefix = prefix
        writer = settings.remote.writer ?? state.writer()
    }

    /// The repository for a key's manifests: PREFIX/KEY, without characters that registries do not allow in a name.
    public static func repository(of key: Key, below prefix: ByteString) -> ByteString {
        prefix + "/" + component(key.directoryName)
    }

    /// Each run of bytes other than letters and digits becomes one dash: the digits at the end still keep names
    /// apart.
    static func component(_ name: ByteString) -> ByteString {
        let words = name.lowercasedASCII.bytes.split { !($0.isDigit || $0.isLetter) }
        return words.map { ByteString($0) }.joined(separator: "-")
    }

    private func now() -> Int { Int(Clock.now / 1_000_000_000) }

    // MARK: - Push

    /// The result for a key.
    public struct Pushed: Sendable {
        /// PREFIX/KEY:WRITER.
        public let reference: ByteString
        /// The manifest.
        public let digest: ByteString
        /// The bytes of everything that it names.
        public let bytes: UInt64
        /// Whether the registry had a different one.
        public let isNew: Bool
    }

    /// Pushes what was built for a key; nil if nothing was built.
    public func push(_ key: Key) throws(RemoteFailure) -> Pushed? {
        guard var union = try union(of: key) else { return nil }
        let repository = Self.repository(of: key, below: prefix)
        let reference = repository + ":" + writer
        var known = state[key: key.directoryName]
        let there = try client.manifest(reference, most: FetchedManifest.largest)
        let digest = there.flatMap { FetchedManifest($0) }?.digest
        if digest != union.digest {
            // Another host has pushed under this name, or this host has lost its store: nothing that was pushed must
            // get lost.
            if let there, digest != known.pushed?.digest, let manifest = FetchedManifest(there),
                !FetchedExport.isHere(manifest.digest, for: key, in: store),
                (try? fetch(manifest, tag: writer, of: key, within: settings.remote.maximumFetch)) != nil
            {
                union = try self.union(of: key) ?? union
            }
            progress?(.began("pushing " + reference))
            let (digest, bytes) = (union.digest, union.bytes)
            var moved: (@Sendable (UInt64, UInt64) -> Void)?
            if let progress { moved = { progress(.moved($0, of: $1)) } }
            let failure: RemoteFailure?
            do throws(StoreError) {
                failure = try union.withLayout { layout in
                    do throws(RemoteFailure) {
                        try client.push(layout, digest, to: reference, bytes: bytes, moved: moved)
                        return nil
                    } catch {
                        return error
                    }
                }
            } catch {
                throw RemoteFailure(error)
            }
            if let failure { throw failure }
        }
        known.pushed = (union.digest, now(), Int(clamping: union.bytes))
        state[key: key.directoryName] = known
        return Pushed(
            reference: reference, digest: union.digest, bytes: union.bytes, isNew: digest != union.digest)
    }

    private func union(of key: Key) throws(RemoteFailure) -> ReplicatedUnion? {
        try rejecting { () throws(StoreError) in try ReplicatedUnion(of: key, by: writer, in: store) }
    }

    // MARK: - Fetch

    /// The result for a key.
    public struct Fetched: Sendable {
        /// The number of writers.
        public var tags = 0
        /// The number of manifests that were not here.
        public var new = 0
        /// Bytes that were fetched.
        public var bytes: UInt64 = 0
        /// Manifests of which only the first steps were fetched.
        public var partly: [Note] = []
        /// What was left out, and why.
        public var refused: [Note] = []
    }

    /// Fetches what others have pushed for a key and is not here. A problem with one writer's manifest does not affect
    /// the others. Recently refused manifests are fetched only with `again`.
    public func fetch(_ key: Key, again: Bool) throws(RemoteFailure) -> Fetched {
        let repository = Self.repository(of: key, below: prefix)
        var fetched = Fetched()
        let tags = try client.tags(of: repository).sorted()
        fetched.tags = tags.count
        var known = state[key: key.directoryName]
        for tag in tags {
            var digest: ByteString?
            do throws(RemoteFailure) {
                guard let text = try client.manifest(repository + ":" + tag, most: FetchedManifest.largest) else {
                    continue
                }
                let found = Digest(of: text).name
                digest = found
                guard again || !known.hasRefused(found, at: now()) else { continue }
                guard let manifest = FetchedManifest(text), manifest.configBytes <= FetchedManifest.largest else {
                    throw RemoteFailure(.manifestRejected, repository + ":" + tag)
                }
                let left = settings.remote.maximumFetch.subtractingReportingOverflow(fetched.bytes)
                let most = left.overflow ? 0 : left.partialValue
                guard tag != writer || manifest.digest != known.pushed?.digest,
                    !isHere(manifest, key, again: again, within: most)
                else { continue }
                let done = try fetch(manifest, tag: tag, of: key, within: most)
                fetched.bytes += done.bytes
                fetched.new += 1
                if let note = done.partly { fetched.partly.append(note) }
            } catch {
                switch error.cause {
                case .manifestRejected, .damaged, .notFound:
                    fetched.refused.append(error.note)
                    if let digest { known.refuse(digest, at: now()) }
                case .tooLarge: fetched.refused.append(error.note)
                default:
                    // If something was fetched before the error, the fetch counts as successful.
                    if fetched.new == 0 { throw error }
                    fetched.refused.append(error.note)
                    return fetched
                }
            }
        }
        if fetched.new > 0 { known.fetched = (now(), Int(clamping: fetched.bytes)) }
        if fetched.new > 0 || !fetched.refused.isEmpty { state[key: key.directoryName] = known }
        return fetched
    }

    /// A part counts as here, unless the user asks for everything and there is now space for it.
    private func isHere(_ manifest: FetchedManifest, _ key: Key, again: Bool, within most: UInt64) -> Bool {
        guard FetchedExport.isHere(manifest.digest, for: key, in: store) else { return false }
        return !again || FetchedExport.isHere(manifest.digest, for: key, in: store, whole: true)
            || ((try? manifest.missingBytes(in: store)) ?? 0) > most
    }

    /// The digest of the manifest for a key that names the most layers; nil if nobody has pushed any. Only one, because
    /// with several imports BuildKit loses hits.
    public func resolve(_ key: Key) throws(RemoteFailure) -> ByteString? {
        let repository = Self.repository(of: key, below: prefix)
        var best: FetchedManifest?
        for tag in try client.tags(of: repository).sorted() {
            guard let text = try client.manifest(repository + ":" + tag, most: FetchedManifest.largest),
                let manifest = FetchedManifest(text), manifest.configBytes <= FetchedManifest.largest,
                manifest.layerCount > best?.layerCount ?? 0
            else { continue }
            best = manifest
        }
        return best.map { repository + "@" + $0.digest }
    }

    /// Fetches what one manifest names, or as much of it as is allowed; returns the bytes that were not here.
    private func fetch(
        _ manifest: FetchedManifest, tag: ByteString, of key: Key, within most: UInt64
    ) throws(RemoteFailure) -> (bytes: UInt64, partly: Note?) {
        let repository = Self.repository(of: key, below: prefix)
        let reference = repository + ":" + tag
        // Before any layer: whoever pushes nonsense must not make each reader fetch gigabytes of it.
        let config = try client.blob(repository + "@" + manifest.config, most: FetchedManifest.largest)
        try rejecting { () throws(StoreError) in try manifest.check(config) }
        let needed = try rejecting { () throws(StoreError) in try manifest.missingBytes(in: store) }
        guard needed > most else { return (try fetch(manifest, tag: tag, of: key, isPart: false), nil) }
        let tooLarge = RemoteFailure(
            .tooLarge, reference + " needs " + ByteSize.text(needed) + " more, and " + ByteSize.text(most) + " may come"
        )
        guard most > 0 else { throw tooLarge }
        let part = try rejecting { () throws(StoreError) in
            try manifest.part(within: most, config: config, for: store)
        }
        guard let part else { throw tooLarge }
        let bytes = try fetch(part, tag: tag, of: key, isPart: true)
        return (
            bytes, Note(.remoteFetchedPartly, reference + ", " + ByteSize.text(bytes) + " of " + ByteSize.text(needed))
        )
    }

    private func fetch(
        _ manifest: FetchedManifest, tag: ByteString, of key: Key, isPart: Bool
    ) throws(RemoteFailure) -> UInt64 {
        let repository = Self.repository(of: key, below: prefix)
        let limits = StoreLimits(maximumSize: settings.maximumSize, minimumFree: settings.minimumFree)
        let export = try rejecting { () throws(StoreError) in
            try FetchedExport(manifest, from: tag, for: key, in: store, limits)
        }
        progress?(.began("fetching " + repository + ":" + tag + ", " + ByteSize.text(export.missingBytes)))
        let (layout, total, missing) = (export.layout, export.missingBytes, isPart ? export.missing : nil)
        let failure = Mutex<RemoteFailure?>(nil)
        export.receive { [client, progress] in
            let arrived: @Sendable () -> UInt64 = {
                let bytes = FetchedExport.bytes(in: layout)
                progress?(.moved(min(bytes, total), of: total))
                return bytes
            }
            do throws(RemoteFailure) {
                if let missing {
                    try client.fetch(missing, of: repository, into: layout, bytes: total, arrived: arrived)
                } else {
                    try client.fetch(manifest.digest, of: repository, into: layout, bytes: total, arrived: arrived)
                }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let error = failure.withLock(\.self) {
            export.abandon()
            throw error
        }
        try rejecting { () throws(StoreError) in try export.publish() }
        return export.missingBytes
    }

    /// If the store refuses something, that is a failure of the key.
    private func rejecting<Result>(_ body: () throws(StoreError) -> Result) throws(RemoteFailure) -> Result {
        do throws(StoreError) {
            return try body()
        } catch {
            throw RemoteFailure(error)
        }
    }
}

extension RemoteFailure {
    /// From an error of the store, which refuses the content or has no space for it.
    init(_ rejection: StoreError) {
        let cause: RemoteCause =
            switch rejection.note.reason {
            case .layerRejected: .damaged
            case .manifestRejected, .unionCannotHold, .metadataBudgetSpent: .manifestRejected
            case .storeDiskLow, .storeOverBudget: .diskFull
            default: .unclear
            }
        self.init(cause, rejection.note.message)
    }
}
