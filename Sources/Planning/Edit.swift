internal import DockerCommandLine
public import Formats

/// One change of a command, at a place of the user's own words: no edit moves the place of another.
public enum Edit: Equatable, Sendable {
    /// Words directly after one of the user's. Of several at one place the last stands first.
    case insert([ByteString], after: Int)
    /// Another word in the place of one.
    case replace(Int, with: ByteString)
    /// A variable that docker gets or loses.
    case environment(EnvironmentChange)
}

extension [Edit] {
    /// The user's words with all edits.
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
        // From the last place to the first, so that none moves before its turn.
        if insertions.count > 1 { insertions = insertions.sortedByPlace }
        for (place, more) in insertions { edited = edited.inserting(more, after: place) }
        return edited
    }

    /// The word that stands in a place now; nil where the user's does.
    func replacement(of place: Int) -> ByteString? {
        for case .replace(place, let word) in reversed() { return word }
        return nil
    }
}

extension [(place: Int, words: [ByteString])] {
    /// The last place first; those at one place in their order.
    fileprivate var sortedByPlace: Self {
        enumerated().sorted { ($1.element.place, $0.offset) < ($0.element.place, $1.offset) }.map(\.element)
    }
}
