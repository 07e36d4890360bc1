internal import Formats

/// Which step made which layer, by number: records refer to records and layers by their indices in these lists.
struct Graph: Equatable, Sendable {
    /// A blob on top of a chain of others.
    struct Layer: Equatable, Sendable {
        /// Its index in `blobs`.
        var blob: Int32
        /// The layer below, or -1.
        var parent: Int32
        /// The content of BuildKit's LayerAnnotations as text; mostly empty.
        var annotations: ByteString
    }

    /// One link to an input of a step: the result of a record, or a part of it.
    struct Input: Equatable, Sendable {
        /// Which input of the step.
        var position: Int32
        /// The record.
        var link: Int32
        /// Its index in `selectors`.
        var selector: Int32
    }

    /// A result of a step.
    struct Result: Equatable, Sendable {
        /// A layer with everything below it.
        var layer: Int32
        /// When it was made.
        var created: Instant
    }

    /// A result of a step, as layers that need not lie on top of each other.
    struct Chain: Equatable, Sendable {
        /// From the lowest up.
        var layers: [Int32]
        /// When it was made.
        var created: Instant
    }

    /// A BuildKit cache key: a step with its inputs.
    struct Record: Equatable, Sendable {
        /// The digest of the step.
        var digest: Digest
        /// How many inputs the step has.
        var arity: Int32
        /// Sorted by position; each position has at least one.
        var inputs: [Input]
        /// The step's results.
        var results: [Result]
        /// Results in the other form.
        var chains: [Chain]
    }

    /// The descriptors of all blobs.
    var blobs: [LayerDescriptor] = []
    /// Each after its parent.
    var layers: [Layer] = []
    /// The parts that inputs select; the first is empty.
    var selectors: [ByteString] = [""]
    /// Each record comes after those that it depends on, by at least one link for each input.
    var records: [Record] = []
}
