internal import Formats

/// Graphs with the same content but different key IDs, so that BuildKit does not mistake a key of one for a key of
/// another.
///
/// Builds of one command that share steps (bake targets with one context, or a target that is based on another) share
/// those steps' edges in the engine, and each build has its own importer. Of several keys with one ID an edge keeps
/// only one, which belongs to one importer (solver/combinedcache.go, Query). The other importers look the key up by its
/// inputs, and do not find it behind any step with a second input that was hashed by content, such as COPY: they
/// require all links to that input, and one of them belongs to the session (solver/cachemanager.go, getIDFromDeps).
/// Therefore all builds but one missed all of their own steps.
///
/// A key's ID is a hash of all links to its inputs (remotecache/v1/chains.go, computeID; random before BuildKit 0.25).
/// So a step that depends on sources alone gets one more link, with a selector that no build asks for and that contains
/// a number; then everything that depends on this step also has a different ID.
extension Graph {
    private static let mark: ByteString = "slipway:"

    /// With extra links of this number.
    func apart(_ number: Int) -> Graph {
        var graph = self
        var marked = [Int32](repeating: -1, count: selectors.count)
        for index in records.indices {
            let record = records[index]
            // The extra selector includes the link's own: steps that select different parts of one source must stay
            // different.
            guard let first = record.inputs.first, record.inputs.allSatisfy({ records[Int($0.link)].arity == 0 }) else {
                continue
            }
            let selector = Int(first.selector)
            if marked[selector] < 0 {
                marked[selector] = Int32(truncatingIfNeeded: graph.selectors.count)
                graph.selectors.append(selectors[selector] + Self.mark + ByteString(decimal: number))
            }
            let end = record.inputs.firstIndex { $0.position > first.position } ?? record.inputs.endIndex
            graph.records[index].inputs.insert(
                Input(position: first.position, link: first.link, selector: marked[selector]), at: end)
        }
        return graph
    }

    /// Whether a link with this selector was added to tell graphs apart: engines export what they have imported.
    static func isApart(_ selector: ByteString) -> Bool { selector.range(of: mark) != nil }
}
