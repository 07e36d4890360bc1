public import Formats
internal import Host
public import Planning
internal import Synchronization

/// A registry client that other people maintain: oras, otherwise crane. Each call has limits for time and bytes, and
/// all output of the client is treated as data. The client itself finds credentials, in docker's own configuration and
/// helpers.
public struct RemoteClient: Sendable {
    /// How to express the five requests to a client.
    struct Dialect: Sendable {
        let name: ByteString
        let version: [ByteString]
        /// Options before the arguments of each call to a registry without TLS.
        let insecure: [ByteString]
        let tags: @Sendable (_ repository: ByteString) -> [ByteString]
        let manifest: @Sendable (_ reference: ByteString) -> [ByteString]
        let blob: @Sendable (_ reference: ByteString) -> [ByteString]
        let push: @Sendable (_ layout: ByteString, _ digest: ByteString, _ reference: ByteString) -> [ByteString]
        let fetch: @Sendable (_ repository: ByteString, _ digest: ByteString, _ layout: ByteString) -> [ByteString]
        let delete: @Sendable (_ reference: ByteString) -> [ByteString]
    }

    static let oras = Dialect(
        name: "oras", version: ["version"], insecure: ["--plain-http"], tags: { ["repo", "tags", $0] },
        manifest: { ["manifest", "fetch", $0] }, blob: { ["blob", "fetch", "--no-tty", "--output", "-", $0] },
        push: { ["cp", "--no-tty", "--from-oci-layout", $0 + "@" + $1, $2] },
        fetch: { ["cp", "--no-tty", "--to-oci-layout", $0 + "@" + $1, $2 + "@" + $1] },
        delete: { ["manifest", "delete", "--force", $0] })
    static let crane = Dialect(
        name: "crane", version: ["version"], insecure: ["--insecure"], tags: { ["ls", $0] },
        manifest: { ["manifest", $0] }, blob: { ["blob", $0] },
        push: { layout, _, reference in ["push", layout, reference] },
        fetch: { ["pull", "--format=oci", $0 + "@" + $1, $2] }, delete: { ["delete", $0] })

    /// The program.
    public let path: ByteString
    /// The version that it reports; empty if it reports none.
    public let version: ByteString
    private let dialect: Dialect
    private let isInsecure: Bool

    /// Such as "oras".
    public var name: ByteString { dialect.name }

    /// How long a query may take.
    static let patience: Int64 = 20_000_000_000
    /// How long a copy may take without making progress.
    private static let stall: Int64 = 30_000_000_000
    /// The least number of bytes that a copy must transfer per second.
    private static let slowest: UInt64 = 256 << 10
    private static let longest: Int64 = 1_800_000_000_000
    /// No key has more writers than this.
    static let mostTags = 256
    private static let longestList = 64 << 10
    /// The most bytes of memory that a client may use: crane collects all tags of an endless list.
    private static let mostMemory: UInt64 = 512 << 20
    /// The most output of a copy, which names each blob.
    private static let mostSaid = 4 << 20

    /// The client in the settings, otherwise oras or crane from PATH.
    public static func find(_ settings: RemoteSettings) throws(RemoteFailure) -> RemoteClient {
        guard let (path, dialect) = search(settings) else { throw RemoteFailure(.clientMissing, settings.client ?? "") }
        var version: ByteString = ""
        do throws(RemoteFailure) {
            version = try RemoteClient(path: path, version: "", dialect: dialect, isInsecure: false).ask(
                dialect.version, most: 4096)
        } catch  where dialect.name == "crane" {
            // Debian's package reports none.
        }
        for line in version.split("\n") where line.hasPrefix("Version:") { version = line.dropFirst(8).trimmed }
        if dialect.name == "oras", version.hasPrefix("0.") { throw RemoteFailure(.clientTooOld, path + " " + version) }
        return RemoteClient(
            path: path, version: version.trimmed.prefix(40), dialect: dialect, isInsecure: settings.isInsecure)
    }

    private static func search(_ settings: RemoteSettings) -> (ByteString, Dialect)? {
        if let path = settings.client {
            guard isProgram(path) else { return nil }
            return (path, path.lastPathComponent.hasPrefix("crane") ? crane : oras)
        }
        let folders = (Kernel.variable("PATH") ?? "").split(":").filter { $0.hasPrefix("/") }
        for dialect in [oras, crane] {
            if let path = folders.map({ $0.appending(path: dialect.name) }).first(where: isProgram) {
                return (path, dialect)
            }
        }
        return nil
    }

    private static func isProgram(_ path: ByteString) -> Bool {
        (try? Files.status(path).kind) == .regular && Files.allows(.execute, path)
    }

    init(path: ByteString, version: ByteString, dialect: Dialect, isInsecure: Bool) {
        self.path = path
        self.version = version
        self.dialect = dialect
        self.isInsecure = isInsecure
    }

