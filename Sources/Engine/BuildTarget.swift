public import Formats
internal import Host
public import Notes

/// What is known about the builder that a build will use.
public struct BuilderFacts: Equatable, Sendable {
    /// The builder's name.
    public let name: ByteString
    /// "docker", "docker-container", "kubernetes" or "remote".
    public let driver: ByteString
    /// The docker context that the command runs in.
    public let context: ByteString
    /// The plugin file that docker will run.
    public let plugin: ByteString
    /// The plugin's version; nil if it reports none.
    public let buildx: Version?
    /// The engine's answer; nil if it was not asked, or not understood.
    public let engine: EngineInfo?
    /// Why the builder cannot export a cache; nil if it can. It can always import.
    public let obstacleToExport: Note?
    /// The cache of the engine's own builder, if that builder is used and can list its cache.
    public var cache: EngineCache?

    /// Whether the builder can export a cache.
    public var canExport: Bool { obstacleToExport == nil }

    /// The engine's architecture as the OCI names it, if the engine was asked.
    public var architecture: ByteString? { engine?.architecture }
}

/// Which builder a build will use, determined without running buildx.
public enum BuildTarget: Equatable, Sendable {
    /// Nothing may be added to this command.
    case untouched(Note)
    /// Buildx will build.
    case buildx(BuilderFacts)

    /// Files that are in the same place on every machine.
    public struct SystemFiles: Sendable {
        /// The plugin directories after the user's own.
        public var pluginDirectories: [ByteString]
        /// The machine's hosts file.
        public var hostTable: ByteString

        /// From named values.
        public init(pluginDirectories: [ByteString], hostTable: ByteString) {
            self.pluginDirectories = pluginDirectories
            self.hostTable = hostTable
        }

        /// Docker's defaults.
        public static let standard = SystemFiles(
            pluginDirectories: BuildxPlugin.systemDirectories, hostTable: "/etc/hosts")
    }

    /// Determines the builder of a command from docker's files, the environment and one question to the engine.
    ///
    /// `docker` is the real CLI, which is not asked if this program runs as the plugin. `versions` stores what binaries
    /// reported, `memory` how engines were asked. `meanwhile` runs while waiting for the engine; it does not run if the
    /// engine is not asked. Docker files that take longer to read than the time allows count as unreadable.
    public static func resolve(
        _ request: BuilderRequest, environment: DockerEnvironment, docker: ByteString, versions: inout BinaryVersions,
        memory: EngineMemory = EngineMemory(file: nil), system: SystemFiles = .standard,
        until deadline: Deadline = .never, meanwhile: (EngineWait) -> Void = { _ in }
    ) -> BuildTarget {
        do throws(EngineError) {
            let route = try RoutedBuild.resolve(
                request, environment: environment, docker: docker, versions: &versions, system: system, until: deadline)
            let (plugin, buildx, context) = (route.plugin, route.buildx, route.context)
            if let instance = route.instance {
                guard exportingDrivers.contains(instance.driver) else {
                    throw EngineError(.driverUnknown, instance.driver)
                }
                return .buildx(route.facts(of: instance))
            }
            let asked = Clock.monotonic
            let question = EngineQuestion(endpoint: context.endpoint, hostTable: system.hostTable, memory: memory)
            let (engine, obstacle) = try ask(question, buildx: buildx, deadline, meanwhile)
            var facts = BuilderFacts(
                name: context.name, driver: "docker", context: context.name, plugin: plugin, buildx: buildx,
                engine: engine, obstacleToExport: obstacle)
            if let engine, engine.tellsOfCache {
                facts.cache = EngineCache(
                    endpoint: context.endpoint, hostTable: system.hostTable, answeredIn: Clock.monotonic &- asked)
            }
            return .buildx(facts)
        } catch {
            return .untouched(error.note)
        }
    }

    /// Source: docker/buildx driver/docker-container/driver.go, driver/kubernetes/driver.go and
    /// driver/remote/driver.go, Features.
    private static let exportingDrivers: [ByteString] = ["docker-container", "kubernetes", "remote"]

    /// The engine's answer, and why it cannot export. A builder whose engine cannot be asked can still import.
    private static func ask(
        _ question: EngineQuestion, buildx: Version?, _ deadline: Deadline, _ meanwhile: (EngineWait) -> Void
    ) throws(EngineError) -> (EngineInfo?, Note?) {
        let engine: EngineInfo
        do throws(EngineError) {
            engine = try question.ask(until: deadline, meanwhile: meanwhile)
        } catch {
            return (nil, error.note)
        }
        // With a Windows engine docker may use the legacy builder: docker/cli cmd/docker/builder.go, processBuilder.
        guard engine.operatingSystem == "linux" else { throw EngineError(.engineNotLinux, engine.operatingSystem) }
        return (engine, engine.obstacleToExport(buildx: buildx))
    }
}
