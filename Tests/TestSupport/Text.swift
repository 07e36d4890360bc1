public import Formats

extension ByteString {
    /// The text many times over.
    public func repeated(_ count: Int) -> ByteString {
        var result: [UInt8] = []
        for _ in 0..<count { result += bytes }
        return ByteString(result)
    }
}
