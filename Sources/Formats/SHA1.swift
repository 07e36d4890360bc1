/// SHA-1 according to FIPS 180-4, only for git's object names: it does not withstand an attacker.
public struct SHA1: BlockHash {
    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0
    )
    /// What is not hashed yet.
    public var input = BlockInput()

    /// The hash of no bytes yet.
    public init() {}

    /// The state.
    public var words: [UInt32] { [state.0, state.1, state.2, state.3, state.4] }

    /// Processes whole blocks. Wrapping arithmetic is part of the algorithm.
    public mutating func absorb(_ blocks: UnsafeBufferPointer<UInt8>) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
            for start in stride(from: 0, to: blocks.count, by: 64) {
                Self.read(start, of: blocks, into: schedule)
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
