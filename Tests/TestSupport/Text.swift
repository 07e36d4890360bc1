public import Formats

extension ByteString {
    /// The text many times over.
    public func repeated(_ count: Int) -> ByteString { ByteString((0..<count).flatMap { _ in bytes }) }
}
