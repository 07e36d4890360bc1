internal import Formats

/// Graphs that say the same and of which BuildKit takes no key for another's.
///
/// Builds of one command that share steps (targets of a bake with one context, or one target that is another's) share those steps'
/// edges in the engine, and each build has an importer of its own. Of keys with one id an edge keeps one, which belongs to one
/// importer (solver/combinedcache.go, Query). The others' importers look for it by what it follows from, and do not find it behind
/// any step with a second input that was hashed by content, such as COPY: they want all ways to that input, and one of them is the
/// session's (solver/cachemanager.go, getIDFromDeps). So all builds but one missed all steps of their own.
///
/// A key's id is a hash of all ways to its inputs (remotecache/v1/chains.go, computeID; random before BuildKit 0.25). So a step that
/// follows from sources alone gets one way more, by a selector that no build asks for, with a number in it; whatever follows from it
/// has another id then, too.
extension Graph {
    private static let mark: ByteString = "slipway:"

    /// With ways of that number.
    func apart(_ number: Int) -> Graph {
        var graph = self
        var marked = [Int32](repeating: -1, count: selectors.count)
        for index in records.indices {
            let record = records[index]
            // The way's own selector stays in it: steps that select different parts of one source must not become one.
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

    /// Whether a way with this selector was put there to tell graphs apart: engines export what they have imported.
    static func isApart(_ selector: ByteString) -> Bool { selector.range(of: mark) != nil }
}
