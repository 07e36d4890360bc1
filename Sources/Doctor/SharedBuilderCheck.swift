internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning
internal import Shim

/// BuildKits that several engines share: whether builds reach those that are set, or whether one would help. Asked as builds ask them.
struct SharedBuilderFacts {
    /// What one builder says.
    enum Answer: Equatable {
        /// After this many milliseconds.
        case answers(Int)
        case silent(ByteString)
        /// Builds do not even ask it.
        case unusable(ByteString)
    }

    var builders: [(name: ByteString, answer: Answer)] = []
    /// Whether the engine keeps images in the classic store, and so exports nothing.
    var isClassic = false
    /// How many engines this user's commands have reached.
    var engines = 0
    /// Whether the Dockerfile here has cache mounts, which lie in each engine.
    var hasCacheMounts = false

    func findings() -> [Finding] {
        guard builders.isEmpty else { return builders.map { Self.finding($0.name, $0.answer) } }
        var gains: [ByteString] = []
        if isClassic { gains.append("this engine exports nothing, and a shared builder needs no export") }
        if hasCacheMounts, engines > 1 {
            gains.append(
                "the Dockerfile here has cache mounts, and each of " + ByteString(decimal: engines)
                    + " engines fills its own")
        }
        guard !gains.isEmpty else { return [Finding(.sharedBuilderNotNeeded)] }
        return [Finding(.sharedBuilderWouldHelp, gains.joined(separator: "; "))]
    }

    private static func finding(_ name: ByteString, _ answer: Answer) -> Finding {
        switch answer {
        case .answers(let milliseconds):
            Finding(.sharedBuilderAnswers, name + ", after " + ByteString(decimal: milliseconds) + " ms")
        case .silent(let detail): Finding(.sharedBuilderSilent, name + ": " + detail, path: name)
        case .unusable(let detail): Finding(.sharedBuilderUnusable, name + ": " + detail, path: name)
        }
    }

    static func gather(_ settings: BuilderSettings, _ engine: EngineFacts, _ context: ProcessContext)
        -> SharedBuilderFacts
    {
        var facts = SharedBuilderFacts()
        facts.isClassic = engine.routes.contains { route in
            if case .buildx(let builder) = route.target {
                return builder.obstacleToExport?.reason == .engineCannotExport
            }
            return false
        }
        facts.engines = EngineMemory(file: Locations.state?.appending(path: "engines"), isWriting: false).known.count
        if let file = context.directory?.appending(path: "Dockerfile"), let status = try? Files.status(file),
            status.kind == .regular, status.size <= 65_536,
            let text = try? Files.read(file, limit: 65_536)
        {
            facts.hasCacheMounts = text.range(of: "--mount=type=cache") != nil
        }
        guard !settings.names.isEmpty else { return facts }
        do throws(EngineError) {
            let route = try Decision.buildRoute(for: .showing)
            facts.builders = settings.names.map { ($0, answer(of: $0, by: route, within: settings.wait)) }
        } catch {
            facts.builders = settings.names.map { ($0, .unusable(error.note.message)) }
        }
        return facts
    }

    private static func answer(of name: ByteString, by route: RoutedBuild, within nanoseconds: Int64) -> Answer {
        do throws(EngineError) {
            guard let builder = try route.described(name, memory: .remembered(.showing)) else {
                return .unusable("there is no such builder")
            }
            if let obstacle = builder.obstacle { return .unusable(obstacle.detail) }
            guard builder.architecture != nil else { return .unusable("it has never been seen to answer") }
            let time: Int64
            do throws(EngineError) {
                time = try builder.ask(within: nanoseconds)
            } catch {
                return .silent(error.note.message)
            }
            return .answers(Int(time / 1_000_000))
        } catch {
            return .unusable(error.note.message)
        }
    }
}

extension Check {
    var builders: CheckInfo {
        switch self {
        case .sharedBuilderAnswers: .fine("builds go to a shared builder")
        case .sharedBuilderSilent:
            .warning(
                "a shared builder does not answer within builder.wait",
                why: "builds go to another one, or are built by this engine with the local store",
                fix: "slipway builder check <path>")
        case .sharedBuilderUnusable:
            .warning(
                "a shared builder is set, and builds cannot use it",
                why: "they are built by this engine with the local store",
                fix: "slipway builder check <path>")
        case .sharedBuilderWouldHelp: .fine("a shared builder would share more here: docs/shared-builder.md")
        case .sharedBuilderNotNeeded: .fine("no shared builder is needed here")
        default: others
        }
    }
}
