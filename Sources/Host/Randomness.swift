internal import CLinux
internal import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

extension Kernel {
    /// Bytes that nobody else has: from the kernel, or, where `getrandom` is missing or forbidden (old kernels, seccomp, gVisor), from
    /// what it gave this process at its start, the process's number and the clocks. Never waits, and cannot fail.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        let wanted = max(0, count)
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
            initialized = Randomness.fromKernel(buffer.baseAddress, wanted)
        }
        return bytes.count < wanted ? Randomness.made(wanted) : bytes
    }
}

enum Randomness {
    /// Fills as much as the kernel gives at once; how much that was.
    static func fromKernel(_ start: UnsafeMutableRawPointer?, _ count: Int) -> Int {
        guard let start else { return 0 }
        var done = 0
        while done < count {
            let got = slipway_getrandom(start + done, UInt(count - done))
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return done }
            done += got
        }
        return done
    }

    /// The same without the kernel. Hashed: these stand in names, and what the kernel gave at the start guards this process's stack.
    static func made(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += SHA256.digest(of: fromStart) }
        return Array(bytes.prefix(count))
    }

    /// What differs from process to process, and from call to call.
    private static var fromStart: ByteString {
        var bytes: [UInt8] = []
        if let given = slipway_start_randomness() { bytes += UnsafeRawBufferPointer(start: given, count: 16) }
        for word in [Int64(getpid()), Clock.now, Clock.monotonic, Clock.computed] {
            withUnsafeBytes(of: word) { bytes += $0 }
        }
        return ByteString(bytes)
    }
}

/// Stands in for the runtime's own source of randomness, which seeds its hash tables before `main`: where the kernel has no
/// `getrandom` that one ends the process without /dev/urandom, and keeps a descriptor of it elsewhere, which a child that closes all
/// descriptors then reads from for ever. Hash seeds are not worth failing for: the kernel's bytes of the program's start do.
/// Source: swiftlang/swift stdlib/public/stubs/Random.cpp.
@_cdecl("swift_stdlib_random")
func fillWithRandomness(_ start: UnsafeMutableRawPointer, _ count: Int) {
    var done = Randomness.fromKernel(start, count)
    // Before `main` nothing of Swift's may be counted on but arithmetic. SplitMix64.
    var state = UInt64(bitPattern: Clock.monotonic) ^ UInt64(UInt32(bitPattern: getpid())) << 40
    let given = slipway_start_randomness()
    while done < count {
        let own = given?.loadUnaligned(fromByteOffset: done & 8, as: UInt64.self) ?? 0
        state = (state ^ own) &+ 0x9E37_79B9_7F4A_7C15
        var word = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        let length = min(8, count - done)
        memcpy(start + done, &word, length)
        done += length
    }
}
