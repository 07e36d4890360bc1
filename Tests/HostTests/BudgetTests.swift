import Formats
import Synchronization
import Testing

@testable import Host

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite("Budgets")
struct BudgetTests {
    @Test("no time leaves nothing")
    func spent() {
        let budget = Budget(nanoseconds: 0)
        #expect(budget.isSpent)
        #expect(budget.deadline.hasPassed)
        #expect(budget.share(nanoseconds: .max / 2).isSpent)
    }

    @Test("a share ends before the whole")
    func share() {
        let budget = Budget(nanoseconds: 3_600_000_000_000)
        #expect(budget.share(nanoseconds: 0).isSpent)
        #expect(!budget.isSpent)
        #expect(!Deadline.never.hasPassed)
    }

    @Test("work that nobody waited for is not counted")
    func excused() {
        let budget = Budget(nanoseconds: 0)
        #expect(budget.isSpent)
        Clock.excuse(3_600_000_000_000, computed: 3_600_000_000_000)
        #expect(!budget.isSpent)
    }

    @Test("what a command itself wants to wait for does not count")
    func ownAccord() {
        let budget = Budget(nanoseconds: 50_000_000)
        Budget.excusing {
            let start = Clock.computed
            while Clock.computed &- start < 100_000_000 {}
            Clock.sleep(nanoseconds: 600_000_000)
        }
        #expect(!budget.isSpent)
    }

