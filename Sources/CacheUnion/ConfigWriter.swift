internal import Formats

extension Graph {
    /// The config in BuildKit's format.
    var config: ByteString { (acyclic() ?? self).text }

    private var text: ByteString {
        var out: [UInt8] = []
        out.reserveCapacity(160 * (layers.count + records.count) + 64)
        func append(_ text: StaticString) { text.withUTF8Buffer { out.append(contentsOf: $0) } }
        func append(_ number: Int32) { out.append(contentsOf: String(number).utf8) }
        append("{\"layers\":[")
        for (index, layer) in layers.enumerated() {
            append(index > 0 ? ",{\"blob\":\"sha256:" : "{\"blob\":\"sha256:")
            blobs[Int(layer.blob)].digest.write(to: &out)
            append("\"")
            // Go reads an absent member as zero, and omits zeros when it writes.
            if layer.parent != 0 {
                append(",\"parent\":")
                append(layer.parent)
            }
            if !layer.annotations.isEmpty {
                append(",\"annotations\":")
                out += layer.annotations.bytes
            }
            append("}")
        }
        append("],\"records\":[")
        for (index, record) in records.enumerated() {
            append(index > 0 ? ",{" : "{")
            if !record.results.isEmpty {
                append("\"layers\":[")
                for (place, result) in record.results.enumerated() {
                    append(place > 0 ? ",{\"layer\":" : "{\"layer\":")
                    append(result.layer)
                    append(",\"createdAt\":\"")
                    result.created.aged.write(to: &out)
                    append("\"}")
                }
                append("],")
            }
            if !record.chains.isEmpty {
                append("\"chains\":[")
                for (place, chain) in record.chains.enumerated() {
                    append(place > 0 ? ",{\"layers\":[" : "{\"layers\":[")
                    for (place, layer) in chain.layers.enumerated() {
                        if place > 0 { append(",") }
                        append(layer)
                    }
                    append("],\"createdAt\":\"")
                    chain.created.aged.write(to: &out)
                    append("\"}")
                }
                append("],")
            }
            append("\"digest\":\"sha256:")
            record.digest.write(to: &out)
            append("\"")
            if record.arity > 0 {
                append(",\"inputs\":[")
                var position: Int32 = -1
                for input in record.inputs {
                    let isFirst = input.position != position
                    if isFirst { append(position < 0 ? "[" : "],[") }
                    position = input.position
                    append(isFirst ? "{" : ",{")
                    if input.selector != 0 {
                        append("\"selector\":")
                        out += JSON.string(selectors[Int(input.selector)]).text.bytes
                        append(",")
                    }
                    append("\"link\":")
                    append(input.link)
                    append("}")
                }
                append("]]")
            }
            append("}")
        }
        let leaves = self.leaves
        if leaves.count > 1 {
            append(",{\"digest\":\"sha256:")
            Self.crown.write(to: &out)
            append("\",\"inputs\":[[")
            for (place, leaf) in leaves.enumerated() {
                append(place > 0 ? ",{\"link\":" : "{\"link\":")
                append(leaf)
                append("}")
            }
            append("]]}")
        }
        append("]}")
        return ByteString(out)
    }

    /// A record that depends on all others and belongs to no step. For each record on which nothing depends, BuildKit's
    /// importer (since 0.25) walks the records once, and it forgets the links of a record that it meets again on a
    /// later walk: of two stages on one base, the first step of the second is then no longer found
    /// (cache/remotecache/v1/cachestorage.go, addItemToStorage, `visited`). An export mostly has one such record, a
    /// union has many. With this record there is only one walk.
    static let crown = Digest(of: "slipway: what follows from all records of a union")

    /// Records on which nothing depends.
    private var leaves: [Int32] {
        var isLeaf = [Bool](repeating: true, count: records.count)
        for record in records { for input in record.inputs { isLeaf[Int(input.link)] = false } }
        return isLeaf.indices.filter { isLeaf[$0] }.map { Int32(truncatingIfNeeded: $0) }
    }

    /// Whether links form a cycle: the combined records of several graphs may, although none of those graphs had one.
    var hasCircle: Bool { Topology.order(records.map { $0.inputs.map(\.link) }) == nil }

    /// nil if no links form a cycle, which importers refuse altogether; otherwise the graph with only those links that
    /// lead to earlier records. Each input has such a link.
    private func acyclic() -> Graph? {
        guard hasCircle else { return nil }
        var graph = self
        for index in graph.records.indices {
            graph.records[index].inputs.removeAll { Int($0.link) >= index }
        }
        return Canonical.graph(of: graph, where: records.map { _ in true })
    }
}
