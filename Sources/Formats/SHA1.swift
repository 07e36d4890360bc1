/// SHA-1 according to FIPS 180-4, only for git's object names: it does not withstand an attacker.
public struct SHA1 {
    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0
    )
    private var pending: [UInt8] = []
    private var taken: UInt64 = 0

    /// The hash of no bytes yet.
    public init() {}

    /// Adds bytes, of any length.
    public mutating func update(_ bytes: [UInt8]) {
        taken &+= UInt64(bytes.count)
        let all = pending.isEmpty ? bytes : pending + bytes
        let tail = all.count % 64
        all.withUnsafeBufferPointer { absorb(UnsafeBufferPointer(rebasing: $0[..<(all.count - tail)])) }
        pending = Array(all.suffix(tail))
    }

    /// The digest of all bytes added: 20 bytes.
    public consuming func digest() -> [UInt8] {
        var rest = pending + [0x80]
        while rest.count % 64 != 56 { rest.append(0) }
        let bits = taken &* 8
        for shift in stride(from: 56, through: 0, by: -8) {
            rest.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        rest.withUnsafeBufferPointer { absorb($0) }
        return [state.0, state.1, state.2, state.3, state.4].flatMap { word in
            stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    /// The digest of a whole string: 20 bytes.
    public static func digest(of data: ByteString) -> [UInt8] {
        var hash = SHA1()
        hash.update(data.bytes)
        return hash.digest()
    }

    /// Processes whole blocks of 64 bytes. Wrapping arithmetic is part of the algorithm.
    private mutating func absorb(_ blocks: UnsafeBufferPointer<UInt8>) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
            for start in stride(from: 0, to: blocks.count, by: 64) {
                for word in 0..<16 {
                    let at = start + word * 4
                    schedule[word] =
                        UInt32(blocks[at]) << 24 | UInt32(blocks[at + 1]) << 16
                        | UInt32(blocks[at + 2]) << 8 | UInt32(blocks[at + 3])
                }
                for word in 16..<80 {
                    schedule[word] = rotate(
                        schedule[word - 3] ^ schedule[word - 8] ^ schedule[word - 14] ^ schedule[word - 16], 1)
                }
                compress(schedule)
            }
        }
    }

    private mutating func compress(_ schedule: UnsafeMutableBufferPointer<UInt32>) {
        var (a, b, c, d, e) = state
        func step(_ mix: UInt32, _ constant: UInt32, _ word: UInt32) {
            let next = rotate(a, 5) &+ mix &+ e &+ constant &+ word
            (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
        }
        for i in 0..<20 { step((b & c) | (~b & d), 0x5a82_7999, schedule[i]) }
        for i in 20..<40 { step(b ^ c ^ d, 0x6ed9_eba1, schedule[i]) }
        for i in 40..<60 { step((b & c) | (b & d) | (c & d), 0x8f1b_bcdc, schedule[i]) }
        for i in 60..<80 { step(b ^ c ^ d, 0xca62_c1d6, schedule[i]) }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
    }

    private func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 { value << by | value >> (32 - by) }
}
