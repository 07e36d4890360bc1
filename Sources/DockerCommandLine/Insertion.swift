public import Formats

extension [ByteString] {
    /// These arguments with `extra` directly after the one at `index`, all others unchanged and in order; the
    /// arguments unchanged if there is no such index.
    public func inserting(_ extra: [ByteString], after index: Int) -> [ByteString] {
        guard indices.contains(index) else { return self }
        return Array(self[...index]) + extra + Array(self[(index + 1)...])
    }
}
