internal import DockerCommandLine
public import Formats

/// One change to a command, at a position among the user's own words, so that no edit moves the position of another.
public enum Edit: Equatable, Sendable {
    /// Words directly after one of the user's. Of several at the same position, the last one comes first.
    case insert([ByteString], after: Int)
    /// Replaces a word.
    case replace(Int, with: ByteString)
    /// A variable that is set or removed in docker's environment.
    case environment(EnvironmentChange)
}

extension [Edit] {
    /// The user's words with all edits applied.
    func applied(to words: [ByteString]) -> [ByteString] {
        var insertions: [(place: Int, words: [ByteString])] = []
        var edited = words
        for edit in self {
            switch edit {
            case .insert(let more, let place): insertions.append((place, more))
            case .replace(let place, let word): if edited.indices.contains(place) { edited[place] = word }
            case .environment: continue
            }
        }
        // From the last position to the first, so that earlier positions stay valid.
        if insertions.count > 1 { insertions = insertions.sortedByPlace }
        for (place, more) in insertions { edited = edited.inserting(more, after: place) }
        return edited
    }

    /// The word that replaces the one at a position; nil if none does.
    func replacement(of place: Int) -> ByteString? {
        for case .replace(place, let word) in reversed() { return word }
        return nil
    }
}

extension [(place: Int, words: [ByteString])] {
    /// The last position first; those at the same position in their order.
    fileprivate var sortedByPlace: Self {
        enumerated().sorted { ($1.element.place, $0.offset) < ($0.element.place, $1.offset) }.map(\.element)
    }
}
