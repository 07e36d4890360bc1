internal import Formats

/// The worker that builds for an engine: the only one of the engine's own BuildKit.
struct BuildKitWorker: Equatable, Sendable {
    /// The ID stored beside its cache: the engine's own ID with docker's classic store, otherwise a random one.
    let identifier: ByteString
    /// Whether it keeps images in containerd's store.
    let usesContainerdStore: Bool
    /// Its architecture as the OCI names it.
    let architecture: ByteString

    static let method: ByteString = "/moby.buildkit.v1.Control/ListWorkers"

    /// Architectures for which `/info` reports the same name, or the kernel's name for the same machine. A 32-bit
    /// engine also reports the kernel's.
    private static let architectures: [ByteString] = ["amd64", "arm64", "ppc64le", "riscv64", "s390x"]
    private static let longestIdentifier = 96

    /// nil if anything is uncertain.
    init?(identifier: ByteString, usesContainerdStore: Bool, architecture: ByteString) {
        // Up to 24.0.0 a worker with the classic store had this ID on every engine.
        guard identifier != "moby", identifier.count <= Self.longestIdentifier, !identifier.isEmpty,
            identifier.bytes.allSatisfy(Self.isPlain), Self.architectures.contains(architecture)
        else { return nil }
        self.identifier = identifier
        self.usesContainerdStore = usesContainerdStore
        self.architecture = architecture
    }

    /// These bytes have no special meaning in a filter or in a line of the memory file.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":")
    }

    /// The message that asks for the engine's workers, except for a known one: to list a worker, an engine runs
    /// programs for every architecture to see which ones work; it does not do so for a worker that the filter excludes.
    ///
    /// Source: moby/buildkit api/services/control/control.proto, ListWorkersRequest; control/control.go, ListWorkers;
    /// util/archutil/detect.go, SupportedPlatforms.
    static func question(besides known: BuildKitWorker?) -> [UInt8] {
        guard let known else { return [] }
        let filter = "id!=\"" + known.identifier + "\""
        return [0x0A, UInt8(truncatingIfNeeded: filter.count)] + filter.bytes
    }

    /// The only worker in the answer, or nil if there is none. Throws for several, and for one of which it is uncertain
    /// what `/info` would report.
    ///
    /// Source: moby/buildkit api/types/worker.proto, WorkerRecord; worker/label/label.go; solver/pb/ops.proto,
    /// Platform; moby daemon/internal/builder-next/controller.go.
    static func only(in answer: [UInt8]) throws(MalformedResponse) -> BuildKitWorker? {
        var workers = ProtobufFields(answer[...])
        var found: BuildKitWorker?
        while let field = try workers.next() {
            guard field.number == 1 else { continue }
            guard found == nil, let record = field.bytes, let worker = try BuildKitWorker(record) else {
                throw MalformedResponse()
            }
            found = worker
        }
        return found
    }

    private static let label: ByteString = "org.mobyproject.buildkit.worker."

    private init?(_ record: ArraySlice<UInt8>) throws(MalformedResponse) {
        var identifier: ByteString = ""
        var labels: [ByteString: ByteString] = [:]
        var native: ByteString?
        var fields = ProtobufFields(record)
        while let field = try fields.next() {
            guard let bytes = field.bytes else { continue }
            switch field.number {
            case 1: identifier = ByteString(bytes)
            case 2:
                let (key, value) = try Self.texts(of: bytes)
                if key.hasPrefix(Self.label) { labels[key.dropFirst(Self.label.count)] = value }
            case 3 where native == nil:
                // The first platform is the engine's own.
                let (architecture, system) = try Self.texts(of: bytes)
                guard system == "linux" else { throw MalformedResponse() }
                native = architecture
            default: continue
            }
        }
        let store = ["executor", "snapshotter", "containerd.namespace", "containerd.uuid"].map { labels[$0] ?? "" }
        let usesContainerdStore = store[0] == "containerd" && !store.contains("")
        guard usesContainerdStore || store.allSatisfy(\.isEmpty), let native else { throw MalformedResponse() }
        self.init(identifier: identifier, usesContainerdStore: usesContainerdStore, architecture: native)
    }

    /// The first two fields.
    private static func texts(of message: ArraySlice<UInt8>) throws(MalformedResponse) -> (ByteString, ByteString) {
        var texts: (ByteString, ByteString) = ("", "")
        var fields = ProtobufFields(message)
        while let field = try fields.next() {
            guard let bytes = field.bytes else { continue }
            if field.number == 1 { texts.0 = ByteString(bytes) }
            if field.number == 2 { texts.1 = ByteString(bytes) }
        }
        return texts
    }
}

/// The fields of a protobuf message, one by one.
///
/// Source: protobuf.dev/programming-guides/encoding.
struct ProtobufFields {
    /// A field's number, and its bytes if it is a text or a message.
    struct Field {
        let number: UInt64
        let bytes: ArraySlice<UInt8>?
    }

    private var rest: ArraySlice<UInt8>

    init(_ message: ArraySlice<UInt8>) { rest = message }

    /// The next field; nil at the end.
    mutating func next() throws(MalformedResponse) -> Field? {
        guard !rest.isEmpty else { return nil }
        let tag = try number()
        guard tag >> 3 > 0 else { throw MalformedResponse() }
        switch tag & 7 {
        case 0:
            _ = try number()
            return Field(number: tag >> 3, bytes: nil)
        case 1:
            _ = try take(8)
            return Field(number: tag >> 3, bytes: nil)
        case 2: return Field(number: tag >> 3, bytes: try take(try number()))
        case 5:
            _ = try take(4)
            return Field(number: tag >> 3, bytes: nil)
        default: throw MalformedResponse()
        }
    }

    private mutating func take(_ count: UInt64) throws(MalformedResponse) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw MalformedResponse() }
        let piece = rest.prefix(Int(count))
        rest = rest.dropFirst(piece.count)
        return piece
    }

    private mutating func number() throws(MalformedResponse) -> UInt64 {
        var number: UInt64 = 0
        for (index, byte) in rest.prefix(10).enumerated() {
            guard index < 9 || byte <= 1 else { throw MalformedResponse() }
            number |= UInt64(byte & 0x7F) << UInt64(7 * index)
            guard byte & 0x80 != 0 else {
                rest = rest.dropFirst(index + 1)
                return number
            }
        }
        throw MalformedResponse()
    }
}
