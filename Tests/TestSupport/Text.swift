public import Formats

extension ByteString {
    /// The text repeated this many times.
    public func repeated(_ count: Int) -> ByteString {
        var result: [UInt8] = []
        for _ in 0..<count { result += bytes }
        return ByteString(result)
    }
}
