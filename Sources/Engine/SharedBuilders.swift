public import Formats
internal import Host
internal import Notes

/// The builders that could take a build: set up for it, seen to answer before, and not left alone for a while.
public struct SharedBuilders: Sendable {
    /// In the order of the settings.
    public let builders: [SharedBuilder]
    private let context: DockerContext
    private let hostTable: ByteString
    private let memory: SharedBuilderMemory

    /// How many of them a build asks.
    static let mostAsked = 3

    /// Throws why there is none.
    public init(named names: [ByteString], for route: RoutedBuild, memory: SharedBuilderMemory) throws(EngineError) {
        // docker/buildx driver/remote/factory.go: an older one refuses the option, and the build.
        guard let buildx = route.buildx, buildx >= Version(0, 14) else {
            throw EngineError(.sharedBuilderNotReady, "buildx is older than 0.14")
        }
        var ready: [SharedBuilder] = []
        var obstacle: EngineError?
        var waiting: EngineError?
        for name in names {
            do throws(EngineError) {
                guard let instance = try route.store.instance(named: name) else {
                    throw EngineError(.sharedBuilderNotReady, name + " is not one of buildx's builders")
                }
                let builder = try SharedBuilder(instance, memory: memory)
                if let wait = memory.recall(builder.key)?.wait(at: SharedBuilderMemory.now) {
                    waiting = EngineError(
                        .sharedBuilderSilent, name + ", not asked again for " + ByteString(decimal: wait) + "s")
                } else {
                    ready.append(builder)
                }
            } catch {
                obstacle = obstacle ?? error
            }
        }
        guard !ready.isEmpty else { throw waiting ?? obstacle ?? EngineError(.sharedBuilderNotReady) }
        builders = ready
        context = route.context
        hostTable = route.hostTable
        self.memory = memory
    }

    /// The best one for a repository that answers. Every machine has the same order for the same repository, and a builder that goes
    /// away gives only its own repositories to others. Asking takes `nanoseconds` at most, all together.
    public func choose(for repository: ByteString, within nanoseconds: Int64) throws(EngineError) -> SharedBuilder {
        let deadline = Clock.monotonic &+ nanoseconds
        let asked = Self.ranked(builders, for: repository).prefix(Self.mostAsked)
        var silent: [ByteString] = []
        for (index, builder) in asked.enumerated() {
            let left = deadline &- Clock.monotonic
            // Most of it for the best: one that swallows what it gets is not asked by the next build.
            let share = index == asked.count - 1 ? left : left * 7 / 10
            guard share > 0 else { break }
            let probe = BuilderProbe(context: context, hostTable: hostTable, until: Clock.monotonic &+ share)
            do throws(EngineError) {
                for node in builder.nodes { try probe.ask(node, of: builder.instance) }
                memory.answered(builder.key, architecture: builder.architecture)
                return builder
            } catch {
                memory.failed(builder.key)
                let detail = error.note.detail
                silent.append(builder.name + (detail.isEmpty ? "" : " (" + detail + ")"))
            }
        }
        throw EngineError(.sharedBuilderSilent, silent.joined(separator: ", "))
    }

    /// Rendezvous hashing: the highest digest of repository and address first.
    static func ranked(_ builders: [SharedBuilder], for repository: ByteString) -> [SharedBuilder] {
        builders.map { (score: score(of: $0.address, for: repository), builder: $0) }
            .sorted { $0.score > $1.score }
            .map(\.builder)
    }

    static func score(of address: ByteString, for repository: ByteString) -> ByteString {
        SHA256.hexDigest(of: repository + "\0" + address)
    }
}

extension RoutedBuild {
    /// What is known about the builder that a command with `--builder` for this one would use.
    public func facts(of builder: SharedBuilder) -> BuilderFacts { facts(of: builder.instance) }

    /// What the command's own engine says of itself.
    public func engineInfo(memory: EngineMemory, until deadline: Deadline) throws(EngineError) -> EngineInfo {
        try EngineQuestion(endpoint: context.endpoint, hostTable: hostTable, memory: memory).ask(until: deadline)
    }

    /// The command's own engine.
    public var engine: ContainerEngine { ContainerEngine(endpoint: context.endpoint, hostTable: hostTable) }
}
