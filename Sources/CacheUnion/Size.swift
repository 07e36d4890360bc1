internal import Formats

extension Graph {
    /// An upper bound for a graph's size, so that a graph that does not fit is recognized without writing its text.
    struct Size: Equatable, Sendable {
        /// `{"layers":[],"records":[]}`, and the crown without its links.
        var config = 125
        /// Everything around the descriptors of the layers.
        var manifest = 251
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

/// The digits of the largest index of a layer or record that a config of 1 MiB can contain.
private let digits = 5

extension Graph.Layer {
    /// At most `{"blob":"sha256:...","parent":N,"annotations":...},`.
    var textCount: Int { 93 + digits + (annotations.isEmpty ? 0 : 15 + annotations.count) }
}

extension Graph.Record {
    /// At most `{"layers":[],"chains":[],"digest":"sha256:...","inputs":[[],[]]},` with its results, and the crown's
    /// `{"link":N},`. The last input of each position has no comma.
    var textCount: Int {
        results.reduce(130 + digits + 2 * Int(arity)) { $0 + $1.textCount } + chains.reduce(0) { $0 + $1.textCount }
    }
}

extension Graph.Input {
    /// At most `{"selector":"...","link":N},`.
    func textCount(_ selectors: [ByteString]) -> Int {
        10 + digits + (selector == 0 ? 0 : 14 + selectors[Int(selector)].jsonCount)
    }
}

extension Graph.Result {
    /// At most `{"layer":N,"createdAt":"..."},`.
    var textCount: Int { 56 + digits }
}

extension Graph.Chain {
    /// At most `{"layers":[N,N],"createdAt":"..."},`.
    var textCount: Int { 58 + (digits + 1) * layers.count }
}

extension LayerDescriptor {
    /// At most `{"mediaType":"...","digest":"sha256:...","size":N,"annotations":{"...":"..."}},`.
    var textCount: Int {
        annotations.reduce(143 + mediaType.jsonCount) {
            $0 + 6 + $1.name.jsonCount + ($1.value.string?.jsonCount ?? 0)
        }
    }
}

extension ByteString {
    /// The most bytes that it can take in JSON.
    fileprivate var jsonCount: Int {
        bytes.reduce(0) { count, byte in
            count + (byte < 0x20 || byte == 0x7F ? 6 : byte == 0x22 || byte == 0x5C ? 2 : 1)
        }
    }

    /// Whether it survives being written as JSON.
    var isUTF8: Bool { bytes.allSatisfy { $0 < 0x80 } || ByteString(lossy) == self }
}
