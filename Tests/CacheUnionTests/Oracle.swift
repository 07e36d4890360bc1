import Formats

@testable import CacheUnion

/// A graph in the simplest possible form: no numbers, no order, no tables. The tests compare the union's result with
/// it.
struct Oracle {
    struct Way: Hashable {
        let position: Int
        let selector: ByteString
        let link: Int
    }

    struct Record {
        var digest: ByteString
        var arity: Int
        var ways: Set<Way>
        /// Chains of blobs from the lowest up.
        var results: Set<[ByteString]>
        /// Results in the other form.
        var chains: Set<[ByteString]>
    }

    var records: [Record] = []

    init(_ configs: [ByteString]) throws {
        for config in configs { add(JSON(config) ?? .null) }
        unite()
    }

    private mutating func add(_ config: JSON) {
        let layers = config[key: "layers"]?.array ?? []
        func blob(_ index: Int) -> ByteString { layers[index][key: "blob"]?.string ?? "" }
        func chain(_ index: Int) -> [ByteString] {
            let parent = layers[index][key: "parent"]?.integer ?? 0
            return (parent < 0 ? [] : chain(parent)) + [blob(index)]
        }
        let first = records.count
        for record in config[key: "records"]?.array ?? [] where record[key: "digest"]?.string != Graph.crown.name {
            let groups = record[key: "inputs"]?.array ?? []
            var ways: Set<Way> = []
            for (position, group) in groups.enumerated() {
                for way in group.array ?? [] {
                    ways.insert(
                        Way(
                            position: position, selector: way[key: "selector"]?.string ?? "",
                            link: first + (way[key: "link"]?.integer ?? 0)))
                }
            }
            records.append(
                Record(
                    digest: record[key: "digest"]?.string ?? "", arity: groups.count, ways: ways,
                    results: Set(
                        (record[key: "layers"]?.array ?? []).map { chain($0[key: "layer"]?.integer ?? 0) }),
                    chains: Set(
                        (record[key: "chains"]?.array ?? []).map {
                            ($0[key: "layers"]?.array ?? []).map { blob($0.integer ?? 0) }
                        })))
        }
    }

    /// Whether two records share a link at each input.
    private func isSame(_ left: Record, _ right: Record) -> Bool {
        left.digest == right.digest && left.arity == right.arity
            && (0..<left.arity).allSatisfy { position in
                left.ways.contains { $0.position == position && right.ways.contains($0) }
            }
    }

    private mutating func unite() {
        var isChanged = true
        while isChanged {
            isChanged = false
            search: for left in records.indices {
                for right in (left + 1)..<max(left + 1, records.count) where isSame(records[left], records[right]) {
                    replace(right, by: left)
                    isChanged = true
                    break search
                }
            }
        }
    }

    private mutating func replace(_ gone: Int, by kept: Int) {
        let record = records.remove(at: gone)
        records[kept].ways.formUnion(record.ways)
        records[kept].results.formUnion(record.results)
        records[kept].chains.formUnion(record.chains)
        for index in records.indices {
            records[index].ways = Set(
                records[index].ways.map {
                    let link = $0.link == gone ? kept : $0.link > gone ? $0.link - 1 : $0.link
                    return Way(position: $0.position, selector: $0.selector, link: link)
                })
        }
    }

    /// Without records that lead to no result.
    func useful() -> Oracle {
        var isUsed = records.map { !$0.results.isEmpty || !$0.chains.isEmpty }
        var open = isUsed.indices.filter { isUsed[$0] }
        while let index = open.popLast() {
            for way in records[index].ways where !isUsed[way.link] {
                isUsed[way.link] = true
                open.append(way.link)
            }
        }
        var less = self
        let kept = isUsed.indices.filter { isUsed[$0] }
        less.records = kept.map { index in
            var record = records[index]
            record.ways = Set(
                record.ways.compactMap { way in
                    kept.firstIndex(of: way.link).map { Way(position: way.position, selector: way.selector, link: $0) }
                })
            return record
        }
        return less
    }

    /// Where another graph has each record of this one, found as an importer finds it: by the links from records found
    /// before. nil if one is missing, or lacks a link or a result.
    func found(in other: Oracle) -> [Int]? {
        var places = [Int?](repeating: nil, count: records.count)
        var left = Set(records.indices)
        while !left.isEmpty {
            let ready = left.filter { index in
                (0..<records[index].arity).allSatisfy { position in
                    records[index].ways.contains { $0.position == position && places[$0.link] != nil }
                }
            }
            guard !ready.isEmpty else { return nil }
            for index in ready {
                let record = records[index]
                places[index] = other.records.indices.first { place in
                    let their = other.records[place]
                    return their.digest == record.digest && their.arity == record.arity
                        && (0..<record.arity).allSatisfy { position in
                            record.ways.contains { way in
                                guard way.position == position, let link = places[way.link] else { return false }
                                return their.ways.contains(Way(position: position, selector: way.selector, link: link))
                            }
                        }
                }
                guard let place = places[index], record.results.isSubset(of: other.records[place].results),
                    record.chains.isSubset(of: other.records[place].chains)
                else { return nil }
                left.remove(index)
            }
        }
        for (index, record) in records.enumerated() {
            for way in record.ways {
                guard let place = places[index], let link = places[way.link],
                    other.records[place].ways.contains(
                        Way(position: way.position, selector: way.selector, link: link))
                else { return nil }
            }
        }
        return places.compactMap { $0 }
    }

    /// The number of everything.
    var counts: [Int] {
        [
            records.count, records.reduce(0) { $0 + $1.ways.count }, records.reduce(0) { $0 + $1.results.count },
            records.reduce(0) { $0 + $1.chains.count },
        ]
    }
}
