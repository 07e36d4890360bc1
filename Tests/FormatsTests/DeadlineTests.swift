import Formats
import Synchronization
import Testing

@Suite("Deadlines")
struct DeadlineTests {
    /// Passed at the second of three questions only.
    private func deadline() -> Deadline {
        let asked = Asked()
        return Deadline { asked.count.wrappingAdd(1, ordering: .relaxed).newValue == 2 }
    }

    private final class Asked: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test("One that has passed may give time again, unless it is kept")
    func kept() {
        let (plain, kept) = (deadline(), deadline().kept)
        #expect((0..<3).map { _ in plain.hasPassed } == [false, true, false])
        #expect((0..<3).map { _ in kept.hasPassed } == [false, true, true])
        #expect(!Deadline.never.hasPassed && !Deadline.never.kept.hasPassed)
    }
}
