public import Formats
internal import Host

/// What this user has seen of shared builders: which architecture each builds for, and which are not asked for a while because they
/// did not answer.
public struct SharedBuilderMemory: Sendable {
    /// A builder that answered once.
    struct Entry: Equatable {
        let key: ByteString
        let architecture: ByteString
        /// Until when it is not asked, in seconds since 1970; 0 if it answered.
        var until: Int = 0
        /// How often in a row it has not answered.
        var failures: Int = 0

        /// Seconds that are left until it is asked again; none where a clock has jumped.
        func wait(at now: Int) -> Int? {
            let left = until - now
            return left > 0 && left <= SharedBuilderMemory.longestWait ? left : nil
        }
    }

    static let firstWait = 10
    static let longestWait = 600

    private let file: MemoryFile

    /// Stores this in a file; with nil, or if that file cannot be used, no builder is known. Without `isWriting` it only reads.
    public init(file: ByteString?, isWriting: Bool = true) {
        self.file = MemoryFile(path: file, isWriting: isWriting, mostLines: 128, longest: 16_384)
    }

    static var now: Int { Int(Clock.now / 1_000_000_000) }

    func recall(_ key: ByteString) -> Entry? { entries.first { $0.key == key } }

    /// A builder answered. Nothing is written that is known already.
    func answered(_ key: ByteString, architecture: ByteString) {
        let entry = Entry(key: key, architecture: architecture)
        if recall(key) != entry { replace(entry) }
    }

    /// A builder did not answer: each time in a row it is left alone for twice as long.
    func failed(_ key: ByteString, at now: Int = Self.now) {
        guard var entry = recall(key) else { return }
        entry.failures = min(entry.failures + 1, 16)
        entry.until = now + min(Self.firstWait << (entry.failures - 1), Self.longestWait)
        replace(entry)
    }

    private var entries: [Entry] { file.lines().compactMap(Entry.init(line:)) }

    private func replace(_ entry: Entry) {
        file.replace(with: ([entry] + entries.filter { $0.key != entry.key }).map(\.line))
    }
}

extension SharedBuilderMemory.Entry {
    fileprivate init?(line: ByteString) {
        let words = line.split(" ")
        guard words.count == 4, words[0].count == 16, !words[1].isEmpty, let until = words[2].decimal,
            let failures = words[3].decimal, failures >= 0, failures <= 16
        else { return nil }
        self.init(key: words[0], architecture: words[1], until: until, failures: failures)
    }

    fileprivate var line: ByteString {
        [key, architecture, ByteString(decimal: until), ByteString(decimal: failures)].joined(separator: " ")
    }
}
