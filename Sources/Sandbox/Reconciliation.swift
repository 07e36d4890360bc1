public import Engine
public import Formats
internal import Host
internal import Synchronization

/// `slipway reconcile`: removes containers whose workspace is gone, or that the settings would now create
/// differently.
public struct Reconciliation: Sendable {
    /// A container and what happens to it.
    public struct Item: Equatable, Sendable {
        /// The container as it was listed.
        public let container: SandboxContainer
        /// The verdict on it.
        public let verdict: Verdict
        /// Docker's message if it was not removed; otherwise empty.
        public var said: ByteString = ""
    }

    /// Stopped containers that are to be removed.
    public let outdated: [Item]
    /// Containers that should be removed but have not stopped: they stay.
    public let running: [Item]
    /// The number of containers made elsewhere.
    public let elsewhere: Int

    /// The most docker programs to run at the same time.
    public static let bound = 4

    /// Judges all containers of an engine.
    public init(_ containers: [SandboxContainer], by standard: Verdict.Standard) {
        let items = containers.map { Item(container: $0, verdict: Verdict($0, by: standard)) }
        outdated = items.filter { $0.verdict.isOutdated && $0.container.isStopped }
        running = items.filter { $0.verdict.isOutdated && !$0.container.isStopped }
        elsewhere = items.filter { $0.verdict == .elsewhere }.count
    }

    /// The result.
    public struct Report: Equatable, Sendable {
        /// Removed.
        public var removed: [Item] = []
        /// Started meanwhile, or never stopped: with or without a message of docker's.
        public var kept: [Item] = []
        /// Not removed for another reason, with docker's message.
        public var failed: [Item] = []

        /// Starts with the containers that stay anyway.
        public init(kept: [Item] = []) { self.kept = kept }
    }

    /// Removes the stopped ones, several at a time. Never by force: the engine itself refuses to remove a container
    /// that was started meanwhile.
    public func remove(_ docker: any EngineClient & Sendable) -> Report {
        let items = outdated
        let answers = Mutex<[Int: Outcome]>([:])
        ConcurrentLoop.forEach(items.count, bound: Self.bound) { index in
            guard items.indices.contains(index) else { return }
            let outcome = Self.remove(items[index].container, docker)
            answers.withLock { $0[index] = outcome }
        }
        var report = Report(kept: running)
        let outcomes = answers.withLock { $0 }
        for (index, item) in items.enumerated() {
            switch outcomes[index] ?? .failed("not tried") {
            case .removed: report.removed.append(item)
            case .kept(let words):
                report.kept.append(Item(container: item.container, verdict: item.verdict, said: words))
            case .failed(let words):
                report.failed.append(Item(container: item.container, verdict: item.verdict, said: words))
            }
        }
        return report
    }

    private enum Outcome { case removed, kept(ByteString), failed(ByteString) }

    private static func remove(_ container: SandboxContainer, _ docker: any EngineClient) -> Outcome {
        do throws(DockerClientError) {
            let answer = try docker.call(DockerCall(["container", "rm", container.id], .deed))
            let said = answer.error.lowercasedASCII
            if answer.isGood || answer.isRemovalInProgress || said.range(of: "no such container") != nil {
                return .removed
            }
            // moby daemon/delete.go, cleanupContainer: running, paused and restarting containers, in the wording of
            // all versions.
            let isAlive = ["running", "paused", "restarting"].contains { said.range(of: $0) != nil }
            return isAlive ? .kept(answer.words) : .failed(answer.words)
        } catch {
            return .failed(error.line)
        }
    }
}
