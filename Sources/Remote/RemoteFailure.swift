public import Formats
public import Notes

/// Why something could not be fetched from a registry, or pushed to it.
public struct RemoteFailure: Error, Equatable, Sendable {
    /// The cause.
    public let cause: RemoteCause
    /// The reason with the client's own message.
    public let note: Note
    /// The signal that ended it, if one did.
    public var signal: Int32?

    /// A cause and its detail.
    public init(_ cause: RemoteCause, _ detail: ByteString = "") {
        self.cause = cause
        note = Note(cause.row.reason, detail)
    }
}

/// Everything that can fail between hosts, one row each: how to recognize it, how soon to try again, and what to do.
public enum RemoteCause: ByteString, CaseIterable, Sendable {
    case clientMissing = "client-missing"
    case clientTooOld = "client-too-old"
    case refused = "refused"
    case silent = "silent"
    case slow = "slow"
    case unauthorized = "unauthorized"
    case forbidden = "forbidden"
    case notFound = "not-found"
    case throttled = "throttled"
    case failing = "failing"
    case notVerified = "not-verified"
    case diskFull = "disk-full"
    case damaged = "damaged"
    case manifestRejected = "manifest-rejected"
    case tooLarge = "too-large"
    case tooManyTags = "too-many-tags"
    case unclear = "unclear"

    /// The facts about a cause.
    public struct Row: Sendable {
        /// Its code and sentence.
        public let reason: Reason
        /// The seconds until the first retry; doubled for each further one.
        public let delay: Int64
        /// Words of oras and crane by which it is recognized, in lower case.
        let words: [ByteString]
        /// What the user can do.
        public let advice: ByteString
    }

    /// The table's row. The words are those of oras 1.3.3 and crane 0.20.7, and of Go's network and TLS packages.
    public var row: Row {
        switch self {
        case .clientMissing:
            Row(
                reason: .remoteClientMissing, delay: 3600, words: [],
                advice: "apt-get install oras, or set remote.client")
        case .clientTooOld:
            Row(
                reason: .remoteClientTooOld, delay: 3600, words: [],
                advice: "install a newer oras, or set remote.client")
        case .refused:
            Row(
                reason: .remoteRefused, delay: 60,
                words: [
                    "connection refused", "no such host", "network is unreachable", "no route to host",
                    "connection reset", "server misbehaving", "eof\"", ": eof",
                ], advice: "check whether the registry runs: slipway remote check")
        case .silent:
            Row(
                reason: .remoteSilent, delay: 300,
                words: ["i/o timeout", "deadline exceeded", "timeout awaiting", "handshake timeout"],
                advice: "check whether the registry answers: slipway remote check")
        case .slow:
            Row(reason: .remoteSlow, delay: 600, words: [], advice: "measure it: slipway remote check")
        case .unauthorized:
            Row(
                reason: .remoteUnauthorized, delay: 900,
                words: ["status code 401", "unauthorized", "basic credential not found", "credential required"],
                advice: "run docker login for the registry")
        case .forbidden:
            Row(
                reason: .remoteForbidden, delay: 3600, words: ["status code 403", "denied", "forbidden"],
                advice: "ask for permission to push, or set remote.role = reader")
        case .throttled:
            Row(
                reason: .remoteThrottled, delay: 900,
                words: ["status code 429", "toomanyrequests", "too many requests"],
                advice: "raise remote.interval")
        case .diskFull:
            Row(
                reason: .remoteDiskFull, delay: 900, words: ["no space left on device", "disk quota exceeded"],
                advice: "run slipway trim, or free some space")
        case .damaged:
            Row(
                reason: .remoteDamaged, delay: 3600,
                words: ["mismatched digest", "error verifying", "unexpected eof", "mismatched size", "size mismatch"],
                advice: "push it again from a host that has it, and check whether the registry's storage is intact")
        case .notVerified:
            Row(
                reason: .remoteNotVerified, delay: 3600,
                words: [
                    "x509:", "certificate", "tls:", "server gave http response to https client",
                    "first record does not look like a tls handshake",
                ], advice: "trust its CA (SSL_CERT_FILE), or set remote.insecure = on for plain http")
        case .failing:
            Row(
                reason: .remoteFailing, delay: 300,
                words: [
                    "status code 50", "internal server error", "service unavailable", "bad gateway", "gateway timeout",
                    "registry: unknown: ", "registry: unavailable: ", "\": unknown: ", "\": unavailable: ",
                    ": unknown: ",
                    ": unavailable: ",
                ], advice: "see the registry's own log")
        case .notFound:
            Row(
                reason: .remoteNotFound, delay: 300,
                words: [
                    "not found", "name unknown", "name_unknown", "manifest_unknown", "blob_unknown", "status code 404",
                ],
                advice: "check whether remote names the right path, and whether its repositories must be created first")
        case .manifestRejected:
            Row(
                reason: .remoteManifestRejected, delay: 3600, words: ["size exceeds limit"],
                advice: "delete the tag, and check who may push there")
        case .tooLarge:
            Row(reason: .remoteTooLarge, delay: 3600, words: [], advice: "raise remote.max-fetch")
        case .tooManyTags:
            Row(
                reason: .remoteTooManyTags, delay: 3600, words: [],
                advice: "slipway remote prune, set remote.writer for short-lived hosts, and check who may push there"
            )
        case .unclear:
            Row(reason: .remoteUnclear, delay: 300, words: [], advice: "slipway remote check")
        }
    }

    /// In the order of the search: specific words before those that may occur in any message.
    private static let known: [RemoteCause] = [
        .diskFull, .manifestRejected, .damaged, .unauthorized, .throttled, .forbidden, .refused, .silent, .failing,
        .notFound,
        .notVerified,
    ]

    /// The cause that a client's last words indicate.
    init(saying text: ByteString) {
        let text = text.lowercasedASCII
        self = Self.known.first { $0.row.words.contains { text.range(of: $0) != nil } } ?? .unclear
    }
}
