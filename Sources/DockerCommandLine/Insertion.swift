public import Formats

extension [ByteString] {
    /// These arguments with `extra` directly after the one at `index`, each of the others untouched and in its order;
    /// the arguments as they are when there is no such index.
    public func inserting(_ extra: [ByteString], after index: Int) -> [ByteString] {
        guard indices.contains(index) else { return self }
        return Array(self[...index]) + extra + Array(self[(index + 1)...])
    }
}