    @Test("an answer that never comes does not give unlimited time")
    func silent() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let budget = Budget(nanoseconds: 2_000_000)
        let start = Clock.monotonic
        Awaited.excusing(ends[0], until: start &+ 50_000_000, least: 0) {
            while !budget.isSpent, Clock.monotonic &- start < 20_000_000_000 {}
        }
        #expect((50_000_000..<20_000_000_000).contains(Clock.monotonic &- start))
    }

    @Test("work before an answer arrives is not counted, and work after it is")
    func awaited() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        func compute(_ nanoseconds: Int64) {
            let start = Clock.computed
            while Clock.computed &- start < nanoseconds {}
        }
        let budget = Budget(nanoseconds: 2_000_000)
        Awaited.excusing(ends[0], until: .max, least: 0) {
            for _ in 0..<10 {
                compute(1_000_000)
                #expect(!budget.isSpent)
            }
            #expect(write(ends[1], "x", 1) == 1)
            // More than a budget is stretched on a busy machine.
            compute(8_000_000)
            #expect(budget.isSpent)
        }
        #expect(budget.isSpent)
    }

    @Test("however quick an answer is, the first computing is not counted, up to a limit")
    func quick() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        #expect(write(ends[1], "x", 1) == 1)
        let budget = Budget(nanoseconds: 2_000_000)
        let start = Clock.computed
        Awaited.excusing(ends[0], until: .max, least: 20_000_000) {
            while !budget.isSpent, Clock.computed &- start < 2_000_000_000 {}
        }
        #expect((20_000_000..<60_000_000).contains(Clock.computed &- start))
        #expect(budget.isSpent)
    }

    @Test("time that an engine or another program takes does not count")
    func waiting() throws {
        let budget = Budget(nanoseconds: 200_000_000)
        _ = try Execution.ask(
            "/bin/sleep", arguments: ["sleep", "0.4"], nanoseconds: 60_000_000_000, limit: 16)
        #expect(!budget.isSpent)
    }

    @Test("starting a program and reading what it says does not count as computing")
    func asking() throws {
        let budget = Budget(nanoseconds: 2_000_000)
        let before = Clock.computed
        for _ in 0..<100 {
            _ = try Execution.ask("/bin/true", arguments: ["true"], nanoseconds: 60_000_000_000, limit: 16)
        }
        #expect(Clock.computed &- before > 6_000_000)
        #expect(!budget.isSpent)
    }

    @Test("what was already a wait is not given back a second time")
    func twice() throws {
        let budget = Budget(nanoseconds: 1_000_000)
        Budget.excusing { Budget.excusing { Clock.sleep(nanoseconds: 30_000_000) } }
        #expect(!budget.isSpent)
        // By the wall clock, ten times as long.
        Clock.sleep(nanoseconds: 15_000_000)
        #expect(budget.isSpent)
    }

    @Test("the time that others have the processor during such a wait is not given back a second time either")
    func twiceReady() throws {
        guard Clock.others > 0 else { return }
        let count = 4 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let isOver = Atomic<Bool>(false)
        ConcurrentLoop.forEach(count, bound: count) { index in
            guard index == 0 else {
                while !isOver.load(ordering: .relaxed) {}
                return
            }
            let budget = Budget(nanoseconds: 1_000_000)
            let start = Clock.others
            Budget.excusing { while Clock.others &- start < 100_000_000 {} }
            #expect(!budget.isSpent)
            Clock.sleep(nanoseconds: 15_000_000)
            #expect(budget.isSpent)
            isOver.store(true, ordering: .relaxed)
        }
    }

    @Test("computing may take longer while others have the processor, but not forever")
    func stretched() throws {
        guard Clock.others > 0 else { return }
        // Each thread has to wait for at least three others.
        let count = 4 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let whole: Int64 = 20_000_000
        let least = Atomic<Int64>(.max)
        let most = Atomic<Int64>(0)
        ConcurrentLoop.forEach(count, bound: count) { _ in
            let start = Clock.computed
            let budget = Budget(nanoseconds: whole)
            var last = start
            var before = start
            while !budget.isSpent {
                before = last
                last = Clock.computed
            }
            least.min(last &- start, ordering: .relaxed)
            most.max(before &- start, ordering: .relaxed)
        }
        #expect(least.load(ordering: .relaxed) >= whole)
        #expect((2 * whole...3 * whole + 1_000_000).contains(most.load(ordering: .relaxed)))
    }

    @Test("time in which others have the processor does not count")
    func ready() throws {
        guard Clock.others > 0 else { return }
        // More threads than processors: each waits for others.
        let count = 3 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let total = Atomic<Int64>(0)
        ConcurrentLoop.forEach(count, bound: count) { _ in
            let (before, start) = (Clock.others, Clock.computed)
            while Clock.computed &- start < 50_000_000 {}
            total.wrappingAdd(Clock.others &- before, ordering: .relaxed)
        }
        #expect(total.load(ordering: .relaxed) > 50_000_000)
    }

    @Test("losing the processor while a budget starts does not use it up")
    func heldUpAtFirst() throws {
        guard Clock.others > 0 else { return }
        // Each waits for so many others that it takes longer than a budget of this size waits for a disk.
        let count = 12 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let begun = Atomic<Int>(0)
        let spent = Atomic<Int>(0)
        let end = Clock.monotonic &+ 3_000_000_000
        ConcurrentLoop.forEach(count, bound: count) { _ in
            while Clock.monotonic < end {
                begun.wrappingAdd(1, ordering: .relaxed)
                if Budget(nanoseconds: 1_000_000).isSpent { spent.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(begun.load(ordering: .relaxed) > 1000)
        #expect(spent.load(ordering: .relaxed) == 0)
    }

    @Test("waiting for a disk counts")
    func asleep() {
        let budget = Budget(nanoseconds: 1_000_000)
        Clock.sleep(nanoseconds: 20_000_000)
        #expect(budget.isSpent)
    }

    @Test("After a wait for another program, asking for the rest costs no more than before")
    func cost() throws {
        let budget = Budget(nanoseconds: 30_000_000)
        _ = try Execution.ask(
            "/bin/sleep", arguments: ["sleep", "0.4"], nanoseconds: 60_000_000_000, limit: 16)
        #expect(leastComputed { for _ in 0..<2000 { _ = budget.isSpent } } < 10_000_000)
    }

    @Test("Whether the first process reaps others is determined once")
    func reaper() {
        _ = Reaper.isThere
        #expect(leastComputed { for _ in 0..<2000 { _ = Reaper.isThere } } < 5_000_000)
    }

    /// The nanoseconds that the quickest of several times computes: whatever disturbs one only adds to it.
    private func leastComputed(_ body: () -> Void) -> Int64 {
        (0..<5).map { _ in
            let before = Clock.computed
            body()
            return Clock.computed &- before
        }.min() ?? .max
    }
}
