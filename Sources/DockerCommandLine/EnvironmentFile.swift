public import Formats

/// A file of variables for `--env-file`.
public enum EnvironmentFile {
    /// The names of its variables, including those without a value, which docker takes from its own environment
    /// (docker/cli pkg/kvfile/kvfile.go, parseKeyValueFile). Nil if the time is up.
    public static func names(in text: ByteString, until deadline: Deadline = .never) -> [ByteString]? {
        let bytes = text.hasPrefix("\u{FEFF}") ? text.bytes.dropFirst(3) : text.bytes[...]
        var names: [ByteString] = []
        var start = bytes.startIndex
        while start < bytes.endIndex {
            if names.count % 256 == 0, deadline.hasPassed { return nil }
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.endIndex
            let line = ByteString(bytes[start..<end]).trimmed
            start = end + 1
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            names.append(line.cut(at: "=")?.before ?? line)
        }
        return names
    }
}
