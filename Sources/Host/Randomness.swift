internal import CLinux
internal import Formats

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

extension Kernel {
    /// Unique random bytes: from the kernel or, if `getrandom` is missing or forbidden (old kernels, seccomp, gVisor),
    /// from the bytes that the kernel gave this process at its start, its PID and the clocks. Never waits and cannot
    /// fail.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        let wanted = max(0, count)
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
            initialized = Randomness.fromKernel(buffer.baseAddress, wanted)
        }
        return bytes.count < wanted ? Randomness.made(wanted) : bytes
    }
}

enum Randomness {
    /// Fills as much as the kernel provides at once; returns how much.
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

    /// The same without the kernel. Hashed, because these bytes appear in names, and the bytes that the kernel gave
    /// at the start protect this process's stack.
    static func made(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += SHA256.digest(of: fromStart) }
        return Array(bytes.prefix(count))
    }

    /// Input that differs between processes and between calls.
    private static var fromStart: ByteString {
        var bytes: [UInt8] = []
        if let given = slipway_start_randomness() { bytes += UnsafeRawBufferPointer(start: given, count: 16) }
        for word in [Int64(getpid()), Clock.now, Clock.monotonic, Clock.computed] {
            withUnsafeBytes(of: word) { bytes += $0 }
        }
        return ByteString(bytes)
    }
}

/// Replaces the runtime's own source of randomness, which seeds its hash tables before `main`. If the kernel has no
/// `getrandom`, the runtime's version ends the process when /dev/urandom is missing; otherwise it keeps a descriptor of
/// it, and a child that closes all descriptors then reads from that for ever. Hash seeds are not worth a failure: the
/// bytes that the kernel gave at the program's start suffice. Source: swiftlang/swift stdlib/public/stubs/Random.cpp.
@_cdecl("swift_stdlib_random")
func fillWithRandomness(_ start: UnsafeMutableRawPointer, _ count: Int) {
    var done = Randomness.fromKernel(start, count)
    // Before `main` only Swift's arithmetic can be relied on. SplitMix64.
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
