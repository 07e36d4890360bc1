internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// A command that builds: what it requests from caches, which builds it makes, and how it renders offers.
protocol BuildCommand {
    var globals: GlobalOptions { get }
    /// Its options.
    var scan: Scan { get }
    /// What the command line and the settings permit.
    var request: CacheRequest { get set }
    /// What determines who builds.
    var builder: BuilderRequest { get }
    /// Its builds, as far as there was time to locate their contexts; empty if the builder must be known first.
    var builds: [Build] { get }
    /// How many builds the command makes.
    var total: Int { get }
    /// The build of a command that makes exactly one: only such a build can wait for others, or export after docker has
    /// ended.
    var single: SingleBuild? { get }

    /// Why it must not go to a shared builder, as far as its builds are known.
    var obstacleToSharing: Note? { get }
    /// The named contexts of each of its builds, "name=place".
    var namedContexts: [[ByteString]] { get }

    /// The command, sent to a shared builder.
    func plan(on sharedBuilder: ByteString) -> Plan
    /// The same command with all its builds, now that the builder is known.
    func completed(by builder: BuilderFacts) throws(Refusal) -> Self
    /// The command with the offers rendered.
    func plan(_ request: CacheRequest, _ offers: [CacheOffer]) -> Plan
    /// Writes the file that the plan refers to, if any.
    func write(_ request: CacheRequest, _ offers: [CacheOffer]) throws(Refusal)
}

extension BuildCommand {
    var single: SingleBuild? { nil }

    func completed(by builder: BuilderFacts) throws(Refusal) -> Self { self }

    func write(_ request: CacheRequest, _ offers: [CacheOffer]) throws(Refusal) {}
}

/// `docker build`, in all its spellings.
struct SingleBuild: BuildCommand {
    let build: BuildInvocation
    let words: [ByteString]
    var request: CacheRequest
    let builder: BuilderRequest
    let builds: [Build]
    let directory: ByteString
    private let settings: Settings
    private let isAlreadyRecorded: Bool

    var globals: GlobalOptions { build.globals }
    var scan: Scan { build.scan }
    var total: Int { 1 }
    var single: SingleBuild? { self }
    var obstacleToSharing: Note? { SharedBuilderPolicy.obstacle(to: build) }
    var namedContexts: [[ByteString]] { [build.buildContexts] }

    init(_ build: BuildInvocation, _ command: CommandRequest, isOurs: (ByteString) -> Bool) throws(Refusal) {
        request = BuildCachePolicy.request(of: build, command.settings, isOurs: isOurs)
        guard command.isWorthALook(request) else { throw Refusal(notes: request.notes) }
        guard let directory = try? Kernel.workingDirectory() else {
            throw Refusal(notes: request.notes + [Note(.storeUnreadable, ".")])
        }
        self.build = build
        self.directory = directory
        words = command.words
        settings = command.settings
        isAlreadyRecorded = command.isAlreadyRecorded
        builder = BuilderRequest(
            route: command.role.route(command.docker, else: build.route == .buildx ? .buildx : .dockerBuild),
            engine: EngineRequest(build.globals), builder: build.builder)
        let description = BuildDescription(build, in: directory)
        builds = [Build(description: description, fingerprint: BuildFingerprint(of: build, as: description))]
    }

    func plan(on sharedBuilder: ByteString) -> Plan {
        SharedBuilderPolicy.plan(words, on: sharedBuilder, after: build.commandWordIndex)
    }

    func plan(_ request: CacheRequest, _ offers: [CacheOffer]) -> Plan {
        BuildCachePolicy.plan(build, words, request: request, offer: offers.first ?? CacheOffer())
    }

    /// When its export is made, according to the settings and to what is safe.
    func timing(by builder: BuilderFacts) -> ExportTiming {
        guard settings.exports == .behind else { return .withBuild }
        let isRecognizable = builds.contains { $0.fingerprint != nil }
        if let obstacle = ExportBehind.obstacle(to: build, by: builder, isRecognizable: isRecognizable, settings) {
            return .notBehind(obstacle)
        }
        return isAlreadyRecorded ? .behindElsewhere : .behind
    }
}