    // MARK: - Queries

    /// The tags of a repository; none if it does not exist yet.
    public func tags(of repository: ByteString) throws(RemoteFailure) -> [ByteString] {
        let said: ByteString
        do throws(RemoteFailure) {
            said = try ask(plain(dialect.tags(repository)), most: Self.longestList)
        } catch {
            switch error.cause {
            case .notFound: return []
            case .tooLarge: throw RemoteFailure(.tooManyTags, repository)
            default: throw error
            }
        }
        let tags = said.split("\n").map(\.trimmed).filter(RemoteSettings.isTag)
        guard tags.count <= Self.mostTags else {
            throw RemoteFailure(.tooManyTags, repository + " has " + ByteString(decimal: tags.count))
        }
        return tags.withoutRepeats
    }

    /// The exact bytes of a manifest; nil if there is none.
    public func manifest(_ reference: ByteString, most: Int) throws(RemoteFailure) -> ByteString? {
        do throws(RemoteFailure) {
            return try ask(plain(dialect.manifest(reference)), most: most)
        } catch {
            switch error.cause {
            case .notFound: return nil
            case .tooLarge: throw RemoteFailure(.manifestRejected, reference + " is larger than any that is imported")
            default: throw error
            }
        }
    }

    /// A small blob by its digest.
    public func blob(_ reference: ByteString, most: Int) throws(RemoteFailure) -> ByteString {
        try ask(plain(dialect.blob(reference)), most: most)
    }

    /// Deletes a manifest, if the registry allows that.
    public func delete(_ reference: ByteString) throws(RemoteFailure) {
        _ = try ask(plain(dialect.delete(reference)), most: 4096)
    }

    // MARK: - Copies

    /// Copies a layout's manifest, and what it names and the registry lacks, to the registry. `moved` gets the bytes
    /// that were sent, and how many it will be.
    public func push(
        _ layout: ByteString, _ digest: ByteString, to reference: ByteString, bytes: UInt64,
        moved: (@Sendable (UInt64, UInt64) -> Void)? = nil
    ) throws(RemoteFailure) {
        var words = dialect.push(layout, digest, reference)
        if isInsecure { words.insert(dialect.name == "oras" ? "--to-plain-http" : "--insecure", at: 1) }
        guard let moved else {
            _ = try call(words, within: Self.time(for: bytes), most: Self.mostSaid)
            return
        }
        let shipment = Shipment(of: layout, bytes: bytes)
        // Nearly all that the client writes goes to the registry.
        _ = try call(words, within: Self.time(for: bytes), most: Self.mostSaid, line: shipment.heard) { sent in
            moved(min(sent, shipment.total), shipment.total)
        }
    }

    /// Copies a manifest, and what it names and the layout lacks, into a layout: at most this many bytes. `arrived`
    /// counts them.
    public func fetch(
        _ digest: ByteString, of repository: ByteString, into layout: ByteString, bytes: UInt64,
        arrived: @escaping @Sendable () -> UInt64
    ) throws(RemoteFailure) {
        var words = dialect.fetch(repository, digest, layout)
        if isInsecure { words.insert(dialect.name == "oras" ? "--from-plain-http" : "--insecure", at: 1) }
        // Besides layers there are a manifest, a config and the layout's own files.
        let watch = CopyWatch(most: bytes.addingReportingOverflow(4 << 20).partialValue, stall: Self.stall, arrived)
        do throws(RemoteFailure) {
            _ = try call(words, within: Self.time(for: bytes), most: Self.mostSaid) { watch.mayGoOn() }
        } catch {
            throw watch.cause.map { RemoteFailure($0, repository) } ?? error
        }
    }

    /// Copies some blobs into a layout, one after the other: at most this many bytes in total.
    public func fetch(
        _ blobs: [ByteString], of repository: ByteString, into layout: ByteString, bytes: UInt64,
        arrived: @escaping @Sendable () -> UInt64
    ) throws(RemoteFailure) {
        let pool = layout.appending(path: "blobs/sha256")
        let watch = CopyWatch(most: bytes, stall: Self.stall, arrived)
        let end = Clock.monotonic &+ Self.time(for: bytes)
        for blob in blobs {
            do throws(RemoteFailure) {
                _ = try call(
                    plain(dialect.blob(repository + "@" + blob)), within: max(1, end &- Clock.monotonic),
                    most: Self.mostSaid, into: pool.appending(path: blob.dropFirst("sha256:".count))
                ) { watch.mayGoOn() }
            } catch {
                throw watch.cause.map { RemoteFailure($0, repository) } ?? error
            }
        }
    }

    private static func time(for bytes: UInt64) -> Int64 {
        min(longest, patience + Int64(clamping: bytes / slowest) &* 1_000_000_000)
    }

