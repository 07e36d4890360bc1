import Host
import Synchronization
import Testing

@Suite("A concurrent loop")
struct ConcurrentLoopTests {
    private final class Record: Sendable {
        let state = Mutex((done: [Int](), atWork: 0, most: 0))
    }

    @Test(
        "Each item once, never more at a time than the limit",
        arguments: [(0, 4), (1, 4), (3, 8), (40, 4), (7, 1), (5, 0)])
    func bound(_ count: Int, _ bound: Int) {
        let record = Record()
        ConcurrentLoop.forEach(count, bound: bound) { index in
            record.state.withLock {
                $0.atWork += 1
                $0.most = max($0.most, $0.atWork)
            }
            // A second thread may be slow to start.
            let deadline = Clock.monotonic + (count > 1 && bound > 1 ? 10_000_000_000 : 0)
            repeat {
                Clock.sleep(nanoseconds: 2_000_000)
            } while record.state.withLock { $0.most < 2 } && Clock.monotonic < deadline
            record.state.withLock {
                $0.atWork -= 1
                $0.done.append(index)
            }
        }
        let (done, most) = record.state.withLock { ($0.done, $0.most) }
        #expect(done.sorted() == Array(0..<count))
        #expect(most <= max(1, bound) && (count < 2 || bound < 2 || most > 1))
    }
}
