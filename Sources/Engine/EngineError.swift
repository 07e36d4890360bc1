public import Formats
public import Notes

/// A step that cannot be taken with certainty. Whoever meets it injects nothing, or imports only.
public struct EngineError: Error, Equatable, Sendable {
    /// Why.
    public let note: Note

    /// A reason and what it is about.
    public init(_ reason: Reason, _ detail: ByteString = "") { note = Note(reason, detail) }
}
