internal import Formats

extension Graph {
    /// What a graph would need at most, so that no text has to be made to know that it does not fit.
    struct Size: Equatable, Sendable {
        var config = 160
        var manifest = 400
        var records = 0

        static func + (left: Size, right: Size) -> Size {
            Size(
                config: left.config + right.config, manifest: left.manifest + right.manifest,
                records: left.records + right.records)
        }
    }

    var size: Size {
        var size = Size()
        for blob in blobs { size.manifest += blob.textCount }
        for layer in layers { size.config += layer.textCount }
        for record in records {
            size.config += record.textCount
            for input in record.inputs { size.config += input.textCount(selectors) }
        }
        size.records = records.count
        return size
    }
}

/// Digits of the largest number of a layer or record, as far as a config of 1 MiB can need them.
private let digits = 5

extension Graph.Layer {
    /// `{"blob":"sha256:...","parent":N,"annotations":...},` at most.
    var textCount: Int { 94 + digits + (annotations.isEmpty ? 0 : 15 + annotations.count) }
}

extension Graph.Record {
    /// `{"layers":[],"chains":[],"digest":"sha256:...","inputs":[[],[]]},` at most, with its results, and `{"link":N},` of the
    /// crown.
    var textCount: Int {
        results.reduce(132 + digits + 3 * Int(arity)) { $0 + $1.textCount } + chains.reduce(0) { $0 + $1.textCount }
    }
}

extension Graph.Input {
    /// `{"selector":"...","link":N},` at most.
    func textCount(_ selectors: [ByteString]) -> Int {
        10 + digits + (selector == 0 ? 0 : 14 + selectors[Int(selector)].jsonCount)
    }
}

extension Graph.Result {
    /// `{"layer":N,"createdAt":"..."},` at most.
    var textCount: Int { 57 + digits }
}

extension Graph.Chain {
    /// `{"layers":[N,N],"createdAt":"..."},` at most.
    var textCount: Int { 59 + (digits + 1) * layers.count }
}

extension LayerDescriptor {
    /// `{"mediaType":"...","digest":"sha256:...","size":N,"annotations":{"...":"..."}},` at most.
    var textCount: Int {
        annotations.reduce(150 + mediaType.jsonCount) {
            $0 + 6 + $1.name.jsonCount + ($1.value.string?.jsonCount ?? 0)
        }
    }
}

extension ByteString {
    /// Bytes in JSON, at most.
    fileprivate var jsonCount: Int {
        bytes.reduce(0) { count, byte in
            count + (byte < 0x20 || byte == 0x7F ? 6 : byte == 0x22 || byte == 0x5C ? 2 : 1)
        }
    }

    /// Whether it stays what it is when it is written as JSON.
    var isUTF8: Bool { bytes.allSatisfy { $0 < 0x80 } || ByteString(lossy) == self }
}
