internal import Formats

/// Assigns numbers to values. Our own table with open addressing, because a Set of the standard library first asks the
/// kernel for random numbers, and takes ten times as long to hash.
struct NumberTable {
    private var slots: [Int32] = []
    private var hashes: [UInt64] = []

    /// The number of values.
    var count: Int { hashes.count }

    /// The number of a value: the earlier number with this hash for which `isEqual` is true; otherwise the next one,
    /// and true.
    mutating func number(hash: UInt64, isEqual: (Int32) -> Bool) -> (number: Int32, isNew: Bool) {
        if hashes.count * 2 >= slots.count { grow() }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 {
            let number = slots[slot]
            if hashes[Int(number)] == hash, isEqual(number) { return (number, false) }
            slot = (slot + 1) & mask
        }
        let number = Int32(truncatingIfNeeded: hashes.count)
        slots[slot] = number
        hashes.append(hash)
        return (number, true)
    }

    /// The same without adding a value.
    func known(hash: UInt64, isEqual: (Int32) -> Bool) -> Int32? {
        guard !slots.isEmpty else { return nil }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 {
            let number = slots[slot]
            if hashes[Int(number)] == hash, isEqual(number) { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func grow() {
        let size = max(64, slots.count * 2)
        slots = [Int32](repeating: -1, count: size)
        for (number, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(truncatingIfNeeded: number)
        }
    }

    /// Combines two words into one.
    static func mix(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var hash = (first ^ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 29) ^ second) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 32)
    }

    static func hash(of digest: Digest) -> UInt64 {
        mix(mix(digest[word: 0], digest[word: 1]), mix(digest[word: 2], digest[word: 3]))
    }

    private static func hash(of text: ByteString) -> UInt64 {
        text.bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    /// The number of a text in a list, to which it is added if new. The table must be used for this list alone, and
    /// the list's first element is "".
    mutating func number(of text: ByteString, in list: inout [ByteString]) -> Int32 {
        if count == 0 { _ = number(hash: Self.hash(of: ""), isEqual: { _ in false }) }
        let found = number(hash: Self.hash(of: text)) { list[Int($0)] == text }
        if found.isNew { list.append(text) }
        return found.number
    }
}

/// Searches in sorted lists.
enum Search {
    /// The index of a digest among descriptors; `order` is their sorted order.
    static func place(of digest: Digest, in order: [Int], _ blobs: [LayerDescriptor]) -> Int? {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if blobs[order[middle]].digest < digest { low = middle + 1 } else { high = middle }
        }
        return low < order.count && blobs[order[low]].digest == digest ? order[low] : nil
    }
}

/// Topological order.
enum Topology {
    /// The indices in an order in which each comes after those that it depends on; nil if there is a cycle.
    static func order(_ causes: [[Int32]]) -> [Int]? {
        var open = causes.map { Int32($0.count) }
        var starts = [Int32](repeating: 0, count: causes.count + 1)
        for list in causes { for cause in list { starts[Int(cause) + 1] += 1 } }
        for index in causes.indices { starts[index + 1] += starts[index] }
        var filled = starts
        var effects = [Int32](repeating: 0, count: Int(starts[causes.count]))
        for (index, list) in causes.enumerated() {
            for cause in list {
                effects[Int(filled[Int(cause)])] = Int32(index)
                filled[Int(cause)] += 1
            }
        }
        var order = causes.indices.filter { open[$0] == 0 }
        var next = 0
        while next < order.count {
            let index = order[next]
            next += 1
            for place in Int(starts[index])..<Int(starts[index + 1]) {
                let effect = Int(effects[place])
                open[effect] -= 1
                if open[effect] == 0 { order.append(effect) }
            }
        }
        return order.count == causes.count ? order : nil
    }
}
