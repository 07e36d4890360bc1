public import Formats
internal import Host
internal import Notes

/// What is remembered about the registry between commands: when each key was last checked, what was pushed, what
/// failed, and until when not to retry. All of it can be learned again.
public struct RemoteState: Sendable {
    /// The two directions, which fail independently: a user who may not write may still read.
    public enum Way: ByteString, CaseIterable, Sendable {
        case push = "push"
        case fetch = "fetch"
    }

    /// The state of one key.
    public struct KeyState: Equatable, Sendable {
        /// When a build's background process last checked it, in seconds since 1970.
        public var looked = 0
        /// The manifest that was pushed last, when, and the bytes that it names.
        public var pushed: (digest: ByteString, time: Int, bytes: Int)?
        /// When something was last fetched, and how many bytes.
        public var fetched: (time: Int, bytes: Int)?

        /// Manifests that were refused, and when: fetching their content was useless, and would be again.
        public var refused: [ByteString: Int] = [:]

        /// Whether both are equal.
        public static func == (left: KeyState, right: KeyState) -> Bool { left.json == right.json }
    }

    /// The last failure.
    public struct Failure: Equatable, Sendable {
        /// The cause.
        public let cause: RemoteCause
        /// Its detail.
        public let detail: ByteString
        /// The number of consecutive failures.
        public let count: Int
        /// When it happened, and until when no background process tries again, in seconds since 1970.
        public let time: Int, until: Int
    }

    private let folder: ByteString
    private let prefix: ByteString
    private static let longestWait: Int64 = 86_400
    private static let most = 16_384

    /// In Slipway's state folder, for one registry.
    public init(in folder: ByteString, of prefix: ByteString) {
        self.folder = folder.appending(path: "remote")
        self.prefix = prefix
    }

    private static var now: Int { Int(Clock.now / 1_000_000_000) }

    // MARK: - Keys

    /// The state of a key.
    public subscript(key name: ByteString) -> KeyState {
        get { read("key-" + name).map(KeyState.init) ?? KeyState() }
        nonmutating set { write(newValue.json, "key-" + name) }
    }

    /// The names of the known keys.
    public var keys: [ByteString] {
        ((try? Files.names(in: folder, limit: Self.most)) ?? []).filter { $0.hasPrefix("key-") }
            .map { $0.dropFirst(4) }.sorted()
    }

    // MARK: - Failures

    /// nil if nothing is wrong.
    public func failure(_ way: Way) -> Failure? { read("failure-" + way.rawValue).flatMap(Failure.init) }

    /// The failure, as long as no retry is due.
    public func waiting(_ way: Way) -> Failure? { failure(way).flatMap { $0.until > Self.now ? $0 : nil } }

    /// Records a failure: each time the wait doubles, up to a day.
    public func note(_ failure: RemoteFailure, _ way: Way) {
        let former = self.failure(way)
        let count = former?.cause == failure.cause ? min(32, (former?.count ?? 0) + 1) : 1
        let wait = min(Self.longestWait, failure.cause.row.delay << Int64(min(16, count - 1)))
        write(
            .object([
                "cause": .string(failure.cause.rawValue), "detail": .string(failure.note.detail),
                "count": .integer(count), "time": .integer(Self.now), "until": .integer(Self.now + Int(wait)),
            ]), "failure-" + way.rawValue)
    }

    /// After a success there is nothing to wait for.
    public func clear(_ way: Way) {
        let path = folder.appending(path: "failure-" + way.rawValue)
        if !Files.isMissing(path) { try? Files.remove(path) }
    }

    // MARK: - The writer's name

    /// The tag under which this host pushes, chosen once.
    public func writer() -> ByteString {
        let path = folder.appending(path: "writer")
        func known() -> ByteString? {
            (try? Files.read(path, limit: 64, followLinks: false))?.trimmed
        }
        if let name = known(), name.hasPrefix("host-"), name.count == 21 { return name }
        let name = "host-" + Hex.digits(of: Kernel.randomBytes(8))
        try? Files.makeDirectories(folder, mode: 0o700)
        try? Files.replace(path, with: name + "\n", mode: 0o600)
        return known() ?? name
    }

