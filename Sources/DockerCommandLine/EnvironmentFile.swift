public import Formats

/// A file of variables for `--env-file`.
public enum EnvironmentFile {
    /// The names of the variables in it, those without a value too: docker takes that from its own environment (docker/cli
    /// pkg/kvfile/kvfile.go, parseKeyValueFile).
    public static func names(in text: ByteString) -> [ByteString] {
        let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst(3) : text
        return text.split("\n").compactMap { line in
            let line = line.trimmed
            guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
            return line.cut(at: "=")?.before ?? line
        }
    }
}
