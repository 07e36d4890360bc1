public import Formats
internal import Host
internal import Notes

/// The names of the records in an engine's own BuildKit cache. As long as all records that a build left behind exist,
/// the same build finds everything it needs on this engine.
public struct CacheRecords: Equatable, Sendable {
    /// BuildKit's names are 25 random digits in base 36; twelve of them tell names apart and fit into a number.
    private static let digits = 12
    private static let most = 8192
    private let names: [UInt64]

    /// Reads the message that answers `question`; nil for anything else, and for more than 8,192 records.
    ///
    /// Source: moby/buildkit api/services/control/control.proto, DiskUsageResponse.
    init?(listing message: [UInt8]) {
        var names: [UInt64] = []
        var records = ProtobufFields(message[...])
        do throws(MalformedResponse) {
            while let field = try records.next() {
                guard field.number == 1 else { continue }
                guard let bytes = field.bytes, names.count < Self.most else { return nil }
                var record = ProtobufFields(bytes)
                guard let first = try record.next(), first.number == 1, let name = first.bytes,
                    let number = Self.number(name.prefix(Self.digits))
                else { return nil }
                names.append(number)
            }
        } catch {
            return nil
        }
        guard !names.isEmpty else { return nil }
        self.names = names.sorted()
    }

    static let method: ByteString = "/moby.buildkit.v1.Control/DiskUsage"

    /// Asks for everything that steps have made. For the others, which are cache mounts and contexts, the engine would
    /// have to measure what has changed; it locks a record meanwhile, and a step that starts then gets an empty one.
    ///
    /// Source: moby/buildkit cache/manager.go, DiskUsage and GetMutable; solver/llbsolver/mounts/mount.go,
    /// getRefCacheDirNoCache.
    static let question: [UInt8] = {
        let filter: ByteString = "type!=exec.cachemount,type!=source.local,type!=source.git.checkout"
        return [0x0A, UInt8(filter.count)] + filter.bytes
    }()

    /// From the output of `text`; nil for anything else.
    public init?(_ text: ByteString) {
        let words = text.split(" ")
        let names = words.compactMap { Self.number($0.bytes[...]) }
        guard names.count == words.count, names.count <= Self.most else { return nil }
        self.names = names.sorted()
    }

    /// All names, separated by blanks.
    public var text: ByteString {
        names.map { name in ByteString(String(name, radix: 36)).zeroPadded(to: Self.digits) }.joined(separator: " ")
    }

    /// Whether all of these are among others.
    public func areAmong(_ others: CacheRecords) -> Bool {
        var rest = others.names[...]
        for name in names {
            while let first = rest.first, first < name { rest = rest.dropFirst() }
            guard rest.first == name else { return false }
        }
        return true
    }

    private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard text.count == digits else { return nil }
        var number: UInt64 = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number * 36 + UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"): number = number * 36 + UInt64(byte - UInt8(ascii: "a")) + 10
            default: return nil
            }
        }
        return number
    }
}

/// The cache of an engine's own builder.
public struct EngineCache: Equatable, Sendable {
    let endpoint: Endpoint
    let hostTable: ByteString

    /// How long a build waits for the answer, in nanoseconds; without an answer the build imports. Usually the answer
    /// comes at once, but it takes up to 4 ms for each record whose size was never asked for.
    public let patience: Int64

    private static let least: Int64 = 60_000_000
    private static let most: Int64 = 500_000_000

    /// For an engine that took this many nanoseconds to report what it is: a busy one gets more time.
    init(endpoint: Endpoint, hostTable: ByteString, answeredIn nanoseconds: Int64) {
        self.endpoint = endpoint
        self.hostTable = hostTable
        patience = min(max(nanoseconds, 0), (Self.most - Self.least) / 16) * 16 + Self.least
    }

    /// The present records; nil if the engine does not answer within this many nanoseconds.
    public func records(within nanoseconds: Int64) -> CacheRecords? {
        let end = Clock.monotonic &+ nanoseconds
        do throws(EngineError) {
            let socket = try EngineConnection.connect(to: endpoint, hostTable: hostTable, until: end)
            let answer = try EngineConnection.call(
                CacheRecords.method, CacheRecords.question, over: socket, until: end,
                if: { EngineInfo.release(in: $0.server) != nil }, meanwhile: { _ in })
            return CacheRecords(listing: answer.message)
        } catch {
            return nil
        }
    }
}
