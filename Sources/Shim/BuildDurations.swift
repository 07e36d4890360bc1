internal import Formats
internal import Host

/// How long the last builds of each key took, except fully cached ones. Each key has one small file of the user's own,
/// named like the directory of the key's exports, so that it is quick to read before a build.
enum BuildDurations {
    /// The most builds to keep per key, and the most keys.
    private static let most = 5
    private static let mostKeys = 256
    private static let largest = 4096

    private static func file(of key: ByteString) -> ByteString? {
        Locations.state?.appending(path: "durations").appending(path: key)
    }

    private static func milliseconds(in file: ByteString) -> [Int] {
        guard (try? Files.status(file, followLinks: false).owner) == Kernel.userID,
            let text = try? Files.read(file, limit: largest, followLinks: false)
        else { return [] }
        return text.split("\n").compactMap(\.decimal)
    }

    /// The longest recorded build of a key, in nanoseconds; nil if there is none.
    static func longest(of key: ByteString) -> Int64? {
        guard let file = file(of: key), let longest = milliseconds(in: file).max() else { return nil }
        return Int64(min(longest, Int(Int64.max / 1_000_000))) * 1_000_000
    }

    /// Records the duration of a build, in nanoseconds.
    static func add(_ duration: Int64, of key: ByteString) {
        guard let file = file(of: key) else { return }
        let kept = (milliseconds(in: file) + [Int(max(0, duration) / 1_000_000)]).suffix(most)
        let text = kept.map { ByteString(decimal: $0) + "\n" }.joined(separator: "")
        try? Files.makeDirectories(file.parentPath, mode: 0o700)
        guard (try? Files.replace(file, with: text, mode: 0o600)) != nil else { return }
        for old in Files.surplus(in: file.parentPath, most: mostKeys) { try? Files.remove(old) }
    }
}
