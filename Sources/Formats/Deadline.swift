/// When to stop. Whoever reads or walks what may be large asks it every so often, stops, and says what was left out. A value, so that
/// rooms without a clock can be handed one, and tests can count the questions.
public struct Deadline: Sendable {
    private let passed: (@Sendable () -> Bool)?

    /// There is none: all of it, however long it takes.
    public static let never = Deadline(passed: nil)

    /// Over when `hasPassed` says so.
    public init(_ hasPassed: @escaping @Sendable () -> Bool) { self.init(passed: hasPassed) }

    private init(passed: (@Sendable () -> Bool)?) { self.passed = passed }

    /// Whether the time is up.
    public var hasPassed: Bool { passed?() ?? false }
}
