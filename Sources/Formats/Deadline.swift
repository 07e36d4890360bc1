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
}