    /// Runs `body` unless another process is doing so: one background transfer at a time is enough for a host.
    public func alone(_ body: () -> Void) {
        try? Files.makeDirectories(folder, mode: 0o700)
        let path = folder.appending(path: "lock")
        guard let file = try? Descriptor.open(path, .append(mode: 0o600), followLinks: false),
            (try? file.lock(.exclusive)) != nil
        else { return }
        body()
        withExtendedLifetime(file) {}
    }

    // MARK: - Files

    private func read(_ name: ByteString) -> JSON? {
        let path = folder.appending(path: name)
        let text = try? Files.read(path, limit: Self.most, followLinks: false) { $0.owner == Kernel.userID }
        guard let json = text.flatMap({ JSON($0) }), json[key: "prefix"]?.string == prefix else { return nil }
        return json
    }

    private func write(_ json: JSON, _ name: ByteString) {
        guard let members = json.members else { return }
        let text = JSON.object([JSON.Member(name: "prefix", value: .string(prefix))] + members).text + "\n"
        try? Files.makeDirectories(folder, mode: 0o700)
        try? Files.replace(folder.appending(path: name), with: text, mode: 0o600)
    }
}

extension RemoteState.KeyState {
    private static let mostRefused = 64
    /// After this time it may have been pushed anew, or the registry may have been repaired.
    private static let refusal = 86_400

    /// Whether a manifest was refused recently.
    func hasRefused(_ digest: ByteString, at now: Int) -> Bool {
        refused[digest].map { (0..<Self.refusal).contains(now - $0) } ?? false
    }

    /// Records that a manifest was refused.
    mutating func refuse(_ digest: ByteString, at now: Int) {
        refused = refused.filter { (0..<Self.refusal).contains(now - $0.value) }
        if refused.count < Self.mostRefused { refused[digest] = now }
    }

    fileprivate init(_ json: JSON) {
        looked = json[key: "looked"]?.integer ?? 0
        if let pushed = json[key: "pushed"], let digest = pushed[key: "digest"]?.string {
            self.pushed = (digest, pushed[key: "time"]?.integer ?? 0, pushed[key: "bytes"]?.integer ?? 0)
        }
        if let fetched = json[key: "fetched"], let time = fetched[key: "time"]?.integer {
            self.fetched = (time, fetched[key: "bytes"]?.integer ?? 0)
        }
        for member in (json[key: "refused"]?.members ?? []).prefix(Self.mostRefused) {
            refused[member.name] = member.value.integer
        }
    }

    /// Stable for programs.
    public var json: JSON {
        .object([
            "looked": .integer(looked),
            "pushed": pushed.map {
                .object(["digest": .string($0.digest), "time": .integer($0.time), "bytes": .integer($0.bytes)])
            } ?? .null,
            "fetched": fetched.map { .object(["time": .integer($0.time), "bytes": .integer($0.bytes)]) } ?? .null,
            "refused": .object(
                refused.sorted { $0.key < $1.key }.map { JSON.Member(name: $0.key, value: .integer($0.value)) }),
        ])
    }
}

extension RemoteState.Failure {
    fileprivate init?(_ json: JSON) {
        guard let cause = json[key: "cause"]?.string.flatMap(RemoteCause.init(rawValue:)),
            let count = json[key: "count"]?.integer, let time = json[key: "time"]?.integer,
            let until = json[key: "until"]?.integer
        else { return nil }
        self.init(
            cause: cause, detail: json[key: "detail"]?.string ?? "", count: count, time: time, until: until)
    }

    /// Stable for programs.
    public var json: JSON {
        .object([
            "code": .string(cause.row.reason.code), "cause": .string(cause.rawValue), "detail": .string(detail),
            "count": .integer(count), "time": .integer(time), "until": .integer(until),
            "advice": .string(cause.row.advice),
        ])
    }
}