    // MARK: - Calls

    private func plain(_ words: [ByteString]) -> [ByteString] {
        var words = words
        if isInsecure { words.insert(contentsOf: dialect.insecure, at: dialect.name == "oras" ? 2 : 1) }
        return words
    }

    private func ask(_ words: [ByteString], most: Int) throws(RemoteFailure) -> ByteString {
        try call(words, within: Self.patience, most: most)
    }

    private func call(
        _ words: [ByteString], within nanoseconds: Int64, most: Int, into file: ByteString? = nil,
        while mayGoOn: () -> Bool = { true }, line: (ByteString) -> Void = { _ in },
        wrote: (@Sendable (UInt64) -> Void)? = nil
    ) throws(RemoteFailure) -> ByteString {
        var conversation = Subprocess(
            program: path, arguments: [dialect.name] + words, environment: Kernel.environment)
        conversation.nanoseconds = nanoseconds
        conversation.endsGroup = true
        conversation.mostOutput = most
        conversation.outputFile = file
        conversation.mostMemory = Self.mostMemory
        conversation.wrote = wrote
        let ending: Subprocess.Ending
        do throws(Errno) {
            ending = try conversation.run(while: mayGoOn) { line($1) }
        } catch .timedOut {
            throw RemoteFailure(nanoseconds > Self.patience ? .slow : .silent, (words.first ?? "") + " took too long")
        } catch .tooLarge {
            throw RemoteFailure(.tooLarge, "more was sent than was asked for")
        } catch .noMemory {
            throw RemoteFailure(.tooLarge, "the client used more than " + ByteSize.text(Self.mostMemory) + " of memory")
        } catch .interrupted where DeferredSignals.waiting == nil {
            throw RemoteFailure(.unclear, (words.first ?? "") + " was ended")
        } catch .interrupted {
            var failure = RemoteFailure(.unclear, "interrupted")
            failure.signal = DeferredSignals.waiting ?? 2
            throw failure
        } catch {
            throw RemoteFailure(.clientMissing, path)
        }
        guard ending.exitCode != 0 else { return ending.output }
        let lines = ending.error.split("\n").map(\.trimmed.terminalSafe).filter { !$0.isEmpty }
        let told = lines.first { $0.hasPrefix("Error") } ?? lines.last ?? ""
        throw RemoteFailure(RemoteCause(saying: told), told.prefix(400))
    }
}

/// Stops a copy that makes no progress, or is too large.
private final class CopyWatch: Sendable {
    private struct State {
        var bytes: UInt64 = 0
        var grew = Clock.monotonic
        var looked: Int64 = 0
        var cause: RemoteCause?
    }

    private let state = Mutex(State())
    private let most: UInt64
    private let stall: Int64
    private let arrived: @Sendable () -> UInt64
    private static let interval: Int64 = 250_000_000

    init(most: UInt64, stall: Int64, _ arrived: @escaping @Sendable () -> UInt64) {
        self.most = most
        self.stall = stall
        self.arrived = arrived
    }

    var cause: RemoteCause? { state.withLock(\.cause) }

    func mayGoOn() -> Bool {
        state.withLock { state in
            let now = Clock.monotonic
            guard now &- state.looked > Self.interval else { return true }
            state.looked = now
            let bytes = arrived()
            if bytes > state.bytes {
                state.bytes = bytes
                state.grew = now
            }
            if bytes > most { state.cause = .damaged }
            if now &- state.grew > stall { state.cause = .silent }
            return state.cause == nil
        }
    }
}

/// The bytes that a push has to send: a layout's, besides what the client says that the registry has.
private final class Shipment: Sendable {
    private let sizes: [ByteString: UInt64]
    private let left: Mutex<UInt64>
    /// So many digits of a digest oras shows.
    private static let shown = 12

    init(of layout: ByteString, bytes: UInt64) {
        let pool = layout.appending(path: "blobs/sha256")
        let names = (try? Files.names(in: pool, limit: 1 << 16)) ?? []
        sizes = Dictionary(
            names.map { name in
                (name.prefix(Self.shown), UInt64(max(0, (try? Files.status(pool.appending(path: name)).size) ?? 0)))
            }, uniquingKeysWith: { max($0, $1) })
        left = Mutex(bytes)
    }

    var total: UInt64 { left.withLock(\.self) }

    /// oras: "Exists  0123456789ab NAME"; crane: "existing blob: sha256:...".
    func heard(_ line: ByteString) {
        guard line.lowercasedASCII.range(of: "exist") != nil else { return }
        for word in line.split(" ") {
            let digits = word.hasPrefix("sha256:") ? word.dropFirst(7) : word
            guard digits.count >= Self.shown, let size = sizes[digits.prefix(Self.shown)] else { continue }
            return left.withLock { $0 -= min($0, size) }
        }
    }
}
