internal import Synchronization

/// When to stop. Code that reads or walks something large asks regularly, stops when the time is up, and reports what
/// it left out. A value, so that rooms without a clock can receive one, and tests can count the checks.
public struct Deadline: Sendable {
    private let passed: (@Sendable () -> Bool)?

    /// No deadline: work to the end, however long it takes.
    public static let never = Deadline(passed: nil)

    /// Passed when `hasPassed` returns true.
    public init(_ hasPassed: @escaping @Sendable () -> Bool) { self.init(passed: hasPassed) }

    private init(passed: (@Sendable () -> Bool)?) { self.passed = passed }

    /// Whether the time is up.
    public var hasPassed: Bool { passed?() ?? false }

    /// The same deadline, which stays passed once it has passed. A reader that was cut short must know that at its end,
    /// though there may be time again by then: a budget gives back the time that the machine took.
    public var kept: Deadline {
        guard let passed else { return self }
        let seen = Seen()
        return Deadline {
            if seen.passed.load(ordering: .relaxed) { return true }
            guard passed() else { return false }
            seen.passed.store(true, ordering: .relaxed)
            return true
        }
    }

    private final class Seen: Sendable {
        let passed = Atomic<Bool>(false)
    }
}
