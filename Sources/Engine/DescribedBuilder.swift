public import Formats
internal import Host
public import Notes

/// A builder that was created with buildx, for people: what builds would find out about it, and more patiently.
public struct DescribedBuilder: Sendable {
    /// Its name, with the capitals it was given.
    public let name: ByteString
    /// "docker-container", "kubernetes", "remote" or another.
    public let driver: ByteString
    /// Where its nodes are.
    public let endpoints: [ByteString]
    /// Whether images come back to the engine without being asked for.
    public let loads: Bool
    /// Whether its connections are encrypted.
    public let usesTLS: Bool
    /// The architecture that it was seen to build for; nil if it was never seen.
    public let architecture: ByteString?
    /// For how many seconds builds do not ask it, because it did not answer; nil if they do.
    public let wait: Int?
    /// What keeps builds from it besides its answer, or never having had one; nil for nothing.
    public let obstacle: Note?

    private let instance: BuilderInstance
    private let probe: BuilderProbe
    private let key: ByteString

    fileprivate init(_ instance: BuilderInstance, in route: RoutedBuild, memory: SharedBuilderMemory) {
        let nodes = instance.nodes ?? []
        let key = SharedBuilder.key(instance, nodes)
        name = instance.name
        driver = instance.driver
        endpoints = nodes.map(\.endpoint)
        loads = !nodes.isEmpty && nodes.allSatisfy(\.loads)
        usesTLS = nodes.contains(where: \.usesTLS)
        let known = memory.recall(key)
        architecture = known?.architecture
        wait = known?.wait(at: SharedBuilderMemory.now)
        do throws(EngineError) {
            try SharedBuilder.check(instance)
            obstacle = nil
        } catch {
            obstacle = error.note
        }
        self.instance = instance
        self.key = key
        probe = BuilderProbe(context: route.context, hostTable: route.hostTable, until: 0)
    }

    /// How many nanoseconds its nodes take to answer as builds ask them. Throws if they do not within this many.
    public func ask(within nanoseconds: Int64) throws(EngineError) -> Int64 {
        let start = Clock.monotonic
        var probe = probe
        probe.until = start &+ nanoseconds
        for node in instance.nodes ?? [] { try probe.ask(node, of: instance) }
        return Clock.monotonic &- start
    }

    /// Remembers that it was seen to answer: from now on builds may go to it.
    public func learn(_ architecture: ByteString, _ memory: SharedBuilderMemory) {
        memory.answered(key, architecture: architecture)
    }
}

extension RoutedBuild {
    /// A builder that was created with buildx; nil if there is none.
    public func described(
        _ name: ByteString, memory: SharedBuilderMemory
    ) throws(EngineError) -> DescribedBuilder? {
        try store.instance(named: name).map { DescribedBuilder($0, in: self, memory: memory) }
    }

    /// All of them, by their names. What buildx could not read is left out.
    public func allDescribed(memory: SharedBuilderMemory) -> [DescribedBuilder] {
        store.names.compactMap { try? described($0, memory: memory) }
    }
}

extension BuilderStore {
    private static let mostNames = 1024

    /// The names in it, in order.
    fileprivate var names: [ByteString] {
        let folder = directory.appending(path: "instances")
        return ((try? Files.names(in: folder, limit: Self.mostNames)) ?? []).filter(Self.isValid).sorted()
    }
}
