internal import Formats

/// Which step made which layer, in numbers: records lead to records and to layers by their places in these lists.
struct Graph: Equatable, Sendable {
    /// A blob on top of a chain of others.
    struct Layer: Equatable, Sendable {
        /// Its place in `blobs`.
        var blob: Int32
        /// The layer below, or -1.
        var parent: Int32
        /// What BuildKit's LayerAnnotations say, as text; mostly nothing.
        var annotations: ByteString
    }

    /// One way to an input of a step: the result of a record, or a part of it.
    struct Input: Equatable, Sendable {
        /// Which input of the step.
        var position: Int32
        /// The record.
        var link: Int32
        /// Its place in `selectors`.
        var selector: Int32
    }

    /// What a step made.
    struct Result: Equatable, Sendable {
        /// A layer with all below it.
        var layer: Int32
        /// When.
        var created: Instant
    }

    /// What a step made, as layers that need not lie on top of each other.
    struct Chain: Equatable, Sendable {
        /// From the lowest on.
        var layers: [Int32]
        /// When.
        var created: Instant
    }

    /// A key of BuildKit's: a step with its inputs.
    struct Record: Equatable, Sendable {
        /// Of the step.
        var digest: Digest
        /// How many inputs the step has.
        var arity: Int32
        /// By position; each has one at least.
        var inputs: [Input]
        /// The step's results.
        var results: [Result]
        /// Results in the other form.
        var chains: [Chain]
    }

    /// The descriptors of all blobs.
    var blobs: [LayerDescriptor] = []
    /// Each above its parent.
    var layers: [Layer] = []
    /// What inputs select; the first is nothing.
    var selectors: [ByteString] = [""]
    /// A record stands behind those that it follows from, in one way at least.
    var records: [Record] = []
}
