internal import Formats
internal import Host
internal import Notes

/// What a command waits for while it does work of its own.
public enum EngineWait: Sendable {
    /// That the engine's BuildKit takes a call, which lasts about as long as its answer. Not if `/info` is asked.
    case greeting
    /// The answer.
    case answer
}

/// Asks an engine what it is: through its BuildKit, which answers in a tenth of the time, otherwise with `GET /info`,
/// for which the engine runs programs.
struct EngineQuestion {
    let endpoint: Endpoint
    let hostTable: ByteString
    let memory: EngineMemory
    /// The time that an engine may take, in nanoseconds; its BuildKit gets a third of it.
    var patience = EngineConnection.patience

    /// If only `/info` worked, BuildKit is asked again after a day.
    private static let day: Int64 = 86_400_000_000_000

    /// The answer. `meanwhile` runs while waiting, once for the answer and at most once before for a greeting. Both ways
    /// together take no longer than one may.
    func ask(
        until deadline: Deadline = .never, meanwhile: (EngineWait) -> Void = { _ in }
    ) throws(EngineError) -> EngineInfo {
        var end = Clock.monotonic &+ patience
        var isStill = true
        func workOnce(_ wait: EngineWait) {
            guard isStill else { return }
            if wait == .answer { isStill = false }
            let start = Clock.monotonic
            meanwhile(wait)
            end = end &+ (Clock.monotonic &- start)
        }

        let known = memory.recall(endpoint)
        var refused = false
        if !known.isInformation(at: Clock.now) {
            let socket = try EngineConnection.connect(to: endpoint, hostTable: hostTable, until: end)
            do throws(EngineError) {
                return try askBuildKit(over: socket, known, meanwhile: workOnce)
            } catch {
                // If BuildKit answered before, silence now proves nothing.
                refused = error.note.reason != .engineSilent || known == nil
            }
        }
        let answer = try EngineConnection.get(
            "/info", from: endpoint, hostTable: hostTable, within: end &- Clock.monotonic
        ) { workOnce(.answer) }
        guard let info = EngineInfo(ByteString(answer.body), until: deadline) else {
            throw EngineError(.engineAnswerUnreadable)
        }
        learn(info, known, refused: refused)
        return info
    }

    private func askBuildKit(
        over socket: borrowing Socket, _ known: EngineMemory.Way?, meanwhile: (EngineWait) -> Void
    ) throws(EngineError) -> EngineInfo {
        let former: BuildKitWorker? = if case .worker(let worker)? = known { worker } else { nil }
        let (greeting, message) = try EngineConnection.call(
            BuildKitWorker.method, BuildKitWorker.question(besides: former), over: socket,
            until: Clock.monotonic &+ patience / 3,
            if: { EngineInfo.release(in: $0.server) != nil }, meanwhile: meanwhile)
        do throws(MalformedResponse) {
            // No worker but the known one.
            guard let worker = try BuildKitWorker.only(in: message) ?? former,
                let info = EngineInfo(worker, greeting: greeting.server)
            else { throw MalformedResponse() }
            if worker != former { memory.remember(.worker(worker), of: endpoint) }
            return info
        } catch {
            throw EngineError(.engineAnswerUnreadable)
        }
    }

    private func learn(_ info: EngineInfo, _ known: EngineMemory.Way?, refused: Bool) {
        let version = info.version?.text ?? "none"
        if refused {
            memory.remember(.information(version: version, until: Clock.now &+ Self.day), of: endpoint)
        } else if case .information(version, _)? = known {
            return
        } else if case .information? = known {
            memory.remember(nil, of: endpoint)
        }
    }
}

extension EngineMemory.Way? {
    /// Whether there is no need to ask the engine's BuildKit.
    fileprivate func isInformation(at now: Int64) -> Bool {
        if case .information(_, let until)? = self { now < until } else { false }
    }
}
