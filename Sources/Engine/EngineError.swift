public import Formats
public import Notes

/// A step whose result is not certain. The caller then adds no options, or only imports.
public struct EngineError: Error, Equatable, Sendable {
    /// The reason.
    public let note: Note

    /// A reason and its detail.
    public init(_ reason: Reason, _ detail: ByteString = "") { note = Note(reason, detail) }
}
